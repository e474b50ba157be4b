// Log and store after a crash at the worst moments.
#include <fmt/core.h>

#include "empty_reader.hpp"
#include "support.hpp"

namespace valise::core {
namespace {

// A store as recovery sees it.
class FakeReader : public storage::EmptyReader {
 public:
  std::uint64_t greatest = 0;
  std::vector<storage::BoxMessage> messages;

  Result<std::vector<storage::BoxMessage>> messages_after(std::uint64_t after, std::size_t limit) override {
    std::vector<storage::BoxMessage> found;
    for (const auto& message : messages) {
      if (message.id > after && found.size() < limit) found.push_back(message);
    }
    return found;
  }
  Result<std::uint64_t> greatest_id() override { return greatest; }
  Result<std::optional<storage::LogMark>> log_mark() override { return mark; }
  std::optional<storage::LogMark> mark;

  void add(std::uint64_t id) {
    storage::BoxMessage message;
    message.id = id;
    message.from = "alice@a.example/phone";
    message.to = "bob@b.example/desk";
    message.stanza_id = "m" + std::to_string(id);
    messages.push_back(message);
    greatest = std::max(greatest, id);
  }
};

// What recovery writes into it.
struct FakeWriter : storage::Writer {
  explicit FakeWriter(FakeReader& reader) : store(reader) {}
  Result<> commit(Sets sets) override {
    for (const auto* set : sets) {
      store.greatest = std::max(store.greatest, set->id);
      if (set->log) store.mark = set->log;
    }
    return {};
  }
  FakeReader& store;
};

class RecoveryTest : public ::testing::Test {
 protected:
  // One batch of records with these ids; with rows unless told otherwise.
  void batch(std::initializer_list<std::uint64_t> ids, bool rows = true) {
    std::vector<audit::Record> records;
    for (const auto id : ids) {
      records.push_back(audit::message_record(id));
      records.back().rows = rows;
    }
    std::vector<const audit::Record*> pointers;
    for (const auto& record : records) pointers.push_back(&record);
    ASSERT_TRUE(log->append(pointers));
  }
  // The committer commits them in both.
  void batch_with_rows(std::uint64_t id) {
    reader.mark = storage::LogMark{.size = log->durable_size(), .chain = log->chain()};
    batch({id});
    reader.add(id);
  }
  // The same log, with other entries from its beginning on.
  void replace_log(std::size_t entries) {
    log.reset();
    std::filesystem::remove_all(folder.log());
    log = audit::open_log(folder.log(), 4);
    for (std::uint64_t id = 1; id <= entries; ++id) batch({id}, false);
  }
  Result<Recovery> run(RecoveryOptions options = {}) { return recover(log.get(), reader, open_writer, options); }
  // Refused with this text, nothing written; then accepted, noted with `reason`, and from then on as if nothing had
  // been.
  Recovery refused_then_accepted(std::string_view text, std::string_view reason) {
    const auto size = log->durable_size();
    const auto mark = reader.mark;
    const auto refused = run();
    EXPECT_FALSE(refused);
    if (refused) return {};
    EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
    EXPECT_NE(refused.error().text.find(text), std::string::npos) << refused.error().text;
    EXPECT_NE(refused.error().text.find("--accept-gap"), std::string::npos) << refused.error().text;
    EXPECT_EQ(log->durable_size(), size);
    EXPECT_EQ(reader.mark, mark);
    const auto accepted = run({.accept_gap = true});
    EXPECT_TRUE(accepted) << accepted.error().text;
    if (!accepted) return {};
    EXPECT_TRUE(has(fmt::format(R"("kind":"admin","reason":"{}")", reason))) << lines();
    EXPECT_EQ(accepted->voided, 0u) << "they did happen";
    const auto after = log->durable_size();
    const auto again = run();
    EXPECT_TRUE(again) << again.error().text;
    EXPECT_EQ(log->durable_size(), after);
    return *accepted;
  }
  std::string lines() const { return audit::lines_of(folder.log()); }
  bool has(std::string_view text) const { return lines().find(text) != std::string::npos; }

