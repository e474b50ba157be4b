#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <cstring>

#include "base/crypto.hpp"
#include "support.hpp"

namespace valise::core::audit {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

// Soft limit on file size: what a full disk does, without one.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(AuditLog, ANewLogIsEmptySoundAndPrivate) {
  const TemporaryFolder folder;
  {
    const auto log = open_log(folder.log());
  }
  const auto result = verify(folder.log());
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_TRUE(result->ok()) << result->bad->reason;
  EXPECT_EQ(result->entries, 0u);
  EXPECT_EQ(mode_of(folder.log()), 0700u);
  for (const auto& entry : std::filesystem::directory_iterator(folder.log())) EXPECT_EQ(mode_of(entry.path()), 0600u);
}

TEST(AuditLog, RecordsComeBackInOrderOverBatchesAndRestarts) {
  const TemporaryFolder folder;
  for (std::uint64_t start = 0; start < 3; ++start) {
    const auto log = open_log(folder.log());
    ASSERT_TRUE(append_batch(*log, start * 10, 4));
    ASSERT_TRUE(append_batch(*log, start * 10 + 4, 6));
    EXPECT_EQ(log->durable_size(), start * 10 + 10);
    EXPECT_EQ(log->repairs().leaves_written, 0u);
  }
  const auto ids = ids_in(folder.log());
  ASSERT_EQ(ids.size(), 30u);
  for (std::uint64_t i = 0; i < 30; ++i) EXPECT_EQ(ids[i], i);
  const auto result = verify(folder.log());
  EXPECT_TRUE(result->ok()) << result->bad->reason;
  EXPECT_EQ(result->entries, 30u);
  EXPECT_EQ(result->head_size, 30u);
}

TEST(AuditLog, LeafAndChainAreWhatTheFormatSays) {
  const TemporaryFolder folder;
  {
    const auto log = open_log(folder.log());
    ASSERT_TRUE(append_batch(*log, 1, 2));
  }
  const auto records = read_bytes(folder.file(records_name(0)));
  const auto leaves = read_bytes(folder.file(leaves_name(0)));
  const auto offsets = frame_offsets(records);
  ASSERT_EQ(offsets.size(), 3u);
  const auto hash = [](const std::string& bytes) { return crypto::digest(crypto::Hash::sha256, bytes); };
  std::string chain(32, '\0');
  for (std::size_t i = 0; i < 2; ++i) {
    const auto frame = records.substr(offsets[i], offsets[i + 1] - offsets[i]);
    const auto seq_and_time = frame.substr(8, 8) + frame.substr(24, 8);
    const auto leaf = std::string("\x01") + seq_and_time + hash(frame.substr(40));
    const auto leaf_hashed = hash(std::string(1, '\0') + leaf);
    chain = hash(chain + leaf_hashed);
    EXPECT_EQ(leaves.substr(48 + 81 * i, 81), leaf + chain);
    EXPECT_EQ(get_u64(frame.data() + 32), get_u64(leaf_hashed.data()) ^ get_u64(frame.data() + 16));
  }
  EXPECT_EQ(read_bytes(folder.file("head")),
            "valise-audit-head 1\nsize 2\ntime 1790000000000000002\nchain " + crypto::hex_encode(chain) + "\n");
}

TEST(AuditLog, NoncesDiffer) {
  const TemporaryFolder folder;
  {
    const auto log = open_log(folder.log());
    ASSERT_TRUE(append_batch(*log, 1, 2));
  }
  const auto records = read_bytes(folder.file(records_name(0)));
  const auto offsets = frame_offsets(records);
  EXPECT_NE(records.substr(offsets[0] + 40, 32), records.substr(offsets[1] + 40, 32));
}

