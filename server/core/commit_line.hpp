// What waits for the committer: a line, and beside it those who may pass a crowd. Not safe for threads by itself.
//
// Who writes much at once, as each session may in a burst, makes a crowd. A small unit whose people have nothing in the
// line (Unit::people) goes with the next batch all the same: others wait for a batch and not for all that one person
// has sent, and the units of one person, as sender or as recipient, never overtake each other.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "core/unit.hpp"

namespace valise::core {

class CommitLine {
 public:
  struct Waiting {
    UnitPtr unit;
    std::size_t bytes = 0;
  };
  static constexpr std::size_t small = 8'192;  // bytes of a unit that may pass: a sealed line of text has half of it
  static constexpr std::size_t most_passing = 64;  // that pass one batch

  // `crowd`: bytes in the line above which others may pass.
  explicit CommitLine(std::size_t crowd) : crowd_(crowd) {}

  [[nodiscard]] bool empty() const noexcept { return line_.empty() && passing_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return line_.size() + passing_.size(); }

  void push(UnitPtr unit, std::size_t bytes) {
    if (may_pass(*unit, bytes)) return passing_.push_back({std::move(unit), bytes});
    in_line(*unit, 1);
    line_bytes_ += bytes;
    line_.push_back({std::move(unit), bytes});
  }

  // Appends all that pass, then the first of the line and more of it while there are fewer units and bytes than that;
  // returns the bytes of all.
  std::size_t take(std::vector<Waiting>& into, std::size_t units, std::size_t bytes) {
    std::size_t taken = 0;
    for (auto& one : passing_) {
      taken += one.bytes;
      into.push_back(std::move(one));
    }
    passing_.clear();
    for (std::size_t of_line = 0; !line_.empty() && of_line < bytes && (of_line == 0 || into.size() < units);) {
      auto& first = line_.front();
      in_line(*first.unit, -1);
      line_bytes_ -= first.bytes;
      of_line += first.bytes;
      taken += first.bytes;
      into.push_back(std::move(first));
      line_.pop_front();
    }
    return taken;
  }

 private:
  using People = std::array<std::size_t, 2>;

  [[nodiscard]] bool may_pass(const Unit& unit, std::size_t bytes) const {
    if (line_bytes_ <= crowd_ || bytes > small || passing_.size() >= most_passing || unnamed_ > 0) return false;
    return unit.people != People{} && named_[unit.people[0] % named_.size()] == 0 &&
           named_[unit.people[1] % named_.size()] == 0;
  }
  void in_line(const Unit& unit, int change) {
    if (unit.people == People{}) {
      unnamed_ += unit.nobody_waits ? 0 : change;
      return;
    }
    for (const auto person : unit.people) named_[person % named_.size()] += change;
  }

  const std::size_t crowd_;
  std::deque<Waiting> line_;
  std::vector<Waiting> passing_;  // all go with the next batch
  std::size_t line_bytes_ = 0;
  int unnamed_ = 0;                 // in line_: nothing passes them
  std::array<int, 1'024> named_{};  // how many of line_ are somebody's; who shares a place with another waits with him
};

}  // namespace valise::core
