// What waits for one account, as far as memory must know it: how much, which ids, and marks that recognise an identical
// re-send. The messages themselves stay in the store. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/session.hpp"
#include "storage/types.hpp"

namespace valise::modules::offline {

// 16 bytes over sender, address, id and content (DESIGN: such a re-send is stored once).
using Mark = std::array<unsigned char, 16>;
[[nodiscard]] Mark mark_of(std::string_view from, std::string_view to, std::string_view id, std::string_view digest);
// BoxMessage::digest of these children.
[[nodiscard]] std::string content_digest(std::string_view children);

class Queue {
 public:
  // Rows that were read from the store, in id order; those known before are skipped.
  void learn(const storage::BoxMessage& row);
  // A message was handed to the committer; its row is not known until it is read.
  void expect(const Mark& mark);
  // How many were expected so far, ever.
  [[nodiscard]] std::uint64_t expected() const noexcept { return count_; }
  [[nodiscard]] bool is_settled() const noexcept { return expected_.empty(); }
  // All rows of the first `count` expected messages were read: what is left of these never became durable.
  void settle(std::uint64_t count);
  // These are delivered and durably marked so.
  void remove(const std::vector<std::uint64_t>& ids);

  [[nodiscard]] bool is_stored(const Mark& mark) const noexcept;  // durably, not merely expected
  [[nodiscard]] std::size_t size() const noexcept { return rows_.size() + expected_.size(); }
  [[nodiscard]] std::uint64_t last_id() const noexcept { return last_; }  // greatest ever learned

 private:
  struct Row {
    std::uint64_t id;
    Mark mark;
  };
  struct Expected {
    Mark mark;
    std::uint64_t number;
  };
  std::vector<Row> rows_;           // by id
  std::vector<Expected> expected_;  // oldest first
  std::uint64_t count_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace valise::modules::offline
