// The room's inside: one object a shard; the first one's also gives back what is due.
#pragma once

#include <memory>

#include "core/shard.hpp"
#include "modules/delay/delay.hpp"
#include "modules/offline/queue.hpp"

namespace valise::modules::delay {

inline constexpr std::size_t page_size = 200;  // rows that are read at once

// What is held back for an account, as far as memory must know it.
struct Held final : core::Part {
  offline::Queue queue;
};

class Release;

class DelayModule final : public core::Module {
 public:
  explicit DelayModule(core::Shard& shard);
  ~DelayModule() override;
  void start(core::Registrar& registrar) override;
  void stop() override;

  // The row is gone. On the home shard of its account.
  void gave_back(std::string_view account, std::uint64_t row);

 private:
  core::Verdict hold(core::Flow& flow, std::vector<storage::Write>& writes);

  core::Shard& shard_;
  unsigned slot_ = 0;
  std::shared_ptr<Release> release_;  // on the first shard
};

// What is due comes, from all accounts: a page at a time, the next one when all of the last are durable. On the first
// shard.
class Release final : public HeldMessages, public std::enable_shared_from_this<Release> {
 public:
  explicit Release(core::Shard& shard);
  // Reads when the first is due, which a server that was away may have missed.
  void start();
  void stop();
  // A message is held back until then.
  void expect(std::int64_t due_ms);

  void release(const core::Jid& account, std::move_only_function<void(Result<>)> done) override;
  [[nodiscard]] std::int64_t next_due_ms() const override { return next_ms_; }

 private:
  struct Page;
  void look();
  void read_page();
  void give_back(std::vector<storage::HeldMessage> rows);
  void page_done(bool all);
  void run_ends();
  void arm(std::int64_t delay_ms);

  core::Shard& shard_;
  net::Timer timer_;
  bool stopped_ = false, runs_ = false;
  std::int64_t next_ms_ = 0;    // UTC; 0: none
  storage::HeldPlace read_to_;  // in this run
  bool last_page_ = false;
  bool failed_ = false;  // something of this run stayed
};

}  // namespace valise::modules::delay
