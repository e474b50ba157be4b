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
  // What it takes, about.
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }

 private:
  std::vector<std::string> all_;  // sorted
  std::vector<std::string> notify_;
  std::size_t memory_ = sizeof(*this);
};
using FeaturesRef = Ref<const Features>;

// By hash algorithm and verification string, so that each client version is asked once a process, not once a session
// and shard. This is the one place where a module shares state between shards: entries are immutable and verified
// against the hash that is their key, so it does not matter who put them in; the lock is held for one look-up or
// insertion, once a presence that brings new caps, never for a message. Safe from any thread.
class SharedCache {
 public:
  SharedCache(std::size_t max_entries, std::size_t max_bytes) : max_entries_(max_entries), max_bytes_(max_bytes) {}
  [[nodiscard]] FeaturesRef find(const std::string& key);
  // The first one stays. When it is full, what was not asked for since the last round goes first. What takes more than
  // a sixteenth of it is no client's, and not kept.
  void put(const std::string& key, const FeaturesRef& features);
  [[nodiscard]] std::size_t size();
  [[nodiscard]] std::size_t bytes();

 private:
  struct Entry {
    FeaturesRef features;
    bool used = false;
  };
  void make_room(std::size_t bytes);
  const std::size_t max_entries_;
  const std::size_t max_bytes_;
  std::mutex mutex_;  // guards what follows
  std::size_t bytes_ = 0;
  std::unordered_map<std::string, Entry> entries_;
  std::deque<std::string> order_;
};

}  // namespace valise::modules::caps
