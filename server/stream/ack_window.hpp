// XEP-0198 counting of what the client sent. `h` may cover a stanza only when it and all before it are handled for good
// (ARCHITECTURE.md, "Acknowledged means durable"), and commits end out of step with requests: so a window of flags.
#pragma once

#include <cstdint>
#include <deque>

namespace valise::stream {

class AckWindow {
 public:
  // A stanza came in; its number, from 1 on.
  std::uint32_t received() {
    handled_.push_back(false);
    return static_cast<std::uint32_t>(base_ + handled_.size());
  }
  // Numbers may be told in any order, unknown ones are ignored.
  void handled(std::uint32_t number) {
    const auto offset = static_cast<std::uint32_t>(number - base_) - 1;
    if (offset >= handled_.size()) return;
    handled_[offset] = true;
    while (!handled_.empty() && handled_.front()) {
      handled_.pop_front();
      ++base_;
    }
  }
  // The client asks: it is answered when all it has sent so far is handled.
  void requested() {
    asked_ = true;
    asked_at_ = static_cast<std::uint32_t>(base_ + handled_.size());
  }
  // True once for each request whose answer is due.
  bool answer_due() {
    if (!asked_ || static_cast<std::int32_t>(base_ - asked_at_) < 0) return false;
    asked_ = false;
    return true;
  }
  [[nodiscard]] std::uint32_t h() const noexcept { return base_; }
  [[nodiscard]] std::size_t open() const noexcept { return handled_.size(); }

 private:
  std::uint32_t base_ = 0;  // modulo 2^32, as XEP-0198 §5
  std::uint32_t asked_at_ = 0;
  bool asked_ = false;
  std::deque<bool> handled_;
};

}  // namespace valise::stream
