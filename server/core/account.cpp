#include "core/account.hpp"

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

void Account::commit_ended() {
  ++ended_;
  while (!waiting_.empty() && waiting_.front().behind <= ended_) {
    auto deliver = std::move(waiting_.front().deliver);
    waiting_.pop_front();
    deliver();
  }
}

void Account::in_order(std::move_only_function<void()> deliver) {
  if (begun_ == ended_ && waiting_.empty()) return deliver();
  waiting_.push_back({begun_, std::move(deliver)});
}

}  // namespace valise::core
