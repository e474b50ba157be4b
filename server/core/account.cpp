#include "core/account.hpp"

#include <ranges>

namespace valise::core {

Session* Account::find(std::string_view resource) const {
  for (auto* session : sessions) {
    if (session->jid.resource() == resource) return session;
  }
  return nullptr;
}

Session* Account::find_id(std::uint64_t session_id) const {
  for (auto* session : sessions) {
    if (session->id == session_id) return session;
  }
  return nullptr;
}

void Account::commit_ended(bool at_once, std::size_t bytes) {
  waiting_bytes_ -= bytes;
  if (at_once) {
    --begun_;  // what began to wait meanwhile waits for the others only
    for (auto& waiting : waiting_ | std::views::reverse) {
      if (waiting.behind <= begun_) break;
      waiting.behind = begun_;
    }
  } else {
    ++ended_;
  }
  if (running_) return;
  running_ = true;
  while (!waiting_.empty() && waiting_.front().behind <= ended_) {
    auto next = waiting_.take();
    waiting_bytes_ -= next.bytes;
    const auto begun = begun_;
    next.deliver();
    if (begun_ <= begun) continue;
    // It began a commit itself, such as a change of the roster: what came behind it waits for that one, too.
    for (auto& waiting : waiting_) {
      if (waiting.behind >= begun_) break;
      waiting.behind = begun_;
    }
  }
  running_ = false;
}

void Account::in_order(std::move_only_function<void()> deliver, std::size_t bytes) {
  if (begun_ == ended_ && waiting_.empty()) return deliver();
  constexpr std::size_t place = 256;  // of the queue and of what `deliver` holds, whatever it is
  waiting_.push({begun_, bytes + place, std::move(deliver)});
  waiting_bytes_ += bytes + place;
}

}  // namespace valise::core
