#include "core/account.hpp"

#include <ranges>

#include "core/again.hpp"

namespace valise::core {
namespace {
constexpr std::size_t place = 256;  // of the queue and of what `deliver` holds, whatever it is
}  // namespace

Account::Account(Jid bare) : jid(std::move(bare)) {}

Account::~Account() = default;

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
      if (waiting.behind == held) continue;
      if (waiting.behind <= begun_) break;
      waiting.behind = begun_;
    }
  } else {
    ++ended_;
  }
  run_waiting();
}

void Account::run_waiting() {
  if (running_) return;
  running_ = true;
  while (!waiting_.empty() && waiting_.front().behind <= ended_) {
    auto next = waiting_.take();
    waiting_bytes_ -= next.bytes;
    const auto begun = begun_;
    next.deliver();
    // It began a commit itself, such as a change of the roster: what came behind it waits for that one, too.
    if (begun_ > begun) wait_for_all_begun();
  }
  running_ = false;
}

void Account::wait_for_all_begun() {
  for (auto& waiting : waiting_) {
    if (waiting.behind == held) continue;
    if (waiting.behind >= begun_) break;
    waiting.behind = begun_;
  }
}

void Account::in_order(std::move_only_function<void()> deliver, std::size_t bytes) {
  if (begun_ == ended_ && waiting_.empty()) return deliver();
  waiting_.push({begun_, bytes + place, std::move(deliver)});
  waiting_bytes_ += bytes + place;
}

void Account::hold_order() { waiting_.push_front({held, 0, {}}); }

void Account::release_order() {
  (void)waiting_.take();
  wait_for_all_begun();
  run_waiting();
}

void Account::first_in_order(std::move_only_function<void()> deliver, std::size_t bytes) {
  wait_for_all_begun();  // the order of commits stays that of what waits
  waiting_.push_front({begun_, bytes + place, std::move(deliver)});
  waiting_bytes_ += bytes + place;
}

}  // namespace valise::core
