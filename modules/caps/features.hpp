// What a client can do, once learnt: immutable, shared by all sessions of the same software; and the process-wide cache
// of it.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ref.hpp"

namespace valise::modules::caps {

class Features final : public RefCounted<Features> {
 public:
  explicit Features(std::vector<std::string> all);
  [[nodiscard]] bool has(std::string_view feature) const noexcept;
  // Nodes of "+notify" features, without that ending.
  [[nodiscard]] const std::vector<std::string>& notify() const noexcept { return notify_; }

 private:
  std::vector<std::string> all_;  // sorted
  std::vector<std::string> notify_;
};
using FeaturesRef = Ref<const Features>;

// By hash algorithm and verification string, so that each client version is asked once a process, not once a session
// and shard. This is the one place where a module shares state between shards: entries are immutable and verified
// against the hash that is their key, so it does not matter who put them in; the lock is held for one look-up or
// insertion, once a presence that brings new caps, never for a message. Safe from any thread.
class SharedCache {
 public:
  explicit SharedCache(std::size_t max_entries) : max_entries_(max_entries) {}
  [[nodiscard]] FeaturesRef find(const std::string& key);
  // The first one stays. When it is full, what was not asked for since the last round goes first.
  void put(const std::string& key, const FeaturesRef& features);
  [[nodiscard]] std::size_t size();

 private:
  struct Entry {
    FeaturesRef features;
    bool used = false;
  };
  const std::size_t max_entries_;
  std::mutex mutex_;  // guards the two below
  std::unordered_map<std::string, Entry> entries_;
  std::deque<std::string> order_;
};

}  // namespace valise::modules::caps
