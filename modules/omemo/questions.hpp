// docs/sealed.md 3.5: the questions of one session that wait for an answer. An answer passes only against one of them,
// and once, so that answers are no channel of their own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "core/session.hpp"

namespace valise::modules::omemo {

class Questions final : public core::Part {
 public:
  static constexpr std::size_t most = 500;
  static constexpr std::int64_t life_ms = 600'000;

  // `peer`: the full JID that was asked; `ns`: of the question's payload. The oldest one makes room.
  void ask(std::string_view peer, std::string_view id, std::string_view ns, std::int64_t now_ms) {
    forget_old(now_ms);
    if (waiting_.size() == most) waiting_.pop_front();
    waiting_.push_back({std::string(peer), std::string(id), std::string(ns), now_ms});
  }

  // True, and the question is taken out, if `peer` was asked under this id. `ns`: of the answer's payload, which has
  // to be the question's; empty for an answer without one.
  [[nodiscard]] bool answer(std::string_view peer, std::string_view id, std::string_view ns, std::int64_t now_ms) {
    forget_old(now_ms);
    const auto found = std::ranges::find_if(
        waiting_, [&](const Question& question) { return question.id == id && question.peer == peer; });
    if (found == waiting_.end() || (!ns.empty() && ns != found->ns)) return false;
    waiting_.erase(found);
    return true;
  }

 private:
  struct Question {
    std::string peer, id, ns;
    std::int64_t asked_ms;
  };
  void forget_old(std::int64_t now_ms) {
    while (!waiting_.empty() && now_ms - waiting_.front().asked_ms > life_ms) waiting_.pop_front();
  }

  std::deque<Question> waiting_;  // in the order of asking
};

}  // namespace valise::modules::omemo
