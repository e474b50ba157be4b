// Numbered migrations on both stores: what was reached stays, what broke is named.
#include "storage/sql/migration.hpp"

#include <fmt/core.h>

#include <thread>

#include "bed.hpp"
#include "storage/mariadb/store.hpp"
#include "storage/sqlite/store.hpp"

namespace valise::storage::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<sql::Migration> good{
    {1, "0001_first", "CREATE TABLE first (a INTEGER PRIMARY KEY);"},
    {2, "0002_second",
     "-- comment\nCREATE TABLE IF NOT EXISTS second (b INTEGER PRIMARY KEY);\nINSERT INTO first VALUES (7);\n"}};
const std::vector<sql::Migration> broken{
    good[0],
    {2, "0002_broken", "CREATE TABLE IF NOT EXISTS second (b INTEGER PRIMARY KEY);\nINSERT INTO nowhere VALUES (1);"}};

class SqliteMigration : public ::testing::Test {
 protected:
  Result<> migrate(std::span<const sql::Migration> migrations) { return sqlite::migrate(*connection, migrations); }
  std::int64_t number(const char* query) { return must(connection->number(query)); }

  TemporaryFolder folder;
  std::unique_ptr<Store> store = must(open_sqlite({.path = folder.path("m.db")}));
  std::unique_ptr<sqlite::Connection> connection =
      must(sqlite::Connection::open(folder.path("m.db"), sqlite::Mode::writer));
};

TEST_F(SqliteMigration, EachRunsOnceInOrder) {
  ASSERT_TRUE(migrate(std::span(good).first(1)));
  EXPECT_EQ(number("SELECT max(version) FROM schema_version"), 1);
  ASSERT_TRUE(migrate(good));
  ASSERT_TRUE(migrate(good));
  EXPECT_EQ(number("SELECT max(version) FROM schema_version"), 2);
  EXPECT_EQ(number("SELECT count(*) FROM first"), 1);
}

TEST_F(SqliteMigration, AFailingOneLeavesTheOldVersionAndNoneOfItsTables) {
  const auto done = migrate(broken);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().text, HasSubstr("0002_broken"));
  EXPECT_THAT(done.error().text, HasSubstr("stays at schema 1"));
  EXPECT_THAT(done.error().text, HasSubstr("nowhere"));
  EXPECT_EQ(number("SELECT max(version) FROM schema_version"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM sqlite_master WHERE name = 'second'"), 0);
  ASSERT_TRUE(migrate(good));  // repaired, it goes on from there
}

TEST_F(SqliteMigration, AStoreNewerThanTheProgramIsRefused) {
  ASSERT_TRUE(migrate(good));
  const auto done = migrate(std::span(good).first(1));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::conflict);
}

class MariadbMigration : public ::testing::Test {
 protected:
  Result<> migrate(std::span<const sql::Migration> migrations) { return mariadb::migrate(*connection, migrations); }
  std::uint64_t number(const char* query) { return must(connection->number(query)); }

  MariadbOptions options = shared_server().fresh_database();
  std::unique_ptr<mariadb::Connection> connection = must(mariadb::Connection::open(options, mariadb::Role::reader));
};

TEST_F(MariadbMigration, EachRunsOnceInOrder) {
  ASSERT_TRUE(migrate(std::span(good).first(1)));
  ASSERT_TRUE(migrate(good));
  ASSERT_TRUE(migrate(good));
  EXPECT_EQ(number("SELECT max(version) FROM schema_version"), 2U);
  EXPECT_EQ(number("SELECT count(*) FROM first"), 1U);
}

TEST_F(MariadbMigration, AFailingOneLeavesTheOldVersionAndCanBeRunAgain) {
  const auto done = migrate(broken);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().text, HasSubstr("0002_broken"));
  EXPECT_EQ(number("SELECT max(version) FROM schema_version"), 1U);
  ASSERT_TRUE(migrate(good));
  EXPECT_EQ(number("SELECT max(version) FROM schema_version"), 2U);
}

TEST_F(MariadbMigration, AStoreNewerThanTheProgramIsRefused) {
  ASSERT_TRUE(migrate(good));
  EXPECT_EQ(migrate(std::span(good).first(1)).error().code, ErrorCode::conflict);
}

