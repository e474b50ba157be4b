// First in, first out. What is empty owns no memory, unlike std::deque (some 600 bytes): it is for the many that seldom
// hold anything.
#pragma once

#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace valise {

template <class T>
class Fifo {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == items_.size(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size() - first_; }
  void push(T item) { items_.push_back(std::move(item)); }
  // Before all others. T has to be assignable.
  void push_front(T item) {
    if (first_ > 0) {
      items_[--first_] = std::move(item);
    } else {
      items_.insert(items_.begin(), std::move(item));
    }
  }
  // Not while it is empty. References end with the next push or take.
  [[nodiscard]] T& front() noexcept { return items_[first_]; }
  // Takes the first out; not while it is empty.
  [[nodiscard]] T take() {
    T taken = std::move(items_[first_++]);
    if (empty()) {
      items_ = std::vector<T>();
      first_ = 0;
    } else if (first_ >= least_gap && first_ * 2 >= items_.size()) {
      items_ = std::vector<T>(std::make_move_iterator(begin()), std::make_move_iterator(end()));
      first_ = 0;
    }
    return taken;
  }
  // In order, the first first.
  [[nodiscard]] auto begin() noexcept { return items_.begin() + static_cast<std::ptrdiff_t>(first_); }
  [[nodiscard]] auto end() noexcept { return items_.end(); }

 private:
  static constexpr std::size_t least_gap = 32;
  std::vector<T> items_;  // from first_ on; what was taken before it is closed in one go
  std::size_t first_ = 0;
};

}  // namespace valise
