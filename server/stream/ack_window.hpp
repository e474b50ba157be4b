// XEP-0198 counting of what the client sent. `h` may cover a stanza only when it and all before it are handled for good
// (ARCHITECTURE.md, "Acknowledged means durable"), and commits end out of step with requests: so a window of flags.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/release.hpp"

namespace valise::stream {

class AckWindow {
 public:
  AckWindow() = default;
  explicit AckWindow(std::uint64_t base) : base_(base) {}  // as if so many had been handled

  // A stanza came in; its number, from 1 on.
  std::uint64_t received() {
    handled_.push_back(false);
    return base_ + open();
  }
  // Numbers may be told in any order, unknown ones are ignored.
  void handled(std::uint64_t number) {
    const auto offset = number - base_ - 1;
    if (number <= base_ || offset >= open()) return;
    handled_[first_ + offset] = true;
    while (first_ < handled_.size() && handled_[first_]) {
      ++first_;
      ++base_;
    }
    if (first_ == handled_.size()) {
      handled_.clear();
      first_ = 0;
    } else if (first_ >= 1024 && first_ * 2 >= handled_.size()) {
      handled_.erase(handled_.begin(), handled_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
  }
  // The client asks: it is answered when all it has sent so far is handled.
  void requested() {
    asked_ = true;
    asked_at_ = base_ + open();
  }
  // True once for each request whose answer is due.
  bool answer_due() {
    if (!asked_ || base_ < asked_at_) return false;
    asked_ = false;
    return true;
  }
  // Its connection is gone, and with it who asked.
  void rest() {
    asked_ = false;
    if (open() == 0) release(handled_);
  }
  // Modulo 2^32 (XEP-0198 §4).
  [[nodiscard]] std::uint32_t h() const noexcept { return static_cast<std::uint32_t>(base_); }
  [[nodiscard]] std::size_t open() const noexcept { return handled_.size() - first_; }

 private:
  std::uint64_t base_ = 0;  // so many are handled
  std::uint64_t asked_at_ = 0;
  bool asked_ = false;
  std::vector<bool> handled_;  // from first_ on: of the stanzas behind base_
  std::size_t first_ = 0;
};

}  // namespace valise::stream
