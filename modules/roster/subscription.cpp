#include "modules/roster/subscription.hpp"

#include <array>

namespace valise::modules::roster {
namespace {

using storage::Subscription;
constexpr auto to_bit = static_cast<unsigned>(Subscription::to);
constexpr auto from_bit = static_cast<unsigned>(Subscription::from);

void set(State& state, unsigned bit, bool on) noexcept {
  const auto now = static_cast<unsigned>(state.subscription);
  state.subscription = static_cast<Subscription>(on ? now | bit : now & ~bit);
}

constexpr std::array<std::string_view, 4> names{"subscribe", "subscribed", "unsubscribe", "unsubscribed"};

}  // namespace

std::optional<Step> step_of(std::string_view type) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == type) return static_cast<Step>(i);
  }
  return std::nullopt;
}

std::string_view name_of(Step step) noexcept { return names[static_cast<std::size_t>(step)]; }

bool is_valid(const State& state) noexcept {
  return !(state.pending_out && has_to(state.subscription)) && !(state.pending_in && has_from(state.subscription)) &&
         !(state.approved && (state.pending_in || has_from(state.subscription)));
}

State state_of(const storage::RosterItem& item) noexcept {
  return {item.subscription, item.ask, !item.pending_in.empty(), item.approved};
}

Sent send(State state, Step step) noexcept {
  Sent out{state, true};
  switch (step) {
    case Step::subscribe:  // A.2.1: always routed, the two sides may have lost step
      if (!has_to(state.subscription)) out.next.pending_out = true;
      break;
    case Step::unsubscribe:  // A.2.2
      out.next.pending_out = false;
      set(out.next, to_bit, false);
      break;
    case Step::subscribed:  // A.2.3
      if (state.pending_in) {
        out.next.pending_in = false;
        set(out.next, from_bit, true);
      } else {
        out.route = false;
        if (!has_from(state.subscription)) out.next.approved = true;  // §3.4.2
      }
      break;
    case Step::unsubscribed:  // A.2.4
      out.route = state.pending_in || has_from(state.subscription);
      out.next.pending_in = false;
      out.next.approved = false;  // takes a pre-approval back
      set(out.next, from_bit, false);
      break;
  }
  return out;
}

Received receive(State state, Step step) noexcept {
  Received in{state, false, std::nullopt};
  switch (step) {
    case Step::subscribe:  // A.3.1
      if (has_from(state.subscription)) {
        in.reply = Step::subscribed;
      } else if (state.approved) {  // §3.1.3 (a): used up, so that a later subscription is asked for again
        set(in.next, from_bit, true);
        in.next.approved = false;
        in.reply = Step::subscribed;
      } else if (!state.pending_in) {
        in.next.pending_in = true;
        in.deliver = true;
      }
      break;
    case Step::unsubscribe:  // A.3.2
      in.deliver = state.pending_in || has_from(state.subscription);
      in.next.pending_in = false;
      set(in.next, from_bit, false);
      break;
    case Step::subscribed:  // A.3.3: only to one who asked
      if (state.pending_out) {
        in.next.pending_out = false;
        set(in.next, to_bit, true);
        in.deliver = true;
      }
      break;
    case Step::unsubscribed:  // A.3.4
      in.deliver = state.pending_out || has_to(state.subscription);
      in.next.pending_out = false;
      set(in.next, to_bit, false);
      break;
  }
  return in;
}

}  // namespace valise::modules::roster
