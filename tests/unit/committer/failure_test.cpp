// What the committer does when store or log fail: nothing is confirmed falsely, nothing confirmed is lost.
#include "support.hpp"

namespace valise::core {
namespace {

Result<> away() { return fail(ErrorCode::unavailable, "gone away"); }
Result<> refused() { return fail(ErrorCode::invalid, "row does not fit"); }

std::vector<std::string> kinds_in(const std::string& folder) {
  std::vector<std::string> kinds;
  auto cursor = audit::Cursor::open(folder);
  while (true) {
    const auto entry = cursor->next();
    if (!entry || !*entry) return kinds;
    const auto text = std::string((*entry)->record);
    const auto at = text.find("\"kind\":\"") + 8;
    kinds.push_back(text.substr(at, text.find('"', at) - at));
  }
}

TEST_F(CommitterTest, AStoreThatIsAwayIsAskedAgainWithTheSameUnits) {
  auto& target = start();
  std::vector<std::uint64_t> tried;
  for (int i = 0; i < 3; ++i) {
    store.next([&](Sets sets) {
      tried.push_back(sets[0]->id);
      return away();
    });
  }
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  EXPECT_TRUE(collector.shard(0)[0]->outcome);
  EXPECT_EQ(tried, std::vector<std::uint64_t>(3, collector.order()[0]));
  EXPECT_EQ(store.openings(), 4) << "a handle that failed is not used again";
  EXPECT_EQ(target.stats().store_retries, 3u);
  EXPECT_EQ(stop().size(), 1u) << "recorded once";
}

TEST_F(CommitterTest, AStoreThatCannotBeOpenedYetIsWaitedFor) {
  store.refuse_openings(3);
  auto& target = start();
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  EXPECT_TRUE(collector.shard(0)[0]->outcome);
}

TEST_F(CommitterTest, ALostAnswerToACommitThatSucceededIsNoFailure) {
  auto& target = start();
  store.next([&](Sets sets) {
    EXPECT_TRUE(store.apply(sets));
    return away();
  });
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  EXPECT_TRUE(collector.shard(0)[0]->outcome);
  EXPECT_EQ(store.commits(), 2);
  EXPECT_EQ(store.rows().size(), 1u) << "written twice under one id";
}

TEST_F(CommitterTest, AUnitThatCannotBeStoredFailsAloneAndItsRecordIsTakenBack) {
  auto& target = start();
  store.shut();
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(store.wait_until_at_the_gate());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(submit(target, message_unit()));
  store.next([&](Sets sets) { return store.apply(sets); });  // the batch at the gate
  store.next([](Sets) { return refused(); });                // the five together
  for (int i = 0; i < 2; ++i) store.next([&](Sets sets) { return store.apply(sets); });
  store.next([](Sets) { return refused(); });  // the third alone
  store.open();
  ASSERT_TRUE(collector.wait_for(6));
  const auto& units = collector.shard(0);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(units[i]->outcome.has_value(), i != 3) << i;
  EXPECT_EQ(units[3]->outcome.error().code, ErrorCode::invalid);
  EXPECT_FALSE(units[3]->writes.empty()) << "handed back whole";
  EXPECT_TRUE(std::is_sorted(collector.order().begin(), collector.order().end()));
  EXPECT_EQ(store.rows().count(units[3]->id), 0u);
  EXPECT_EQ(store.rows().size(), 5u);
  EXPECT_EQ(target.stats().failed, 1u);
  EXPECT_EQ(target.stats().voids, 1u);
  const auto ids = stop();
  const auto kinds = kinds_in(folder.log());
  ASSERT_EQ(kinds.size(), 7u);
  EXPECT_EQ(kinds.back(), "void");
  EXPECT_EQ(ids.back(), units[3]->id);
}

TEST_F(CommitterTest, AFailingUnitThatNobodyWaitsForIsCounted) {
  auto& target = start();
  for (int i = 0; i < 2; ++i) store.next([](Sets) { return refused(); });
  auto unit = message_unit();
  unit->nobody_waits = true;
  ASSERT_TRUE(target.submit(unit));
  ASSERT_TRUE(submit(target, fence_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  EXPECT_EQ(target.stats().unwaited_failed, 1u);
}

TEST_F(CommitterTest, WithoutARecordNothingIsConfirmed) {
  auto& target = start();
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  FullDisk disk(200);  // the head fits, records do not
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(2));
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(3));
  disk.free();
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(4));
  const auto& units = collector.shard(0);
  EXPECT_FALSE(units[1]->outcome);
  EXPECT_FALSE(units[2]->outcome);
  EXPECT_EQ(units[2]->outcome.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(units[3]->outcome) << "recovers by itself";
  EXPECT_EQ(target.stats().log_reopens, 2u);
  EXPECT_EQ(stop(), (std::vector{units[0]->id, units[3]->id})) << "no record says what did not happen";
}

TEST_F(CommitterTest, WhatNeedsNoRecordIsNotFailedByTheLog) {
  auto& target = start();
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  FullDisk disk(200);
  std::vector<UnitPtr> units;
  units.push_back(record_unit());
  units.push_back(fence_unit());
  ASSERT_TRUE(target.submit(units));
  ASSERT_TRUE(collector.wait_for(3));
  EXPECT_FALSE(collector.shard(0)[1]->outcome);
  EXPECT_TRUE(collector.shard(0)[2]->outcome);
}

TEST_F(CommitterTest, RowsThatAreDurableAreNeverReportedFailed) {
  auto& target = start();
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  FullDisk disk(200);
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(eventually([&] { return target.stats().log_failures >= 3; })) << "tried again and again";
  EXPECT_EQ(store.rows().size(), 1u);
  EXPECT_EQ(collector.count(), 1u) << "and nobody was told anything";
  disk.free();
  ASSERT_TRUE(collector.wait_for(2));
  EXPECT_TRUE(collector.shard(0)[1]->outcome);
  EXPECT_EQ(stop(), collector.order());
}

TEST_F(CommitterTest, ABatchThatNeitherLogNorStoreTakesFails) {
  auto& target = start();
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  FullDisk disk(200);
  store.next([](Sets) { return refused(); });
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(collector.wait_for(2));
  EXPECT_FALSE(collector.shard(0)[1]->outcome);
  disk.free();
  EXPECT_EQ(stop().size(), 1u);
}

TEST_F(CommitterTest, WhileTheLogIsAwayOnlyASmallBacklogIsTaken) {
  auto& target = start({.max_units_without_log = 3});
  FullDisk disk(0);
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  EXPECT_FALSE(collector.shard(0)[0]->outcome);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit(target, record_unit()));
  EXPECT_FALSE(submit(target, record_unit()));
  disk.free();
  ASSERT_TRUE(collector.wait_for(4));
  for (std::size_t i = 1; i < 4; ++i) EXPECT_TRUE(collector.shard(0)[i]->outcome);
  EXPECT_TRUE(submit(target, record_unit()));
  EXPECT_TRUE(collector.wait_for(5));
}

TEST_F(CommitterTest, GivingUpFailsWhatWasNotBegunAndIsSilentAboutWhatIsNotKnown) {
  auto& target = start({.max_batch = 1});
  store.refuse_openings(1'000'000);
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(eventually([&] { return target.stats().store_retries >= 2; }));
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(submit(target, fence_unit()));
  EXPECT_EQ(target.drain_and_stop(std::chrono::milliseconds(1)), 1u);
  ASSERT_EQ(collector.count(), 3u);
  for (const auto& unit : collector.shard(0)) EXPECT_FALSE(unit->outcome);
  EXPECT_FALSE(collector.shard(0)[0]->known);
  EXPECT_TRUE(collector.shard(0)[1]->known && collector.shard(0)[2]->known);
  EXPECT_FALSE(collector.shard(0)[1]->writes.empty());
}

// It holds what belongs to its shard, without a lock.
TEST_F(CommitterTest, WhatIsNotKnownAtTheEndIsNotToldAndDiesOnItsShard) {
  struct OfAShard {
    explicit OfAShard(std::vector<std::thread::id>& where) : died(where) {}
    ~OfAShard() { died.push_back(std::this_thread::get_id()); }
    std::vector<std::thread::id>& died;
  };
  std::vector<std::thread::id> died;
  std::vector<bool> told;
  auto& target = start({.max_batch = 1});
  store.refuse_openings(1'000'000);
  for (int i = 0; i < 2; ++i) {  // the first is under way when the end comes, the second waits behind it
    auto unit = message_unit(3);
    unit->done = [&told, owned = std::make_unique<OfAShard>(died)](Unit& done) {
      told.push_back(done.outcome.has_value());
    };
    ASSERT_TRUE(submit(target, std::move(unit)));
    ASSERT_TRUE(eventually([&] { return target.stats().store_retries >= 1; }));
  }
  EXPECT_EQ(target.drain_and_stop(std::chrono::milliseconds(1)), 1u);
  EXPECT_TRUE(died.empty());
  auto units = collector.take(3);
  ASSERT_EQ(units.size(), 2u);
  finish(units);
  EXPECT_EQ(told, std::vector<bool>{false}) << "the one that was never begun, and only that";
  EXPECT_EQ(died, std::vector<std::thread::id>(2, std::this_thread::get_id()));
}

TEST_F(CommitterTest, ALogThatStaysAwayDoesNotHoldUpTheEndForEver) {
  auto& target = start();
  const FullDisk disk(0);
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(eventually([&] { return target.stats().log_failures >= 3; }));
  EXPECT_EQ(target.drain_and_stop(std::chrono::milliseconds(1)), 1u);
  ASSERT_EQ(collector.count(), 1u);
  EXPECT_FALSE(collector.shard(0)[0]->known);
}

}  // namespace
}  // namespace valise::core
