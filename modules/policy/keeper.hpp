// Durable limiters and memories (policy/shared.hpp) in the store: read once, written while they change. On one shard.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/shard.hpp"
#include "net/timer_wheel.hpp"
#include "policy/shared.hpp"

namespace valise::modules {

class Keeper {
 public:
  Keeper(core::Shard& shard, std::shared_ptr<policy::Shared> shared);
  // The server ends: what has changed is handed to the committer.
  void stop();

 private:
  static constexpr std::int64_t every_ms = 10'000;  // so much is lost where the process is killed
  void tick();
  void load();
  void save();
  void write(std::vector<storage::Write> writes);
  // What UTC is ahead of the clock of decisions.
  [[nodiscard]] std::int64_t utc_ahead_ms() const;

  core::Shard& shard_;
  std::shared_ptr<policy::Shared> shared_;
  bool loaded_ = false;  // before that nothing is written: it would take the place of what is stored
  net::Timer timer_;
};

}  // namespace valise::modules