  audit::TemporaryFolder folder;
  std::unique_ptr<audit::Log> log = audit::open_log(folder.log(), 4);
  FakeReader reader;
  StoreThread::OpenWriter open_writer = [this] {
    return Result<std::unique_ptr<storage::Writer>>(std::make_unique<FakeWriter>(reader));
  };
};

TEST_F(RecoveryTest, WhereBothAgreeNothingIsAdded) {
  batch({10, 11});
  batch({12}, false);
  reader.greatest = 11;
  const auto result = run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->voided + result->recovered, 0u);
  EXPECT_EQ(result->last_id, 12u);
  EXPECT_EQ(log->durable_size(), 3u);
}

TEST_F(RecoveryTest, RecordsOfTheLastBatchWithoutTheirRowsAreVoided) {
  batch({10});
  batch({11, 12});
  reader.greatest = 10;
  const auto result = run();
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(result->voided, 2u);
  EXPECT_TRUE(has(R"("id":"11","kind":"void","reason":"rows-lost")"));
  EXPECT_TRUE(has(R"("id":"12","kind":"void","reason":"rows-lost")"));
}

TEST_F(RecoveryTest, RowsThatAreGoneAgainWereCommittedAllTheSame) {
  // Delivered and dropped: no row has the id any more, but the store has seen a greater one.
  batch({10});
  reader.greatest = 11;
  const auto result = run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->voided, 0u);
  EXPECT_EQ(result->recovered, 0u);
}

TEST_F(RecoveryTest, ARecordThatNeverHadRowsIsNotVoided) {
  batch({10});
  batch({11}, false);
  reader.greatest = 10;
  EXPECT_EQ(run()->voided, 0u);
}

TEST_F(RecoveryTest, MessagesWithoutTheirRecordGetOne) {
  batch({10});
  reader.add(10);
  reader.add(11);
  reader.add(11);  // a row for each of two owners
  reader.add(12);
  const auto result = run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->recovered, 2u);
  EXPECT_EQ(result->last_id, 12u);
  EXPECT_TRUE(has(R"("id":"11","rows":true,"kind":"recovered","from":"alice@a.example","resource":"phone",)"
                  R"("to":"bob@b.example","stanza":"m11","verdict":"stored","reason":"record-lost"})"));
}

TEST_F(RecoveryTest, MayRunAgain) {
  batch({10});
  batch({11, 12});
  reader.greatest = 10;
  ASSERT_TRUE(run());
  const auto size = log->durable_size();
  const auto again = run();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->voided, 0u);
  EXPECT_EQ(log->durable_size(), size);
}

TEST_F(RecoveryTest, ContinuesWhereAnEarlierRunWasCutOff) {
  batch({10});
  batch({11, 12, 13});
  auto half = audit::message_record(11);
  half.kind = audit::Kind::voided;
  const audit::Record* const pointer = &half;
  ASSERT_TRUE(log->append({&pointer, 1}));
  reader.greatest = 10;
  const auto result = run();
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(result->voided, 2u);
}

TEST_F(RecoveryTest, AVoidedUnitOfLongAgoIsNoClaim) {
  batch({10});
  batch({11});
  reader.greatest = 10;
  ASSERT_TRUE(run());
  batch({12});
  const auto result = run();
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(result->voided, 1u) << "12 only";
}

TEST_F(RecoveryTest, FindsTheLastBatchBehindSegmentBorders) {
  for (std::uint64_t id = 10; id < 30; ++id) batch({id});
  batch({30, 31, 32, 33, 34});
  for (std::uint64_t id = 30; id < 33; ++id) {  // an earlier run that was cut off, one segment on
    auto half = audit::message_record(id);
    half.kind = audit::Kind::voided;
    const audit::Record* const pointer = &half;
    ASSERT_TRUE(log->append({&pointer, 1}));
  }
  reader.greatest = 29;
  const auto result = run();
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(result->voided, 2u);
}

TEST_F(RecoveryTest, AClaimOfABatchThatAnotherFollowedMeansThatTheStoreIsOlder) {
  batch({10, 11});
  batch({12}, false);  // was begun, so the batch before was known to be durable
  reader.greatest = 9;
  EXPECT_FALSE(run());
}

TEST_F(RecoveryTest, AStoreOlderThanTheLogIsRefusedUnlessTheAdministratorSaysSo) {
  for (std::uint64_t id = 10; id < 30; ++id) batch({id});
  reader.greatest = 20;
  EXPECT_EQ(refused_then_accepted("older than the log", "store-older-than-log").last_id, 29u);
}

TEST_F(RecoveryTest, TheLogThatTheStoreWasWrittenWithIsTaken) {
  batch({10}, false);
  for (std::uint64_t id = 11; id < 30; ++id) batch_with_rows(id);
  ASSERT_TRUE(run());
  batch({30, 31}, false);  // the log alone goes on
  ASSERT_TRUE(run());
  log.reset();
  log = audit::open_log(folder.log(), 4);
  ASSERT_TRUE(run());
}

