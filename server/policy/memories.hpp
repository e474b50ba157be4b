// The memories that a set of rules names, as administrators and tests of policies read and change them
// (valisectl policy memory). Keys are hashes, so none can be listed: who asks says the key.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy_set.hpp"
#include "policy/shared.hpp"

namespace valise::policy {

struct MemoryInfo {
  std::string name;
  std::uint32_t keys = 0;         // so many it was made for
  std::size_t used = 0;           // so many are in it now
  std::int64_t lifetime_ms = -1;  // what is kept without a time of its own; negative: for ever
  bool durable = false;
};

class Memories {
 public:
  using Value = Memory::Value;
  // `set` outlives it.
  explicit Memories(const PolicySet& set) : state_(set.state()) {}

  // `now_ms`: as in Facts, here and below.
  [[nodiscard]] std::vector<MemoryInfo> list(std::int64_t now_ms) const;

  // `key`: an address (of a person's key, in any spelling), a domain, "all", or what a rule's function names.
  // Errors, as a sentence: no such memory (with the nearest), a key or value that can't be one.
  [[nodiscard]] std::expected<std::optional<Value>, std::string> get(std::string_view memory, std::string_view key,
                                                                     std::int64_t now_ms) const;
  // `value`: a whole number, else a text. `lifetime`: "90s", "15m", "4h", "7d"; empty: the memory's own.
  [[nodiscard]] std::expected<Value, std::string> set(std::string_view memory, std::string_view key,
                                                      std::string_view value, std::string_view lifetime,
                                                      std::int64_t now_ms) const;
  // Whether there was something.
  [[nodiscard]] std::expected<bool, std::string> forget(std::string_view memory, std::string_view key,
                                                        std::int64_t now_ms) const;

 private:
  struct Place {
    Memory* memory = nullptr;
    std::uint64_t key = 0;
    std::int64_t lifetime_ms = -1;
  };
  [[nodiscard]] std::expected<Place, std::string> find(std::string_view memory, std::string_view key) const;

  const PolicySet::State& state_;
};

}  // namespace valise::policy
