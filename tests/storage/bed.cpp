#include "bed.hpp"

#include <sqlite3.h>

#include <cstdlib>

namespace valise::storage::testing {
namespace {
std::unique_ptr<MariadbServer> server;
}

MariadbServer& shared_server() {
  if (!server) server = std::make_unique<MariadbServer>();
  if (!server->running()) server->start();
  return *server;
}

void end_shared_server() { server.reset(); }

std::string name_of_kind(const ::testing::TestParamInfo<Kind>& info) {
  return info.param == Kind::sqlite ? "sqlite" : "mariadb";
}

Bed::Bed(Kind kind) : kind_(kind) {
  if (kind == Kind::mariadb) mariadb_ = shared_server().fresh_database();
  store_ = open_again();
  if (auto done = store_->migrate(); !done) throw std::runtime_error(done.error().text);
  writer_ = must(store_->open_writer());
  reader_ = must(store_->open_reader());
}

std::unique_ptr<Store> Bed::open_again() const {
  return kind_ == Kind::sqlite ? must(open_sqlite({.path = sqlite_path()})) : must(open_mariadb(mariadb_));
}

void Bed::close() {
  reader_.reset();
  writer_.reset();
  store_.reset();
}

Result<> Bed::try_commit(const std::vector<WriteSet>& sets) {
  std::vector<const WriteSet*> pointers;
  for (const auto& set : sets) pointers.push_back(&set);
  return writer_->commit(pointers);
}

void Bed::commit(const std::vector<WriteSet>& sets) {
  const auto done = try_commit(sets);
  ASSERT_TRUE(done) << done.error().text;
}

std::uint64_t Bed::count(const std::string& query) {
  if (kind_ == Kind::mariadb) {
    return std::strtoull(Client(mariadb_.unix_socket, mariadb_.database).query(query).c_str(), nullptr, 10);
  }
  sqlite3* handle = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_open(sqlite_path().c_str(), &handle) != SQLITE_OK ||
      sqlite3_prepare_v2(handle, query.c_str(), -1, &statement, nullptr) != SQLITE_OK ||
      sqlite3_step(statement) != SQLITE_ROW) {
    throw std::runtime_error(sqlite3_errmsg(handle));
  }
  const auto value = static_cast<std::uint64_t>(sqlite3_column_int64(statement, 0));
  sqlite3_finalize(statement);
  sqlite3_close(handle);
  return value;
}

std::string Bed::plan(sql::Statement statement, const std::vector<std::string>& values) {
  if (kind_ == Kind::mariadb) {
    std::string text = "EXPLAIN ";
    auto value = values.begin();
    for (const char c : sql::text(statement, sql::Dialect::mariadb)) c == '?' ? text += * value++ : text += c;
    // id, select_type, table, type, possible_keys, key, …: table|type|key|Extra.
    return Client(mariadb_.unix_socket, mariadb_.database).lines(text, {2, 3, 5, 9});
  }
  sqlite3* handle = nullptr;
  sqlite3_stmt* prepared = nullptr;
  const auto query = "EXPLAIN QUERY PLAN " + std::string(sql::text(statement, sql::Dialect::sqlite));
  if (sqlite3_open(sqlite_path().c_str(), &handle) != SQLITE_OK ||
      sqlite3_prepare_v2(handle, query.c_str(), -1, &prepared, nullptr) != SQLITE_OK) {
    throw std::runtime_error(sqlite3_errmsg(handle));
  }
  std::string steps;
  while (sqlite3_step(prepared) == SQLITE_ROW) {
    steps += reinterpret_cast<const char*>(sqlite3_column_text(prepared, 3));
    steps += '\n';
  }
  sqlite3_finalize(prepared);
  sqlite3_close(handle);
  return steps;
}

BoxMessage sealed(const std::string& from, const std::string& to, const std::string& mark) {
  return {.from = from + "/phone",
          .to = to,
          .stanza_id = "id-" + mark,
          .digest = std::string("\0\xff digest bytes", 16),
          .stanza = "<message><encrypted xmlns='eu.siacs.conversations.axolotl'>" + mark + "</encrypted></message>"};
}

WriteSet to_one(std::uint64_t id, const std::string& owner, const std::string& mark) {
  const std::string peer = "peer@valise.example";
  return {.id = id,
          .writes = {PutMessage{.message = sealed(peer, owner, mark), .boxes = {{.owner = owner, .peer = peer}}}}};
}

}  // namespace valise::storage::testing
