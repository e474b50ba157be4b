// Partitions by week: an id begins with its milliseconds (base/clock.hpp, IdGenerator), so a week is a range of ids.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "base/clock.hpp"
#include "storage/mariadb/store.hpp"

namespace valise::storage::mariadb {
namespace {

constexpr std::int64_t week_ms = 7LL * 24 * 3600 * 1000;
constexpr std::int64_t first_monday_ms = 4LL * 24 * 3600 * 1000;  // 1970-01-05
constexpr std::int64_t weeks_ahead = 12;

std::int64_t monday_of(std::int64_t ms) { return (ms - first_monday_ms) / week_ms * week_ms + first_monday_ms; }

// "PARTITION w20261123 VALUES LESS THAN (…)": the week that begins then.
std::string week(std::int64_t monday_ms) {
  const std::chrono::year_month_day day(
      std::chrono::floor<std::chrono::days>(std::chrono::sys_time(std::chrono::milliseconds(monday_ms))));
  return fmt::format("PARTITION w{:04}{:02}{:02} VALUES LESS THAN ({})", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
                     IdGenerator::first_of(monday_ms + week_ms));
}

Result<> add_to(Connection& connection, std::string_view table, std::int64_t now_ms) {
  const auto covered = connection.number(
      fmt::format("SELECT MAX(CAST(partition_description AS UNSIGNED)) FROM information_schema.partitions "
                  "WHERE table_schema = DATABASE() AND table_name = '{}' AND partition_name <> 'later'",
                  table));
  if (!covered) return std::unexpected(covered.error());
  const auto end = monday_of(now_ms) + (weeks_ahead + 1) * week_ms;
  std::string weeks;
  // The first partition ever made takes all that is older than its week, too.
  const auto begin = *covered == 0 ? monday_of(now_ms) : IdGenerator::utc_ms(*covered);
  for (auto monday = begin; monday < end; monday += week_ms) weeks += week(monday) + ", ";
  if (weeks.empty()) return {};
  return connection.execute(fmt::format(
      "ALTER TABLE {} REORGANIZE PARTITION later INTO ({}PARTITION later VALUES LESS THAN MAXVALUE)", table, weeks));
}

}  // namespace

Result<> add_partitions(Connection& connection, std::int64_t now_ms) {
  now_ms = std::max(now_ms, IdGenerator::epoch_ms);  // a clock that was never set
  for (const auto* table : {"msg", "box"}) {
    if (auto done = add_to(connection, table, now_ms); !done) return done;
  }
  return {};
}

}  // namespace valise::storage::mariadb