TEST_F(RecoveryTest, ALogWithoutTheBatchThatWasUnderWayIsNotTooOld) {
  for (std::uint64_t id = 10; id < 20; ++id) batch_with_rows(id);
  reader.mark = storage::LogMark{.size = log->durable_size(), .chain = log->chain()};
  for (std::uint64_t id = 20; id < 520; ++id) reader.add(id);  // its rows are durable, its records are not
  const auto result = run();
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(result->recovered, 500u);
}

TEST_F(RecoveryTest, AnOlderLogBesideTheStoreIsRefusedUnlessTheAdministratorSaysSo) {
  for (std::uint64_t id = 10; id < 20; ++id) batch_with_rows(id);
  audit::crash_copy(folder.log(), folder.path("older"));
  batch({20}, false);  // one entry more would be missing, of which the store has nothing
  batch_with_rows(21);
  log.reset();
  audit::crash_copy(folder.path("older"), folder.log());
  log = audit::open_log(folder.log(), 4);
  const auto accepted = refused_then_accepted("has 10 entries, and had 11", "log-older-than-store");
  EXPECT_EQ(accepted.recovered, 1u);
  EXPECT_EQ(accepted.last_id, 21u);
}

TEST_F(RecoveryTest, ALogOfAnotherHistoryIsRefusedUnlessTheAdministratorSaysSo) {
  for (std::uint64_t id = 10; id < 20; ++id) batch_with_rows(id);
  replace_log(40);  // longer, ids in order
  const auto accepted = refused_then_accepted("first 9 entries are others", "log-of-another-store");
  EXPECT_EQ(accepted.recovered, 0u) << "the store's past is no other log's to tell";
  reader.add(41);
  EXPECT_EQ(run()->recovered, 1u) << "what is lost from now on is";
}

TEST_F(RecoveryTest, AStoreThatWasWrittenWithoutALogIsRefusedUnlessTheAdministratorSaysSo) {
  for (std::uint64_t id = 10; id < 20; ++id) batch_with_rows(id);
  reader.mark = storage::LogMark{};
  reader.add(20);
  EXPECT_EQ(refused_then_accepted("while the audit log was off", "log-was-off").recovered, 1u);
}

TEST_F(RecoveryTest, AStoreThatHasNoMarkYetIsTaken) {
  batch({10});
  reader.add(10);
  ASSERT_TRUE(run());
  EXPECT_EQ(reader.mark, std::nullopt) << "nothing is bound that nobody looked at";
}

TEST_F(RecoveryTest, AnEmptyLogBesideAStoreWithAPastIsRefusedUnlessTheAdministratorSaysSo) {
  reader.add(10);
  const auto refused = run();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
  EXPECT_NE(refused.error().text.find("--accept-gap"), std::string::npos) << refused.error().text;
  EXPECT_EQ(log->durable_size(), 0u);
}

TEST_F(RecoveryTest, ANewLogSaysWhereItBeginsAndDoesNotTellTheStoresPast) {
  reader.add(10);
  const auto result = run({.accept_gap = true});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->recovered, 0u);
  EXPECT_EQ(result->last_id, 10u);
  EXPECT_TRUE(has(R"({"seq":0,)"));
  EXPECT_TRUE(has(R"("id":"10","kind":"admin","reason":"log-begins")"));
  ASSERT_TRUE(run());
  EXPECT_EQ(log->durable_size(), 1u);
}

TEST_F(RecoveryTest, ANewLogIsTheStoresFromThenOn) {
  for (std::uint64_t id = 10; id < 20; ++id) batch_with_rows(id);
  replace_log(0);
  refused_then_accepted("the audit log is empty", "log-begins");
}

TEST_F(RecoveryTest, TheVeryFirstMessageOfAFreshServerIsNotForgotten) {
  ASSERT_TRUE(run());
  reader.add(10);  // its record was lost
  const auto result = run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->recovered, 1u);
}

TEST_F(RecoveryTest, WithoutALogOnlyTheGreatestIdIsLearnt) {
  reader.greatest = 10;
  const auto result = recover(nullptr, reader, open_writer);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->last_id, 10u);
}

TEST_F(RecoveryTest, MoreLostRecordsThanAPageAreAllWritten) {
  batch({10});
  for (std::uint64_t id = 11; id < 1'211; ++id) reader.add(id);
  const auto result = run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->recovered, 1'200u);
  log.reset();
  EXPECT_TRUE(audit::verify(folder.log())->ok());
}

}  // namespace
}  // namespace valise::core