TEST(AuditLog, HasOneWriterAtATime) {
  const TemporaryFolder folder;
  auto log = open_log(folder.log());
  const auto second = Log::open({.folder = folder.log()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  log.reset();
  EXPECT_TRUE(Log::open({.folder = folder.log()}));
}

TEST(AuditLog, ANewSegmentContinuesTheChain) {
  const TemporaryFolder folder;
  {
    const auto log = open_log(folder.log(), 4);
    for (std::uint64_t i = 0; i < 20; i += 3) ASSERT_TRUE(append_batch(*log, i, 3));
  }
  EXPECT_EQ(*list_segments(folder.log()), (std::vector<std::uint64_t>{0, 6, 12, 18}));
  const auto result = verify(folder.log());
  EXPECT_TRUE(result->ok()) << result->bad->reason;
  EXPECT_EQ(result->segments, 4u);
  EXPECT_EQ(result->entries, 21u);
  const auto log = open_log(folder.log(), 4);
  EXPECT_EQ(log->durable_size(), 21u);
  EXPECT_EQ(log->chain(), result->chain);
}

TEST(AuditLog, ANewSegmentBeginsBehindTheBatchThatFillsTheBytesOfOne) {
  const TemporaryFolder folder;
  std::uint64_t batches = 0;
  {
    const auto log = Log::open({.folder = folder.log(), .segment_bytes = 2'000, .settle_ms = 3'600'000});
    ASSERT_TRUE(log);
    const auto records = folder.log() + "/" + records_name(0);
    for (; std::filesystem::file_size(records) < 2'000; ++batches) ASSERT_TRUE(append_batch(**log, batches));
    EXPECT_EQ(list_segments(folder.log())->size(), 1u);
    ASSERT_TRUE(append_batch(**log, batches));
  }
  EXPECT_EQ(*list_segments(folder.log()), (std::vector<std::uint64_t>{0, batches}));
  EXPECT_TRUE(verify(folder.log())->ok());
}

TEST(AuditLog, ACursorBeginsWhereItIsTold) {
  const TemporaryFolder folder;
  {
    const auto log = open_log(folder.log(), 4);
    for (std::uint64_t i = 0; i < 20; i += 3) ASSERT_TRUE(append_batch(*log, i, 3));
  }
  for (std::uint64_t from = 0; from < 21; ++from) {
    auto cursor = Cursor::open(folder.log(), from);
    const auto entry = cursor->next();
    ASSERT_TRUE(entry && *entry);
    EXPECT_EQ((*entry)->seq, from);
  }
  auto cursor = Cursor::open(folder.log(), 21);
  EXPECT_FALSE(cursor->next()->has_value());
}

TEST(AuditLog, ALinePrintsSequenceTimeAndMembers) {
  const TemporaryFolder folder;
  {
    const auto log = open_log(folder.log());
    ASSERT_TRUE(append_batch(*log, 123'456'789));
  }
  EXPECT_EQ(lines_of(folder.log()),
            R"({"seq":0,"time":"2026-09-21T14:13:20.123456789Z","id":"123456789","kind":"message",)"
            R"("to":"bob@valise.example","verdict":"delivered"})"
            "\n");
}

// ---- what a crash leaves

// A log of three batches (two, one and two entries) whose process ended between the sync of the last batch's records
// and its leaves; nothing was settled.
class CrashedLog : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto log = open_log(folder.log());
    ASSERT_TRUE(append_batch(*log, 0, 2));
    ASSERT_TRUE(append_batch(*log, 2, 1));
    ASSERT_TRUE(append_batch(*log, 3, 2));
    chain = log->chain();
    crash_copy(folder.log(), folder.path("as-crashed"));
    crash_again();
    records = read_bytes(folder.file(records_name(0)));
    leaves = read_bytes(folder.file(leaves_name(0)));
    offsets = frame_offsets(records);
  }
  void crash_again() const { crash_copy(folder.path("as-crashed"), folder.path("crashed")); }
  std::string file(const std::string& name) const { return folder.path("crashed") + "/" + name; }
  void keep_leaves(std::size_t count) const {
    write_bytes(file(leaves_name(0)), leaves.substr(0, file_header_size + count * leaf_entry_size));
  }
  Result<std::unique_ptr<Log>> open() const { return Log::open({.folder = folder.path("crashed")}); }

  TemporaryFolder folder;
  Digest chain{};
  std::string records;
  std::string leaves;
  std::vector<std::size_t> offsets;
};

TEST_F(CrashedLog, IsWholeAgainWhateverLeavesWereLost) {
  for (std::size_t kept = 0; kept <= 5; ++kept) {
    keep_leaves(kept);
    const auto before = verify(folder.path("crashed"));
    EXPECT_TRUE(before->ok()) << before->bad->reason;
    EXPECT_EQ(before->leaves_missing, 5 - kept);
    {
      const auto log = open();
      ASSERT_TRUE(log) << log.error().text;
      EXPECT_EQ((*log)->durable_size(), 5u);
      EXPECT_EQ((*log)->chain(), chain);
      EXPECT_EQ((*log)->repairs().leaves_written, 5 - kept);
    }
    EXPECT_EQ(read_bytes(file(leaves_name(0))), leaves);
    const auto after = verify(folder.path("crashed"));
    EXPECT_TRUE(after->ok());
    EXPECT_EQ(after->leaves_missing, 0u);
    crash_again();
  }
}

TEST_F(CrashedLog, LosesOnlyItsTornLastFrameAtEveryLength) {
  for (auto length = offsets[4] + 1; length < offsets[5]; ++length) {
    crash_again();
    keep_leaves(3);
    write_bytes(file(records_name(0)), records.substr(0, length));
    const auto before = verify(folder.path("crashed"));
    ASSERT_TRUE(before->ok()) << before->bad->reason;
    ASSERT_EQ(before->torn_bytes, length - offsets[4]);
    {
      const auto log = open();
      ASSERT_TRUE(log) << length << ": " << log.error().text;
      ASSERT_EQ((*log)->durable_size(), 4u);
      ASSERT_EQ((*log)->repairs().torn_bytes, length - offsets[4]);
      ASSERT_TRUE(append_batch(**log, 4));
    }
    const auto after = verify(folder.path("crashed"));
    ASSERT_TRUE(after->ok()) << after->bad->reason;
    ASSERT_EQ(after->entries, 5u);
  }
}

TEST_F(CrashedLog, LosesALastBatchWhosePagesNeverReachedTheDisk) {
  keep_leaves(3);
  auto bytes = records;
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(offsets[3]),
            bytes.begin() + static_cast<std::ptrdiff_t>(offsets[4]), '\0');
  write_bytes(file(records_name(0)), bytes);
  const auto log = open();
  ASSERT_TRUE(log) << log.error().text;
  EXPECT_EQ((*log)->durable_size(), 3u);
}

TEST_F(CrashedLog, RefusesADamagedEntryThatALaterBatchProvesDurable) {
  keep_leaves(0);
  for (std::size_t entry = 0; entry < 3; ++entry) {
    auto bytes = records;
    bytes[offsets[entry] + frame_header_size + 5] ^= 1;
    write_bytes(file(records_name(0)), bytes);
    const auto log = open();
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().code, ErrorCode::corrupt);
    EXPECT_NE(log.error().text.find("entry " + std::to_string(entry)), std::string::npos) << log.error().text;
  }
}

TEST_F(CrashedLog, RefusesADamagedLastBatchThatItsLeavesProveDurable) {
  for (const auto length : {offsets[3], offsets[4], offsets[4] + 1, offsets[5] - 1}) {
    write_bytes(file(records_name(0)), records.substr(0, length));
    const auto log = open();
    ASSERT_FALSE(log) << length;
    EXPECT_EQ(log.error().code, ErrorCode::corrupt);
  }
}

TEST_F(CrashedLog, DerivesLeavesAgainThatAPowerCutSpoilt) {
  auto bytes = leaves;
  std::fill(bytes.begin() + file_header_size + 2 * leaf_entry_size, bytes.end(), '\0');
  write_bytes(file(leaves_name(0)), bytes);
  {
    const auto log = open();
    ASSERT_TRUE(log) << log.error().text;
    EXPECT_EQ((*log)->repairs().leaves_replaced, 3u);
  }
  EXPECT_EQ(read_bytes(file(leaves_name(0))), leaves);
}

TEST_F(CrashedLog, RefusesARecordThatDoesNotFitItsGenuineLeaf) {
  // A forger who makes the frame consistent with itself still contradicts the leaf.
  Hasher hasher;
  auto bytes = records;
  const auto at = offsets[4];
  bytes[offsets[5] - 3] ^= 1;
  const auto header = *parse_frame_header(bytes.data() + at);
  const auto sealed = std::string_view(bytes).substr(at + 40, offsets[5] - at - 40);
  const auto hash = leaf_hash(hasher, make_leaf(header.seq, header.time_ns, hasher(sealed)));
  put_u64(bytes.data() + at + 32, check_of(hash, header.batch));
  write_bytes(file(records_name(0)), bytes);
  const auto log = open();
  ASSERT_FALSE(log);
  EXPECT_NE(log.error().text.find("not the record that its leaf was made of"), std::string::npos);
}

TEST_F(CrashedLog, DoesNotForgetEntriesBelowTheHead) {
  {
    ASSERT_TRUE(open());
  }  // settles: the head covers all five
  for (const auto length : {offsets[1], offsets[4], offsets[5] - 1}) {
    write_bytes(file(records_name(0)), records.substr(0, length));
    keep_leaves(0);
    const auto log = open();
    ASSERT_FALSE(log) << length;
    EXPECT_EQ(log.error().code, ErrorCode::corrupt);
  }
  std::filesystem::remove(file(records_name(0)));
  EXPECT_FALSE(open());
}

TEST_F(CrashedLog, DoesNotStartWithoutItsHead) {
  std::filesystem::remove(file("head"));
  const auto log = open();
  ASSERT_FALSE(log);
  EXPECT_NE(log.error().text.find("head is missing"), std::string::npos);
}

TEST_F(CrashedLog, ASegmentThatWasOnlyHalfCreatedIsCreatedAgain) {
  write_bytes(file(leaves_name(5)), "half");
  write_bytes(file(records_name(5) + ".new"), "half");
  {
    auto log = Log::open({.folder = folder.path("crashed"), .segment_entries = 5});
    ASSERT_TRUE(log) << log.error().text;
    ASSERT_TRUE(append_batch(**log, 5));
  }
  const auto result = verify(folder.path("crashed"));
  EXPECT_TRUE(result->ok()) << result->bad->reason;
  EXPECT_EQ(result->segments, 2u);
}

// ---- the disk

TEST(AuditLog, AFullDiskFailsTheBatchAndPoisonsTheHandle) {
  const TemporaryFolder folder;
  auto log = open_log(folder.log());
  std::uint64_t id = 0;
  {
    const FileSizeLimit full(8'192);
    Result<> done;
    while ((done = append_batch(*log, id, 3))) id += 3;
    EXPECT_EQ(done.error().code, ErrorCode::unavailable);
    EXPECT_TRUE(log->poisoned());
  }
  EXPECT_EQ(log->durable_size(), id);
  EXPECT_FALSE(append_batch(*log, id)) << "no retry on a handle that failed";
  EXPECT_FALSE(log->settle());
  const auto durable = log->durable_size();
  log.reset();
  auto reopened = Log::open({.folder = folder.log()}, durable);
  ASSERT_TRUE(reopened) << reopened.error().text;
  EXPECT_EQ((*reopened)->durable_size(), durable);
  ASSERT_TRUE(append_batch(**reopened, id));
  reopened->reset();
  const auto result = verify(folder.log());
  EXPECT_TRUE(result->ok()) << result->bad->reason;
  EXPECT_EQ(result->entries, id + 1);
}

TEST(AuditLog, CutsOffWhatWasNeverReportedDurable) {
  const TemporaryFolder folder;
  auto log = open_log(folder.log());
  ASSERT_TRUE(append_batch(*log, 0, 2));
  const auto leaves = read_bytes(folder.file(leaves_name(0)));
  ASSERT_TRUE(append_batch(*log, 2, 3));
  crash_copy(folder.log(), folder.path("failed"));
  // As if the sync of the second batch had failed: its frames can be read, its leaves were never written.
  write_bytes(folder.path("failed") + "/" + leaves_name(0), leaves);
  const auto reopened = Log::open({.folder = folder.path("failed")}, 2);
  ASSERT_TRUE(reopened) << reopened.error().text;
  EXPECT_EQ((*reopened)->durable_size(), 2u);
  EXPECT_EQ(ids_in(folder.path("failed")), (std::vector<std::uint64_t>{0, 1}));
}

TEST(AuditLog, AHundredThousandEntriesVerifyInSeconds) {
  const TemporaryFolder folder;
  {
    const auto log = open_log(folder.log(), 30'000);
    for (std::uint64_t i = 0; i < 100'000; i += 5'000) ASSERT_TRUE(append_batch(*log, i, 5'000));
  }
  const auto start = std::chrono::steady_clock::now();
  const auto result = verify(folder.log());
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_TRUE(result->ok()) << result->bad->reason;
  EXPECT_EQ(result->entries, 100'000u);
  EXPECT_LT(took, std::chrono::seconds(5));
  RecordProperty("verify_ms", static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
}

}  // namespace
}  // namespace valise::core::audit
