// RFC 6121 §3 and appendix A as a pure function: a state and a stanza in, the next state and what to do out. Each side
// runs it for itself; nothing here knows of accounts, sessions or stores.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/types.hpp"

namespace valise::modules::roster {

enum class Step : std::uint8_t { subscribe, subscribed, unsubscribe, unsubscribed };
// Nothing for every other type.
[[nodiscard]] std::optional<Step> step_of(std::string_view type) noexcept;
[[nodiscard]] std::string_view name_of(Step step) noexcept;

// One of the nine states of appendix A.1, and the pre-approval of §3.4.
struct State {
  storage::Subscription subscription = storage::Subscription::none;
  bool pending_out = false;  // we asked
  bool pending_in = false;   // the contact asked
  bool approved = false;     // the contact may subscribe without asking again
  friend bool operator==(const State&, const State&) = default;
};

[[nodiscard]] constexpr bool has_to(storage::Subscription s) noexcept {
  return (static_cast<unsigned>(s) & static_cast<unsigned>(storage::Subscription::to)) != 0;
}
[[nodiscard]] constexpr bool has_from(storage::Subscription s) noexcept {
  return (static_cast<unsigned>(s) & static_cast<unsigned>(storage::Subscription::from)) != 0;
}
// One of the nine: nobody asks for what he has.
[[nodiscard]] bool is_valid(const State& state) noexcept;
[[nodiscard]] State state_of(const storage::RosterItem& item) noexcept;

// Appendix A.2: the user sends `step` to the contact.
struct Sent {
  State next;
  bool route = false;  // the stanza goes on to the contact's server
};
[[nodiscard]] Sent send(State state, Step step) noexcept;

// Appendix A.3: `step` came from the contact.
struct Received {
  State next;
  bool deliver = false;       // to the user's resources
  std::optional<Step> reply;  // what the server answers in the user's name
};
[[nodiscard]] Received receive(State state, Step step) noexcept;

}  // namespace valise::modules::roster
