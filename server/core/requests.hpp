// Requests of the server to one client that wait for their answer. They live with the session, so that no client can
// use up what others need. Home shard only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/stanza.hpp"

namespace valise::core {

class Requests {
 public:
  using Answer = std::move_only_function<void(StanzaPtr)>;
  static constexpr std::size_t max = 16;

  [[nodiscard]] bool is_full() const noexcept { return open_.size() >= max; }
  // Not when it is full.
  void add(std::string id, std::int64_t deadline_ms, Answer answer) {
    open_.push_back({std::move(id), deadline_ms, std::move(answer)});
  }
  // Who waits for this answer; empty: nobody.
  [[nodiscard]] Answer take(std::string_view id) {
    const auto found = std::ranges::find(open_, id, &Open::id);
    if (found == open_.end()) return {};
    auto answer = std::move(found->answer);
    open_.erase(found);
    return answer;
  }
  // Moves those that had to be answered before `now_ms` behind `late`.
  void take_late(std::int64_t now_ms, std::vector<Answer>& late) {
    std::erase_if(open_, [&](Open& request) {
      if (request.deadline_ms > now_ms) return false;
      late.push_back(std::move(request.answer));
      return true;
    });
  }

 private:
  struct Open {
    std::string id;
    std::int64_t deadline_ms;
    Answer answer;
  };
  std::vector<Open> open_;
};

}  // namespace valise::core
