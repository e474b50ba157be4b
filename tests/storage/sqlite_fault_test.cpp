// SQLite alone: a disk that fails at each write and sync in turn, a full disk, foreign and newer files.
#include <fmt/core.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>

#include "bed.hpp"
#include "faults.hpp"
#include "storage/sqlite/connection.hpp"

namespace valise::storage::testing {
namespace {

using ::testing::HasSubstr;

const std::string alice = "alice@valise.example";
const std::string bob = "bob@valise.example";

struct Database {
  explicit Database(const std::string& path) {
    if (sqlite3_open(path.c_str(), &handle) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(handle));
  }
  ~Database() { sqlite3_close(handle); }
  std::vector<std::string> column(const std::string& query, int index = 0) const {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle, query.c_str(), -1, &statement, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(handle));
    std::vector<std::string> found;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, index));
      found.emplace_back(text ? text : "");
    }
    sqlite3_finalize(statement);
    return found;
  }
  sqlite3* handle = nullptr;
};

// A unit that touches many tables; whole or not there at all.
WriteSet wide(std::uint64_t id) {
  return {.id = id,
          .writes = {PutMessage{sealed(alice, bob, std::string(9000, 'w')),
                                {{bob, alice}, {alice, bob, Direction::out, true}}},
                     PutRosterItem{alice, {.jid = fmt::format("c{}@valise.example", id)}},
                     PutPepItem{alice, {.node = "n", .id = std::to_string(id)}, 100}}};
}

// 0 or 3 of the unit's parts must be there.
int parts(Reader& reader, std::uint64_t id) {
  int found = must(reader.message(bob, id)) && must(reader.message(alice, id)) ? 1 : 0;
  for (const auto& item : must(reader.roster(alice)).items) found += item.version == id;
  found += static_cast<int>(must(reader.pep_items(alice, "n", 1, std::to_string(id))).size());
  return found;
}

TEST(SqliteFault, EachCommitIsSyncedBeforeItsAnswer) {
  Bed bed(Kind::sqlite);
  bed.commit({wide(bed.next_id())});
  const DiskFaults disk(bed.sqlite_path());
  for (int i = 1; i <= 5; ++i) {
    bed.commit({wide(bed.next_id())});
    EXPECT_GE(disk.syncs(), i);
  }
}

