// Private to this folder: sets of texts, some of them with `*`. Exact ones are one look-up by hash; patterns hang in
// two tries by one of their fixed ends, so that of ten thousand only those are compared whose beginning or end fits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/matcher.hpp"

namespace valise::policy {

// Patterns of one set that begin and end alike; more are refused.
inline constexpr std::size_t most_alike = 64;

[[nodiscard]] inline bool has_star(std::string_view text) noexcept { return text.find('*') != std::string_view::npos; }

// Characters with `*` for any run of them. Taking the first place for each part finds a match if there is one.
class Glob {
 public:
  explicit Glob(std::string_view text);
  [[nodiscard]] bool matches(std::string_view text) const;
  [[nodiscard]] const std::string& first() const noexcept { return parts_.front(); }
  [[nodiscard]] const std::string& last() const noexcept { return parts_.back(); }

 private:
  std::vector<std::string> parts_;  // between the stars; at least two
};

// Numbers under texts; visits those whose text is a beginning of another.
class Trie {
 public:
  using Entries = std::vector<std::pair<std::string, std::uint32_t>>;
  explicit Trie(Entries entries);
  // `next()`: the text's next byte, or -1 at its end; `visit(number)`: true ends it, and is the result.
  template <class Next, class Visit>
  [[nodiscard]] bool walk(Next next, Visit visit) const {
    const Node* node = nodes_.empty() ? nullptr : &nodes_[0];
    while (node != nullptr) {
      for (std::uint32_t i = 0; i < node->numbers; ++i) {
        if (visit(numbers_[node->first_number + i])) return true;
      }
      const int byte = next();
      node = byte < 0 ? nullptr : child(*node, static_cast<unsigned char>(byte));
    }
    return false;
  }
  [[nodiscard]] std::size_t crowd() const noexcept { return crowd_; }  // numbers under one text at most

 private:
  struct Node {
    std::uint32_t first_edge = 0, edges = 0;
    std::uint32_t first_number = 0, numbers = 0;
  };
  struct Edge {
    unsigned char byte;
    std::uint32_t node;
  };
  [[nodiscard]] const Node* child(const Node& node, unsigned char byte) const noexcept;
  // Of entries `from` … `until`, which have their first `depth` bytes in common.
  void build(const Entries& entries, std::size_t from, std::size_t until, std::size_t depth, std::uint32_t at);

  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::vector<std::uint32_t> numbers_;
  std::size_t crowd_ = 0;
};

class PatternSet {
 public:
  explicit PatternSet(const std::vector<std::string_view>& patterns);
  [[nodiscard]] bool matches(std::string_view text) const;
  // So many are compared one by one, in the worst case at each byte.
  [[nodiscard]] std::size_t crowd() const noexcept { return std::max(forward_.crowd(), backward_.crowd()); }

 private:
  static Trie by_end(const std::vector<std::string_view>& patterns, bool forward);
  std::vector<Glob> globs_;
  Trie forward_, backward_;
};

// A set whose "no" costs one cache line: open addressing over hashes alone; texts are looked at when a hash agrees.
class TextSet {
 public:
  void fill(const std::vector<std::string_view>& texts);
  [[nodiscard]] bool empty() const noexcept { return slots_.empty(); }
  [[nodiscard]] bool contains(const Hashed& wanted) const noexcept;

 private:
  struct Slot {
    std::uint32_t hash = 0;  // upper half
    std::uint32_t text = 0;  // index + 1; 0: free
  };
  [[nodiscard]] std::size_t place(std::size_t hash) const noexcept { return hash & (slots_.size() - 1); }
  const std::vector<std::string_view>* texts_ = nullptr;
  std::vector<Slot> slots_;
};

class Names {
 public:
  explicit Names(std::vector<std::string> all);
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  // `hashed` keeps the text's hash for whoever asks next.
  [[nodiscard]] bool contains(std::string_view text, std::optional<Hashed>& hashed) const;
  [[nodiscard]] bool empty() const noexcept { return texts_.empty(); }
  [[nodiscard]] const std::vector<std::string>& texts() const noexcept { return texts_; }
  [[nodiscard]] std::size_t crowd() const noexcept { return patterns_.crowd(); }

 private:
  static constexpr std::size_t few = 4;  // compared one by one
  static std::vector<std::string_view> pick(const std::vector<std::string>& texts, bool patterns);
  std::vector<std::string> texts_;  // what the views look at
  std::vector<std::string_view> exact_;
  TextSet set_;  // of exact_, when they are not few
  PatternSet patterns_;
};

}  // namespace valise::policy
