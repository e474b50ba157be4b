// A real mariadbd that is killed, frozen, restarted and contended for, in the middle of commits.
#include <fmt/core.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "bed.hpp"
#include "proxy.hpp"
#include "storage/mariadb/errors.hpp"
#include "storage/mariadb/store.hpp"

namespace valise::storage::testing {
namespace {

using ::testing::HasSubstr;

const std::string alice = "alice@valise.example";
const std::string bob = "bob@valise.example";

WriteSet wide(std::uint64_t id) {
  return {.id = id,
          .writes = {PutMessage{sealed(alice, bob), {{bob, alice}, {alice, bob, Direction::out, true}}},
                     PutRosterItem{alice, {.jid = fmt::format("c{}@valise.example", id)}},
                     PutPepItem{alice, {.node = "n", .id = std::to_string(id)}, 100000}}};
}

int parts(Reader& reader, std::uint64_t id) {
  int found = must(reader.message(bob, id)) && must(reader.message(alice, id)) ? 1 : 0;
  for (const auto& item : must(reader.roster(alice)).items) found += item.version == id;
  found += static_cast<int>(must(reader.pep_items(alice, "n", 1, std::to_string(id))).size());
  return found;
}

double seconds_since(std::chrono::steady_clock::time_point begun) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

// The committer's way: the same sets again while the store is away.
Result<> persist(Writer& writer, const WriteSet& set) {
  const WriteSet* sets[] = {&set};
  for (int i = 0; i < 30; ++i) {
    auto done = writer.commit(sets);
    if (done || done.error().code != ErrorCode::unavailable) return done;
  }
  return fail(ErrorCode::unavailable, "still away after 30 attempts");
}

TEST(MariadbFault, KilledAmidCommitsItLosesNothingAnsweredAndHalvesNothing) {
  Bed bed(Kind::mariadb);
  constexpr int kills = 4;
  std::atomic<int> answered{0};
  std::atomic<bool> failed{false};
  std::vector<std::uint64_t> ids;
  std::thread stream([&] {
    while (answered < kills * 50 && !failed) {
      const auto id = bed.next_id();
      if (const auto done = persist(bed.writer(), wide(id)); !done) {
        ADD_FAILURE() << done.error().text;
        failed = true;
      }
      ids.push_back(id);
      ++answered;
      answered.notify_all();
    }
  });
  for (int kill = 0; kill < kills; ++kill) {
    for (int seen = answered; seen < kill * 50 + 10 && !failed; seen = answered) answered.wait(seen);
    shared_server().kill();  // some commit is under way: the stream never rests
    shared_server().restart();
    // Whatever was under way is there whole or not at all.
    const auto reader = must(bed.store().open_reader());
    for (const auto& message : must(reader->messages_after(0, 100000))) {
      EXPECT_EQ(parts(*reader, message.id), 3);
    }
  }
  stream.join();
  ASSERT_FALSE(failed);
  const auto reader = must(bed.store().open_reader());
  for (const auto id : ids) ASSERT_EQ(parts(*reader, id), 3) << "answered and lost";
  EXPECT_EQ(must(reader->messages_after(0, 100000)).size(), ids.size());
  EXPECT_EQ(must(reader->greatest_id()), ids.back());
}

TEST(MariadbFault, WhatAKilledProcessWasWritingIsSettledWhenTheNextOneHasClaimedTheStore) {
  Bed bed(Kind::mariadb);
  auto earlier = must(mariadb::Connection::open(bed.mariadb(), mariadb::Role::writer));
  bed.close();  // its writer has gone, whose lock this one takes
  ASSERT_TRUE(mariadb::end_earlier_writer(*earlier));
  ASSERT_EQ(must(earlier->number("SELECT GET_LOCK(CONCAT('valise.commit.', LEFT(DATABASE(), 40)), 0)")), 1U);
  ASSERT_TRUE(earlier->execute("INSERT INTO undelivered (owner, id) VALUES ('alice@valise.example', 7)"));
  std::thread slow([&] {
    (void)earlier->execute("DO SLEEP(600)");
    EXPECT_FALSE(earlier->commit());
  });
  const auto next = must(open_mariadb(bed.mariadb()));
  const auto claimed = next->claim();
  EXPECT_TRUE(claimed) << claimed.error().text;
  EXPECT_EQ(must(must(next->open_reader())->undelivered(alice, 0, 10)).size(), 0U);
  const auto writer = next->open_writer();
  EXPECT_TRUE(writer);
  slow.join();
}

// What the store answers when the word COMMIT, or the answer to it, is lost on the way.
void lose_commit(Proxy::Loss loss) {
  Bed bed(Kind::mariadb);
  const TemporaryFolder folder;
  Proxy proxy(folder.path("proxy"), bed.mariadb().unix_socket);
  auto options = bed.mariadb();
  options.unix_socket = folder.path("proxy");
  auto writer = must(must(open_mariadb(options))->open_writer());
  const auto first = bed.next_id(), second = bed.next_id();
  ASSERT_TRUE(persist(*writer, wide(first)));

  proxy.lose(loss);
  // The mark takes back what the put before it wrote: written again, both must be as if written once.
  WriteSet put = wide(second);
  WriteSet mark{.id = bed.next_id(), .writes = {MarkDelivered{bob, {first, second}, false}}};
  const WriteSet* sets[] = {&put, &mark};
  const auto done = writer->commit(sets);
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(proxy.lost(), 1);
  EXPECT_EQ(proxy.connections(), 2);
  for (const auto id : {first, second}) {
    EXPECT_EQ(must(bed.reader().message(bob, id)), std::nullopt);
    EXPECT_TRUE(must(bed.reader().message(alice, id)));
    EXPECT_EQ(bed.count(fmt::format("SELECT boxes FROM msg WHERE id = {}", id)), 1U);
  }
  EXPECT_EQ(bed.count("SELECT count(*) FROM box"), 2U);
}

TEST(MariadbFault, ALostAnswerToCommitIsMetByWritingAgain) { lose_commit(Proxy::Loss::answer); }
TEST(MariadbFault, ALostCommitIsMetByWritingAgain) { lose_commit(Proxy::Loss::question); }

TEST(MariadbFault, AServerThatIsAwayMakesCommitReturnWithinSeconds) {
  Bed bed(Kind::mariadb);
  shared_server().stop();
  const auto id = bed.next_id();
  const auto begun = std::chrono::steady_clock::now();
  const auto done = bed.try_commit({wide(id)});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_LT(seconds_since(begun), 6);
  const auto read = bed.reader().has_message(id);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::unavailable);
  EXPECT_EQ(bed.store().open_reader().error().code, ErrorCode::unavailable);