TEST_F(MariadbMigration, TwoNodesAtOnceChangeTheSchemaOnce) {
  auto store = must(open_mariadb(options));
  Result<> outcome[4];
  std::vector<std::thread> nodes;
  for (auto& done : outcome) nodes.emplace_back([&] { done = store->migrate(); });
  for (auto& node : nodes) node.join();
  for (const auto& done : outcome) EXPECT_TRUE(done) << done.error().text;
  EXPECT_EQ(number("SELECT count(*) FROM schema_version"), sql::mariadb_migrations().size());
}

// InnoDB, a primary key everywhere, binary collations, undelivered by its key.
TEST_F(MariadbMigration, TheSchemaHasTheShapesThatWereAgreed) {
  ASSERT_TRUE(must(open_mariadb(options))->migrate());
  const std::string here = "table_schema = DATABASE()";
  EXPECT_EQ(
      number(("SELECT count(*) FROM information_schema.tables WHERE " + here + " AND engine <> 'InnoDB'").c_str()), 0U);
  EXPECT_EQ(
      number(("SELECT count(*) FROM information_schema.tables t WHERE " + here +
              " AND NOT EXISTS (SELECT 1 FROM information_schema.statistics s WHERE s.table_schema = t.table_schema "
              "AND s.table_name = t.table_name AND s.index_name = 'PRIMARY')")
                 .c_str()),
      0U);
  EXPECT_EQ(number(("SELECT count(*) FROM information_schema.columns WHERE " + here +
                    " AND collation_name IS NOT NULL AND collation_name NOT LIKE '%bin'")
                       .c_str()),
            0U);
  EXPECT_EQ(
      number(("SELECT count(*) FROM information_schema.columns WHERE " + here + " AND extra LIKE '%auto_increment%'")
                 .c_str()),
      0U);
}

// Partitioned by week, so that expiry drops a partition.
TEST_F(MariadbMigration, MessagesLieInThePartitionOfTheirWeek) {
  constexpr std::int64_t tuesday_ms = 1795478400000;  // 2026-11-24
  constexpr std::int64_t day_ms = 86'400'000;
  ASSERT_TRUE(migrate(sql::mariadb_migrations()));
  ASSERT_TRUE(mariadb::add_partitions(*connection, tuesday_ms));
  const auto writer = must(must(open_mariadb(options))->open_writer());
  const auto id = [&](int days) { return IdGenerator::first_of(tuesday_ms + days * day_ms); };
  std::vector<WriteSet> sets;
  for (const int days : {-400, 0, 5, 6, 400}) sets.push_back(to_one(id(days), "alice@valise.example"));
  std::vector<const WriteSet*> pointers;
  for (const auto& set : sets) pointers.push_back(&set);
  ASSERT_TRUE(writer->commit(pointers));
  const auto rows_in = [&](const char* table, const char* partition) {
    return number(fmt::format("SELECT count(*) FROM {} PARTITION ({})", table, partition).c_str());
  };
  for (const auto* table : {"msg", "box"}) {
    EXPECT_EQ(rows_in(table, "w20261123"), 3U);  // Monday to Sunday, and all before
    EXPECT_EQ(rows_in(table, "w20261130"), 1U);
    EXPECT_EQ(rows_in(table, "w20270215"), 0U);  // twelve weeks ahead
    EXPECT_EQ(rows_in(table, "later"), 1U);
  }
  ASSERT_TRUE(mariadb::add_partitions(*connection, tuesday_ms + day_ms));  // the same week: nothing to do
  ASSERT_TRUE(mariadb::add_partitions(*connection, tuesday_ms + 390 * day_ms));
  for (const auto* table : {"msg", "box"}) {
    EXPECT_EQ(rows_in(table, "later"), 0U);
    EXPECT_EQ(rows_in(table, "w20271227"), 1U);
    EXPECT_EQ(rows_in(table, "w20261123"), 3U);
  }
  const auto reader = must(must(open_mariadb(options))->open_reader());
  EXPECT_EQ(must(reader->undelivered("alice@valise.example", 0, 10)).size(), 5U);
}

TEST(SqliteMigrationScript, IsSplitAtLineEndsOnly) {
  EXPECT_THAT(sql::statements("-- c;\n\nA 'x;y'\n B;\n  \n-- d\nC;\nD"), ElementsAre("A 'x;y'\n B", "C", "D"));
  EXPECT_THAT(sql::statements("-- only\n"), IsEmpty());
}

}  // namespace
}  // namespace valise::storage::testing
