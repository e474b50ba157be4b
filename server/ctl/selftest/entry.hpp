// Where clients enter, and whether somebody is there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "selftest/outcome.hpp"
#include "selftest/patience.hpp"

namespace valise::ctl::selftest {

struct Entry {
  std::string address;  // numeric
  std::uint16_t port = 0;
};

// One of listen.c2s ("192.0.2.1:5222", "[::1]:5222", "*:5222") as a client on this machine reaches it. Nothing: it is
// none.
[[nodiscard]] std::optional<Entry> entry_of(std::string_view listener);
[[nodiscard]] std::string text_of(const Entry& entry);
// The first of them to which there is a TCP connection. The listeners: those of the running server.
[[nodiscard]] Outcome<Entry> reach(const std::vector<std::string>& listeners, const Patience& patience);

}  // namespace valise::ctl::selftest
