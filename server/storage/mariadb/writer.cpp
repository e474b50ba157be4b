#include <fmt/core.h>

#include <chrono>
#include <random>
#include <thread>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "storage/mariadb/store.hpp"
#include "storage/sql/batch_writer.hpp"
#include "storage/sql/check.hpp"

namespace valise::storage::mariadb {
namespace {

constexpr unsigned most_conflicts = 5;      // a transaction is repeated five times
constexpr std::int64_t patience_ms = 3000;  // how long one commit() looks for a server that is away
constexpr std::int64_t first_wait_ms = 50;
constexpr std::int64_t longest_wait_ms = 1000;

// A process that was killed may have sent a COMMIT that the server has yet to carry out, and recovery must not look
// before. So each writer's connection has a lock, which the server frees when it is done with the connection.
constexpr std::string_view commit_lock = "CONCAT('valise.commit.', LEFT(DATABASE(), 40))";

Result<> supersede(Connection& connection) {
  const auto holder = connection.number(fmt::format("SELECT IS_USED_LOCK({})", commit_lock));
  if (!holder) return std::unexpected(holder.error());
  if (*holder != 0) {
    if (auto done = connection.execute(fmt::format("KILL {}", *holder)); !done) {
      if (connection.lost()) return done;
      log::info("storage", "an earlier writer's connection {} was not ended: {}", *holder, done.error().text);
    }
  }
  const auto locked = connection.number(fmt::format("SELECT GET_LOCK({}, 5)", commit_lock));
  if (!locked) return std::unexpected(locked.error());
  if (*locked == 1) return {};
  return fail(ErrorCode::conflict,
              fmt::format("mariadb: an earlier writer's connection {0} does not end; end it with KILL {0}", *holder));
}

class MariadbWriter final : public Writer {
 public:
  explicit MariadbWriter(MariadbOptions options) : options_(std::move(options)) {}

  Result<> open() {
    auto opened = Connection::open(options_, Role::writer);
    if (!opened) return std::unexpected(opened.error());
    if (auto done = supersede(**opened); !done) return done;
    connection_ = *std::move(opened);
    return {};
  }

  // Every write is idempotent, so an answer that was lost, also that to COMMIT, is met by doing it all again.
  Result<> commit(std::span<const WriteSet* const> sets) override {
    for (const WriteSet* set : sets) {
      if (auto good = sql::check(*set); !good) return good;
    }
    const auto deadline = steady_ms() + patience_ms;
    unsigned conflicts = 0;
    for (std::int64_t wait = first_wait_ms;; wait = std::min(wait * 2, longest_wait_ms)) {
      auto done = attempt(sets);
      if (done) return done;
      const auto code = done.error().code;
      const bool lost = !connection_;
      if (code == ErrorCode::conflict) {
        if (++conflicts > most_conflicts || steady_ms() > deadline) {
          return fail(ErrorCode::unavailable,
                      fmt::format("gave up after {} conflicts: {}", conflicts, done.error().text));
        }
        sleep(1 + jitter(10) * conflicts);
        continue;
      }
      if (code != ErrorCode::unavailable || !lost || steady_ms() + wait > deadline) return done;
      sleep(wait / 2 + jitter(wait));
    }
  }

 private:
  Result<> attempt(std::span<const WriteSet* const> sets) {
    if (!connection_) {
      if (auto opened = open(); !opened) {
        // A server that was good and is now careless may be repaired: the units wait.
        return fail(ErrorCode::unavailable, opened.error().text);
      }
      if (std::exchange(away_, false)) log::info("storage", "the database is back");
    }
    auto done = batch_.write(*connection_, sets);
    if (done) done = connection_->commit();
    if (!done && !connection_->roll_back()) {
      connection_.reset();
      if (!std::exchange(away_, true)) log::warning("storage", "the database is away: {}", done.error().text);
    }
    return done;
  }

  std::int64_t jitter(std::int64_t below) { return std::uniform_int_distribution<std::int64_t>(0, below - 1)(random_); }
  static void sleep(std::int64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

  const MariadbOptions options_;
  std::unique_ptr<Connection> connection_;
  sql::BatchWriter batch_;
  std::minstd_rand random_{std::random_device{}()};
  bool away_ = false;  // told the administrator so
};

}  // namespace

Result<> end_earlier_writer(Connection& connection) {
  if (auto done = supersede(connection); !done) return done;
  auto freed = connection.number(fmt::format("SELECT RELEASE_LOCK({})", commit_lock));
  return freed ? Result<>() : std::unexpected(freed.error());
}

Result<std::unique_ptr<Writer>> open_writer(const MariadbOptions& options) {
  auto writer = std::make_unique<MariadbWriter>(options);
  if (auto opened = writer->open(); !opened) return std::unexpected(opened.error());
  return writer;
}

}  // namespace valise::storage::mariadb
