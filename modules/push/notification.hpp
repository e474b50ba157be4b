// What a push service is told (XEP-0357 §7): how much waits, never what. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace valise::modules::push {

struct Summary {
  std::size_t messages = 0;
  std::size_t pending_subscriptions = 0;  // 0: the field is left out
  std::string_view last_sender;           // a bare address; empty: the field is left out
};

// <pubsub/> with one publication. `options`: the form that goes with it, or "".
[[nodiscard]] std::string notification(std::string_view node, std::string_view options, const Summary& summary);

}  // namespace valise::modules::push