// Fails the 1st, 2nd, 3rd … write or sync of a commit until one goes through untouched.
void fail_each_operation(int error, bool lasting, const std::string& text) {
  int n = 1;
  for (;; ++n) {
    SCOPED_TRACE(n);
    Bed bed(Kind::sqlite);
    const auto before = bed.next_id(), id = bed.next_id();
    bed.commit({wide(before)});
    DiskFaults disk(bed.sqlite_path());
    disk.arm(n, error, lasting);
    const auto done = bed.try_commit({wide(id)});
    if (!disk.fired()) {
      EXPECT_TRUE(done);
      break;
    }
    ASSERT_FALSE(done) << "acknowledged although the disk failed";
    EXPECT_EQ(done.error().code, ErrorCode::unavailable);
    EXPECT_THAT(done.error().text, HasSubstr(text));
    EXPECT_EQ(parts(bed.reader(), before), 3);
    EXPECT_EQ(parts(bed.reader(), id), 0);
    if (lasting) {
      EXPECT_EQ(bed.try_commit({wide(id)}).error().code, ErrorCode::unavailable);  // still full
    }
    disk.disarm();
    bed.commit({wide(id)});  // the same set again, on a disk that is well
    EXPECT_EQ(parts(bed.reader(), id), 3);
    const auto reader = must(bed.store().open_reader());
    EXPECT_EQ(parts(*reader, before), 3);
    EXPECT_EQ(parts(*reader, id), 3);
    EXPECT_THAT(Database(bed.sqlite_path()).column("PRAGMA integrity_check"), ::testing::ElementsAre("ok"));
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(n, 4) << "the commit had hardly an operation to fail";
}

TEST(SqliteFault, AnIoErrorAtAnyWriteOrSyncLosesAndHalvesNothing) { fail_each_operation(EIO, false, "disk I/O error"); }
TEST(SqliteFault, AFullDiskAtAnyWriteSaysSoAndTheStoreRecovers) {
  // A sync that reports ENOSPC is an I/O error to SQLite; its text names the disk as well.
  fail_each_operation(ENOSPC, true, "disk");
}

// A process of its own commits without a rest and tells each answer; it is killed at any moment.
TEST(SqliteFault, KilledAmidCommitsItLosesNothingAnsweredAndHalvesNothing) {
  Bed bed(Kind::sqlite);
  std::uint64_t first = 1;
  for (int round = 0; round < 5; ++round) {
    int answers[2];
    ASSERT_EQ(::pipe(answers), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto writer = must(must(open_sqlite({.path = bed.sqlite_path()}))->open_writer());
      for (std::uint64_t id = first;; ++id) {
        const auto set = wide(id);
        const WriteSet* sets[] = {&set};
        if (!writer->commit(sets) || ::write(answers[1], &id, sizeof id) != sizeof id) ::_exit(1);
      }
    }
    ::close(answers[1]);
    std::uint64_t last = 0;
    for (std::uint64_t id = 0; ::read(answers[0], &id, sizeof id) == sizeof id;) {
      last = id;
      if (id == first + 30) ::kill(child, SIGKILL);
    }
    ::close(answers[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));

    const auto reader = must(bed.store().open_reader());
    for (std::uint64_t id = first; id <= last; ++id) ASSERT_EQ(parts(*reader, id), 3) << "answered and lost: " << id;
    const int unanswered = parts(*reader, last + 1);
    EXPECT_TRUE(unanswered == 0 || unanswered == 3);
    EXPECT_EQ(parts(*reader, last + 2), 0);
    first = last + 2;
  }
}

TEST(SqliteFault, AfterAnIoErrorTheHandleIsNotUsedAgain) {
  Bed bed(Kind::sqlite);
  const auto connection = must(sqlite::Connection::open(bed.sqlite_path(), sqlite::Mode::writer));
  DiskFaults disk(bed.sqlite_path());
  ASSERT_TRUE(connection->execute("BEGIN IMMEDIATE; UPDATE high_water SET id = 5"));
  disk.arm(1, EIO, false);
  EXPECT_EQ(connection->execute("COMMIT").error().code, ErrorCode::unavailable);
  EXPECT_TRUE(connection->broken());
  EXPECT_FALSE(connection->roll_back());
}

// The real thing: a file system of two megabytes, filled until it refuses.
TEST(SqliteFault, ARealFullDiskRefusesWithoutLosingWhatItTook) {
  const TemporaryFolder folder;
  const auto mount_point = folder.path("small");
  ::mkdir(mount_point.c_str(), 0700);
  if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=2m") != 0) GTEST_SKIP() << "needs the right to mount";
  struct Unmount {
    std::string path;
    ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
  } const unmount{mount_point};
  std::vector<std::uint64_t> taken;
  std::uint64_t refused = 0;
  {
    auto store = must(open_sqlite({.path = mount_point + "/valise.db"}));
    ASSERT_TRUE(store->migrate());
    auto writer = must(store->open_writer());
    auto reader = must(store->open_reader());
    for (std::uint64_t id = 1; refused == 0 && id < 10000; ++id) {
      const auto set = wide(id);
      const WriteSet* sets[] = {&set};
      if (const auto done = writer->commit(sets)) {
        taken.push_back(id);
      } else {
        refused = id;
        EXPECT_EQ(done.error().code, ErrorCode::unavailable);
        EXPECT_THAT(done.error().text, HasSubstr("full"));
      }
    }
    ASSERT_NE(refused, 0U);
    ASSERT_GT(taken.size(), 10U);
    for (const auto id : taken) ASSERT_EQ(parts(*reader, id), 3) << id;
    EXPECT_EQ(parts(*reader, refused), 0);

    // Room is made: the same set is taken by the same writer.
    ASSERT_EQ(::mount("tmpfs", mount_point.c_str(), "tmpfs", MS_REMOUNT, "size=16m"), 0);
    const auto set = wide(refused);
    const WriteSet* sets[] = {&set};
    const auto done = writer->commit(sets);
    ASSERT_TRUE(done) << done.error().text;
    EXPECT_EQ(parts(*reader, refused), 3);
  }
  EXPECT_THAT(Database(mount_point + "/valise.db").column("PRAGMA integrity_check"), ::testing::ElementsAre("ok"));
}

TEST(SqliteFault, TheLogIsMovedIntoTheDatabaseWhileCommitsGoOn) {
  Bed bed(Kind::sqlite);
  // 64 MiB of messages; without checkpoints the log would hold all of it.
  for (int i = 0; i < 64; ++i) {
    std::vector<WriteSet> sets;
    for (int j = 0; j < 16; ++j) sets.push_back(to_one(bed.next_id(), bob, std::string(64 * 1024, 'x')));
    bed.commit(sets);
  }
  struct stat log{};
  ASSERT_EQ(::stat((bed.sqlite_path() + "-wal").c_str(), &log), 0);
  EXPECT_LT(log.st_size, 32 << 20);
  EXPECT_EQ(must(bed.reader().undelivered(bob, 0, 2000)).size(), 1024U);
}

TEST(SqliteFault, UndeliveredIsAnIndexLookUp) {
  Bed bed(Kind::sqlite);
  const auto plan =
      Database(bed.sqlite_path())
          .column("EXPLAIN QUERY PLAN " + std::string(sql::text(sql::Statement::get_undelivered, sql::Dialect::sqlite)),
                  3);
  EXPECT_THAT(plan, ::testing::ElementsAre("SEARCH u USING PRIMARY KEY (owner=? AND id>?)",
                                           "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)",
                                           "SEARCH b USING PRIMARY KEY (owner=? AND id=?)"));
}

TEST(SqliteFault, OnlyItsOwnerMayReadTheFile) {
  Bed bed(Kind::sqlite);
  bed.commit({wide(bed.next_id())});
  for (const auto* suffix : {"", "-wal", "-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat((bed.sqlite_path() + suffix).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U) << suffix;
  }
}

TEST(SqliteFault, ANewerSchemaAndAForeignFileAreRefused) {
  const TemporaryFolder folder;
  auto store = must(open_sqlite({.path = folder.path("a.db")}));
  ASSERT_TRUE(store->migrate());
  sqlite3_exec(Database(folder.path("a.db")).handle, "INSERT INTO schema_version VALUES (4711, 0)", nullptr, nullptr,
               nullptr);
  const auto newer = store->migrate();
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, ErrorCode::conflict);
  EXPECT_THAT(newer.error().text, HasSubstr("4711"));

  std::ofstream(folder.path("b.db")) << std::string(8192, 'n');
  const auto foreign = must(open_sqlite({.path = folder.path("b.db")}))->migrate();
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::corrupt);

  EXPECT_EQ(open_sqlite({.path = folder.path("no/such/folder.db")}).error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace valise::storage::testing
