// What waits for one account, as far as memory must know it: how much, which ids, and marks that recognise an identical
// re-send. The messages themselves stay in the store. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/session.hpp"
#include "core/stanza.hpp"
#include "storage/types.hpp"

namespace valise::modules::offline {

// 16 bytes over sender, address, id and content (docs/sealed.md D2: such a re-send is stored once).
using Mark = std::array<unsigned char, 16>;
[[nodiscard]] Mark mark_of(std::string_view from, std::string_view to, std::string_view id, std::string_view digest);
// Whether an equal message of the same sender is the same one: by its id or, without one, because no ratchet seals
// twice alike.
[[nodiscard]] bool says_which(const core::Stanza& message);
// BoxMessage::digest of these children.
[[nodiscard]] std::string content_digest(std::string_view children);
[[nodiscard]] std::string content_digest(const core::Stanza& message);  // of its children

class Queue {
 public:
  // A row that the store holds.
  void learn(std::uint64_t id, const Mark& mark) { rows_.push_back({id, mark}); }
  // A message was handed to the committer …
  void expect() {
    ++under_way_;
    ++count_;
  }
  // … and came back: with its id, or with 0, then it was not stored.
  void came_back(std::uint64_t id, const Mark& mark);
  // How many were expected so far, ever.
  [[nodiscard]] std::uint64_t expected() const noexcept { return count_; }
  // These are delivered and durably marked so.
  void remove(const std::vector<std::uint64_t>& ids);

  [[nodiscard]] bool is_stored(const Mark& mark) const noexcept;  // durably, not merely expected
  // Something waits, or is about to, that is none of these; they are in order.
  [[nodiscard]] bool has_other_than(const std::vector<std::uint64_t>& ids) const noexcept;
  [[nodiscard]] bool holds(std::uint64_t id) const noexcept;
  // It holds it, or it is among the newest that were removed.
  [[nodiscard]] bool has_had(std::uint64_t id) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return rows_.size() + under_way_; }

 private:
  struct Row {
    std::uint64_t id;
    Mark mark;
  };
  static constexpr std::size_t most_removed = 128;
  std::vector<Row> rows_;
  std::vector<std::uint64_t> removed_;  // the oldest first
  std::size_t under_way_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace valise::modules::offline