  shared_server().restart();
  ASSERT_TRUE(persist(bed.writer(), wide(id)));
  const auto fresh = must(bed.store().open_reader());
  EXPECT_EQ(parts(*fresh, id), 3);
}

TEST(MariadbFault, AReaderOutlivesARestart) {
  Bed bed(Kind::mariadb);
  const auto id = bed.next_id();
  bed.commit({wide(id)});
  ASSERT_EQ(parts(bed.reader(), id), 3);
  shared_server().restart();
  EXPECT_EQ(parts(bed.reader(), id), 3);  // no error comes through
  bed.commit({wide(bed.next_id())});      // nor to the writer
}

TEST(MariadbFault, AFrozenServerIsGivenUpAfterTheIoTimeout) {
  Bed bed(Kind::mariadb);
  auto options = bed.mariadb();
  options.io_timeout_s = 1;
  options.connect_timeout_s = 1;
  auto writer = must(must(open_mariadb(options))->open_writer());
  const auto id = bed.next_id();
  const auto set = wide(id);
  const WriteSet* sets[] = {&set};
  shared_server().freeze();
  const auto begun = std::chrono::steady_clock::now();
  const auto done = writer->commit(sets);
  const auto took = seconds_since(begun);
  shared_server().thaw();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_LT(took, 10);
  ASSERT_TRUE(persist(*writer, set));
  EXPECT_EQ(parts(bed.reader(), id), 3);
}

std::string wait_for(Client& client, const std::string& query, const std::string& unwanted) {
  for (int i = 0; i < 1000; ++i) {
    auto found = client.query(query);
    if (found != unwanted) return found;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // a poll, bounded
  }
  throw std::runtime_error("never came: " + query);
}

// (information_schema.innodb_trx would be the natural place, but it shows nothing new to one who asks often.)
const std::string lock_waits =
    "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'Innodb_row_lock_current_waits'";
const std::string waiting_thread =
    "SELECT MAX(id) FROM information_schema.processlist WHERE info LIKE 'UPDATE high_water%'";

TEST(MariadbFault, ADeadlockIsMetByRepeatingTheWholeTransaction) {
  Bed bed(Kind::mariadb);
  Client other(bed.mariadb().unix_socket, bed.mariadb().database), watch(bed.mariadb().unix_socket);
  const auto id = bed.next_id();
  // `other` is made the heavier transaction, so that InnoDB ends the writer's; it holds the row the writer needs last.
  other.query("BEGIN");
  for (int i = 0; i < 50; ++i) other.query(fmt::format("INSERT INTO pep_node VALUES ('x', '{}', '')", i));
  other.query("SELECT id FROM high_water WHERE one = 1 FOR UPDATE");
  Result<> done;
  std::jthread writing([&] { done = bed.try_commit({wide(id)}); });
  wait_for(watch, lock_waits, "0");
  EXPECT_EQ(other.try_query(fmt::format("INSERT INTO msg VALUES ({}, 1, 0, '', '', '', '', '')", id)),
            0U);  // closes the circle
  const auto deadlocks = watch.query(
      "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'Innodb_deadlocks'");
  other.query("ROLLBACK");
  writing.join();
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_NE(deadlocks, "0");
  EXPECT_EQ(parts(bed.reader(), id), 3);
}

TEST(MariadbFault, AKilledConnectionIsReplaced) {
  Bed bed(Kind::mariadb);
  Client other(bed.mariadb().unix_socket, bed.mariadb().database), watch(bed.mariadb().unix_socket);
  other.query("BEGIN");
  other.query("SELECT id FROM high_water WHERE one = 1 FOR UPDATE");
  const auto id = bed.next_id();
  Result<> done;
  std::jthread writing([&] { done = bed.try_commit({wide(id)}); });
  wait_for(watch, lock_waits, "0");
  const auto thread = wait_for(watch, waiting_thread, "");
  watch.query("KILL " + thread);
  EXPECT_NE(wait_for(watch, waiting_thread + " AND id <> " + thread, ""), thread);  // it came back
  other.query("ROLLBACK");
  writing.join();
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(parts(bed.reader(), id), 3);
}

TEST(MariadbFault, AServerThatDoesNotSyncItsCommitsIsRefused) {
  Bed bed(Kind::mariadb);
  Client(bed.mariadb().unix_socket).query("SET GLOBAL innodb_flush_log_at_trx_commit = 2");
  for (const auto& refused :
       {bed.store().migrate().error(), bed.store().open_writer().error(), bed.store().open_reader().error()}) {
    EXPECT_EQ(refused.code, ErrorCode::denied);
    EXPECT_THAT(refused.text, HasSubstr("innodb_flush_log_at_trx_commit is 2"));
  }
  Client(bed.mariadb().unix_socket).query("SET GLOBAL innodb_flush_log_at_trx_commit = 1");
  EXPECT_TRUE(bed.store().migrate());

  shared_server().start({"--log-bin", "--sync-binlog=0"});
  EXPECT_THAT(bed.store().migrate().error().text, HasSubstr("sync_binlog is 0"));
  shared_server().start({"--max-allowed-packet=1M"});
  EXPECT_THAT(bed.store().migrate().error().text, HasSubstr("max_allowed_packet"));
  shared_server().start();
  EXPECT_TRUE(bed.store().migrate());
}

TEST(MariadbFault, AReadOnlyServerIsUnavailableAndTheSetIsTakenLater) {
  Bed bed(Kind::mariadb);
  bed.close_writer();  // a plain user can't end the connection of another one
  Client root(bed.mariadb().unix_socket);
  root.query(fmt::format("GRANT ALL ON {}.* TO plain@localhost IDENTIFIED BY ''", bed.mariadb().database));
  auto options = bed.mariadb();
  options.user = "plain";
  auto writer = must(must(open_mariadb(options))->open_writer());
  const auto set = wide(bed.next_id());
  const WriteSet* sets[] = {&set};
  root.query("SET GLOBAL read_only = 1");
  const auto done = writer->commit(sets);
  root.query("SET GLOBAL read_only = 0");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_EQ(parts(bed.reader(), set.id), 0);
  EXPECT_TRUE(writer->commit(sets));
}

TEST(MariadbFault, ErrorNumbersAreSortedByWhatTheCallerCanDo) {
  for (const unsigned number : {1213U, 1205U}) EXPECT_EQ(mariadb::sort(number).code, ErrorCode::conflict) << number;
  for (const unsigned number : {2002U, 2003U, 2006U, 2013U, 2026U, 1040U, 1045U, 1053U, 1047U, 1927U}) {
    EXPECT_EQ(mariadb::sort(number).code, ErrorCode::unavailable) << number;
    EXPECT_TRUE(mariadb::sort(number).lost) << number;
  }
  for (const unsigned number : {1021U, 1114U, 1030U, 1290U}) {
    EXPECT_EQ(mariadb::sort(number).code, ErrorCode::unavailable) << number;
    EXPECT_FALSE(mariadb::sort(number).lost) << number;
  }
  for (const unsigned number : {1406U, 1153U, 2020U}) EXPECT_EQ(mariadb::sort(number).code, ErrorCode::limit) << number;
  for (const unsigned number : {1064U, 1146U}) EXPECT_EQ(mariadb::sort(number).code, ErrorCode::internal) << number;
}

TEST(MariadbFault, APasswordFileMustBeAFileThatOthersCannotRead) {
  Bed bed(Kind::mariadb);
  bed.close_writer();
  const TemporaryFolder folder;
  Client(bed.mariadb().unix_socket)
      .query(
          fmt::format("GRANT ALL ON {}.* TO 'secretive'@localhost IDENTIFIED BY 'pass word'", bed.mariadb().database));
  auto options = bed.mariadb();
  options.user = "secretive";
  options.password_file = folder.path("password");
  EXPECT_EQ(open_mariadb(options).error().code, ErrorCode::invalid);  // missing
  std::ofstream(options.password_file) << "pass word\n";
  for (const unsigned mode : {0644U, 0604U, 0602U}) {
    ::chmod(options.password_file.c_str(), mode);
    EXPECT_EQ(open_mariadb(options).error().code, ErrorCode::invalid) << mode;
  }
  ::chmod(options.password_file.c_str(), 0640);
  auto store = must(open_mariadb(options));
  EXPECT_TRUE(store->open_writer());

  std::ofstream(options.password_file) << "something else";
  const auto refused = store->open_writer();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_THAT(refused.error().text, ::testing::Not(HasSubstr("something else")));
  ::chmod(options.password_file.c_str(), 0644);
  EXPECT_FALSE(store->open_writer());  // judged at each connect

  options.password_file = folder.path();
  EXPECT_EQ(open_mariadb(options).error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace valise::storage::testing
