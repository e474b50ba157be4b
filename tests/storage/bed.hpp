// What each test of the contract stands on: a fresh, migrated store of the kind that the test was given.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "mariadb_server.hpp"
#include "storage/sql/statements.hpp"
#include "storage/store.hpp"

namespace valise::storage::testing {

enum class Kind { sqlite, mariadb };
// A new store stands here, in open_again and in count: each suite of the contract then runs against it, as
// each/SUITE.TEST/name (tests/storage/CMakeLists.txt makes a ctest of each name).
inline auto all_kinds() { return ::testing::Values(Kind::sqlite, Kind::mariadb); }
std::string name_of_kind(const ::testing::TestParamInfo<Kind>& info);

// The one server that the tests of this process share; started at its first use, ended after the last test.
MariadbServer& shared_server();
void end_shared_server();

// The file of a SQLite bed or the options of a MariaDB bed, and what was opened from it.
class Bed {
 public:
  explicit Bed(Kind kind);

  Store& store() { return *store_; }
  Writer& writer() { return *writer_; }
  Reader& reader() { return *reader_; }
  // The same database as another process sees it; and the end of this one.
  [[nodiscard]] std::unique_ptr<Store> open_again() const;
  void close();
  void close_writer() { writer_.reset(); }
  [[nodiscard]] std::string sqlite_path() const { return folder_.path("valise.db"); }
  [[nodiscard]] const MariadbOptions& mariadb() const { return mariadb_; }
  // The rows of all tables together that hold `text` as an owner or account key: for "leaves nothing behind".
  std::uint64_t count(const std::string& query);
  // What the engine says it would do, a line a step; `values` stand for the statement's parameters, as SQL.
  std::string plan(sql::Statement statement, const std::vector<std::string>& values);

  // Commits and fails the test on an error.
  void commit(const std::vector<WriteSet>& sets);
  Result<> try_commit(const std::vector<WriteSet>& sets);
  std::uint64_t next_id() { return ++last_id_; }

 private:
  Kind kind_;
  TemporaryFolder folder_;
  MariadbOptions mariadb_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Reader> reader_;
  std::uint64_t last_id_ = IdGenerator::first_of(1'764'000'000'000);  // ids as they are today
};

class Contract : public ::testing::TestWithParam<Kind> {
 protected:
  Bed bed{GetParam()};
};

// The value of a Result that must be good.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text);
  return *std::move(result);
}

BoxMessage sealed(const std::string& from, const std::string& to, const std::string& mark = "m");
// A unit that puts one undelivered message into one box.
WriteSet to_one(std::uint64_t id, const std::string& owner, const std::string& mark = "m");

}  // namespace valise::storage::testing
