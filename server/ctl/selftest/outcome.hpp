// What goes wrong in the self-test, told as an administrator needs it.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace valise::ctl::selftest {

struct Trouble {
  std::string condition;  // the server's ("policy-violation"), or one of ours ("certificate", "time-out", …)
  std::string text;       // what happened, in one line; never a secret
  std::string remedy;     // what to do about it
};

template <class T = void>
using Outcome = std::expected<T, Trouble>;

[[nodiscard]] inline std::unexpected<Trouble> trouble(std::string condition, std::string text, std::string remedy) {
  return std::unexpected(Trouble{std::move(condition), std::move(text), std::move(remedy)});
}

}  // namespace valise::ctl::selftest
