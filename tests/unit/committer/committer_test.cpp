#include "support.hpp"

#include <algorithm>
#include <thread>

namespace valise::core {
namespace {

TEST_F(CommitterTest, UnitsOfAllShardsCompleteInIdOrderAndEachShardsInTheOrderOfSubmission) {
  auto& target = start({.max_batch = 64});
  constexpr unsigned shards = 4;
  constexpr std::uint32_t each = 500;
  std::vector<std::thread> threads;
  for (unsigned shard = 0; shard < shards; ++shard) {
    threads.emplace_back([&, shard] {
      for (std::uint32_t i = 0; i < each; ++i) {
        auto unit = i % 3 == 0 ? message_unit(shard) : i % 3 == 1 ? record_unit(shard) : rows_unit(shard);
        if (unit->record) unit->record->size = i;
        EXPECT_TRUE(target.submit(unit));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(collector.wait_for(shards * each));
  const auto logged = stop();

  EXPECT_EQ(logged.size(), shards * (each - each / 3));
  EXPECT_TRUE(std::is_sorted(logged.begin(), logged.end()));
  EXPECT_EQ(store.rows().size(), shards * (each - 167));
  for (unsigned shard = 0; shard < shards; ++shard) {
    const auto& units = collector.shard(shard);
    ASSERT_EQ(units.size(), each);
    std::uint64_t last = 0;
    std::uint32_t last_size = 0;
    for (const auto& unit : units) {
      EXPECT_TRUE(unit->outcome);
      EXPECT_GT(unit->id, last);
      last = unit->id;
      if (!unit->record) continue;
      EXPECT_TRUE(last_size == 0 || unit->record->size > last_size);
      last_size = unit->record->size;
    }
  }
}

TEST_F(CommitterTest, UnitsSubmittedTogetherGetNeighbouringIds) {
  auto& target = start();
  std::vector<UnitPtr> units;
  for (int i = 0; i < 3; ++i) units.push_back(record_unit());
  ASSERT_TRUE(target.submit(units));
  EXPECT_FALSE(units[0]);
  ASSERT_TRUE(collector.wait_for(3));
  const auto ids = stop();
  EXPECT_EQ(ids, collector.order());
}

TEST_F(CommitterTest, TheRecordNamesItsUnitAndWhetherRowsBelongToIt) {
  auto& target = start();
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(2));
  const auto& units = collector.shard(0);
  const auto before = utc_now_ns();
  stop();
  auto cursor = audit::Cursor::open(folder.log());
  for (const auto& unit : units) {
    const auto entry = cursor->next();
    ASSERT_TRUE(entry && *entry);
    const auto key = audit::key_of((*entry)->record);
    EXPECT_EQ(key.id, unit->id);
    EXPECT_EQ(key.rows, unit == units[0]);
    EXPECT_EQ((*entry)->time_ns, unit->record->time_ns);
    EXPECT_LE(unit->record->time_ns, before);
    EXPECT_GT(unit->record->time_ns, before - 60'000'000'000);
  }
}

TEST_F(CommitterTest, ACompletedUnitStillHasItsWrites) {
  auto& target = start();
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  const auto& unit = *collector.shard(0)[0];
  ASSERT_EQ(unit.writes.size(), 1u);
  EXPECT_EQ(std::get<storage::PutMessage>(unit.writes[0]).message.stanza, "<message/>");
}

TEST_F(CommitterTest, RecordsDoNotWaitForTheStore) {
  auto& target = start();
  bool seen = false;
  store.next([&](Sets sets) {
    seen = eventually([&] { return audit::ids_in(folder.log()) == std::vector{sets[0]->id}; });
    return store.apply(sets);
  });
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  EXPECT_TRUE(seen) << "the record was durable while the store was still at work";
}

TEST_F(CommitterTest, NothingOvertakesAUnitThatIsCommitting) {
  auto& target = start();
  store.shut();
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(store.wait_until_at_the_gate());
  ASSERT_TRUE(submit(target, fence_unit()));
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(submit(target, fence_unit(1)));
  EXPECT_EQ(collector.count(), 0u);
  store.open();
  ASSERT_TRUE(collector.wait_for(4));
  stop();
  ASSERT_EQ(collector.order().size(), 4u);
  EXPECT_FALSE(collector.shard(0)[0]->writes.empty());
  EXPECT_FALSE(collector.shard(0)[1]->record) << "the fence keeps its place";
  EXPECT_TRUE(collector.shard(0)[2]->record);
  EXPECT_GT(collector.shard(1)[0]->id, collector.shard(0)[2]->id);
}

TEST_F(CommitterTest, TheStoreIsLeftAloneWhereNothingIsWritten) {
  auto& target = start();
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(submit(target, fence_unit()));
  ASSERT_TRUE(collector.wait_for(2));
  EXPECT_EQ(store.openings(), 0);
}

TEST_F(CommitterTest, UnitsThatNobodyWaitsForAreRecordedAndNotHandedBack) {
  auto& target = start();
  auto silent = record_unit();
  silent->nobody_waits = true;
  ASSERT_TRUE(target.submit(silent));
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  EXPECT_EQ(stop().size(), 2u);
  EXPECT_EQ(collector.order().size(), 1u);
}

TEST_F(CommitterTest, WhoWatchesIsToldOnHisOwnShardInTheSameOrderIfHeDoesWhenTheUnitIsComplete) {
  const auto watchers = make_ref<Watchers>();
  std::vector<std::uint64_t> told;
  const auto watched = [&](unsigned shard) {
    auto unit = message_unit(shard);
    unit->beside = {.watchers = watchers, .shard = 1, .done = [&told](Unit& seen) { told.push_back(seen.id); }};
    return unit;
  };
  auto& target = start();
  ASSERT_TRUE(submit(target, watched(0)));
  ASSERT_TRUE(collector.wait_for(1));
  store.shut();
  ASSERT_TRUE(submit(target, watched(0)));
  ASSERT_TRUE(store.wait_until_at_the_gate());
  watchers->come();  // while it is under way
  auto unwaited = watched(0);
  unwaited->nobody_waits = true;
  ASSERT_TRUE(submit(target, std::move(unwaited)));
  ASSERT_TRUE(submit(target, watched(1)));
  store.open();
  ASSERT_TRUE(collector.wait_for(6));
  stop();
  EXPECT_EQ(collector.shard(0).size(), 2u);
  const auto& there = collector.shard(1);
  ASSERT_EQ(there.size(), 4u);
  EXPECT_TRUE(std::ranges::is_sorted(there, {}, [](const UnitPtr& unit) { return unit->id; }));
  for (const auto& unit : there) {
    if (unit->done) unit->done(*unit);
  }
  EXPECT_EQ(told, (std::vector{collector.shard(0)[1]->id, there[1]->id, there[2]->id}));
}

TEST_F(CommitterTest, WhatWaitsWhileABatchCommitsIsTheNextBatch) {
  auto& target = start();
  store.shut();
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(store.wait_until_at_the_gate());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(submit(target, message_unit()));
  store.open();
  ASSERT_TRUE(collector.wait_for(101));
  EXPECT_EQ(target.stats().batches, 2u);
  EXPECT_EQ(target.stats().max_batch, 100u);
  EXPECT_EQ(store.commits(), 2);
}

TEST_F(CommitterTest, ABatchHasABoundInUnitsAndInBytes) {
  auto& target = start({.max_batch = 30, .max_batch_bytes = 100'000});
  store.shut();
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(store.wait_until_at_the_gate());
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(submit(target, message_unit()));
  for (int i = 0; i < 4; ++i) {
    auto large = record_unit();
    large->writes.push_back(some_write(std::string(60'000, 'x')));
    ASSERT_TRUE(target.submit(large));
  }
  store.open();
  ASSERT_TRUE(collector.wait_for(35));
  EXPECT_EQ(target.stats().batches, 4u) << "1, 30, 2 large, 2 large";
  EXPECT_EQ(target.stats().max_batch, 30u);
}

// ---- when a batch starts

TEST_F(CommitterTest, AloneAndIdleAUnitStartsAtOnce) {
  auto& target = start({.gather_us = 3'600'000'000});
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(2));
  EXPECT_EQ(target.stats().batches, 2u);
}

TEST_F(CommitterTest, AtAHighRateUnitsAreGathered) {
  auto& target = start({.gather_us = 3'600'000'000, .gather_rate = 1e-9, .gather_units = 8});
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(9)) << "enough gathered: no need to wait longer";
  EXPECT_EQ(target.stats().batches, 2u);
}

TEST_F(CommitterTest, ABurstIsNoLoadThatLasts) {
  auto& target = start({.gather_us = 3'600'000'000});
  for (std::size_t i = 1; i <= 500; ++i) {
    ASSERT_TRUE(submit(target, record_unit()));
    ASSERT_TRUE(collector.wait_for(i)) << "nobody waits for more of them";
  }
}

TEST_F(CommitterTest, GatheringEndsWithItsTime) {
  auto& target = start({.gather_us = 20'000, .gather_rate = 1e-9});
  for (std::size_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE(submit(target, record_unit()));
    ASSERT_TRUE(collector.wait_for(i));
  }
  EXPECT_EQ(target.stats().batches, 5u);
}

// ---- bounds

TEST_F(CommitterTest, AtTheBoundInUnitsNothingIsTakenUntilSomethingCompletes) {
  auto& target = start({.max_units = 10});
  store.shut();
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(store.wait_until_at_the_gate());
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(submit(target, message_unit()));
  auto refused = message_unit();
  EXPECT_FALSE(target.submit(refused));
  EXPECT_TRUE(refused) << "it stays with the caller";
  EXPECT_EQ(target.stats().refused, 1u);
  EXPECT_EQ(target.stats().waiting, 10u);
  store.open();
  ASSERT_TRUE(collector.wait_for(10));
  EXPECT_TRUE(target.submit(refused));
  EXPECT_TRUE(collector.wait_for(11));
}

TEST_F(CommitterTest, AtTheBoundInBytesNothingIsTaken) {
  auto& target = start({.max_bytes = 100'000});
  store.shut();
  auto large = [] {
    auto unit = rows_unit();
    unit->writes.push_back(some_write(std::string(60'000, 'x')));
    return unit;
  };
  ASSERT_TRUE(submit(target, large()));
  ASSERT_TRUE(store.wait_until_at_the_gate());
  EXPECT_FALSE(submit(target, large()));
  EXPECT_TRUE(submit(target, rows_unit()));
  store.open();
  ASSERT_TRUE(collector.wait_for(2));
  EXPECT_TRUE(submit(target, large()));
  EXPECT_TRUE(collector.wait_for(3));
}

TEST_F(CommitterTest, IsCrowdedFromAnEighthOnWithWhatUnitsKeepInMemory) {
  auto& target = start({.max_bytes = 100'000});
  store.shut();
  const auto keeping = [] {
    auto unit = message_unit();
    unit->keeps = 7'000;
    return unit;
  };
  ASSERT_TRUE(submit(target, keeping()));
  ASSERT_TRUE(store.wait_until_at_the_gate());
  EXPECT_FALSE(target.is_crowded());
  ASSERT_TRUE(submit(target, keeping()));
  EXPECT_TRUE(target.is_crowded());
  store.open();
  ASSERT_TRUE(collector.wait_for(2));
  EXPECT_TRUE(eventually([&] { return !target.is_crowded(); }));
}

TEST_F(CommitterTest, UnitsSubmittedTogetherAreTakenTogetherOrNotAtAll) {
  auto& target = start({.max_units = 5});
  store.shut();
  ASSERT_TRUE(submit(target, message_unit()));
  ASSERT_TRUE(store.wait_until_at_the_gate());
  std::vector<UnitPtr> units;
  for (int i = 0; i < 5; ++i) units.push_back(message_unit());
  EXPECT_FALSE(target.submit(units));
  for (const auto& unit : units) EXPECT_TRUE(unit);
  EXPECT_TRUE(target.submit(std::span(units).first(4)));
  store.open();
  EXPECT_TRUE(collector.wait_for(5));
}

// ---- the end

TEST_F(CommitterTest, DrainingCompletesWhatWasTakenAndTakesNoMore) {
  auto& target = start({.max_batch = 7});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(submit(target, message_unit()));
  EXPECT_EQ(target.drain_and_stop(std::chrono::seconds(20)), 0u);
  EXPECT_EQ(collector.count(), 100u);
  for (const auto& unit : collector.shard(0)) EXPECT_TRUE(unit->outcome);
  EXPECT_FALSE(submit(target, message_unit()));
  EXPECT_EQ(target.drain_and_stop(std::chrono::seconds(20)), 0u);
  const auto result = audit::verify(folder.log());
  EXPECT_EQ(result->head_size, 100u) << "settled";
  EXPECT_EQ(store.rows().size(), 100u);
}

TEST_F(CommitterTest, WithoutALogRowsAreStillCommitted) {
  committer = std::make_unique<Committer>(CommitterOptions{}, nullptr, store.opener(), collector.sink());
  ASSERT_TRUE(submit(*committer, message_unit()));
  ASSERT_TRUE(submit(*committer, record_unit()));
  ASSERT_TRUE(collector.wait_for(2));
  EXPECT_TRUE(collector.shard(0)[0]->outcome);
  EXPECT_TRUE(collector.shard(0)[1]->outcome);
  EXPECT_EQ(store.rows().size(), 1u);
}

TEST_F(CommitterTest, IdsContinueAboveTheGreatestEverUsed) {
  const auto future = IdGenerator(0).next(utc_now_ns() / 1'000'000 + 3'600'000);
  auto& target = start({.last_id = future});
  ASSERT_TRUE(submit(target, record_unit()));
  ASSERT_TRUE(collector.wait_for(1));
  EXPECT_GT(collector.order()[0], future);
}

constexpr std::int64_t year_ms = 31'557'600'000;

TEST(IdGenerator, IdsArePositiveAsSignedIntegersFarBeyond2039) {
  IdGenerator ids(1023);
  for (const int year : {2026, 2040, 2093}) {
    const auto now_ms = (year - 1970) * year_ms;
    const auto id = ids.next(now_ms);
    EXPECT_GT(static_cast<std::int64_t>(id), 0) << year;
    EXPECT_EQ(IdGenerator::utc_ms(id), now_ms);
  }
}

TEST(IdGenerator, IncreasesWhateverTheClockDoesAndOverARestart) {
  std::uint64_t last = 0;
  const auto today_ms = 56 * year_ms;
  for (int start = 0; start < 3; ++start) {
    IdGenerator ids(7, last);
    // Steps back by an hour, by decades, to a machine's dead battery.
    for (const auto now_ms : {today_ms, today_ms - 3'600'000, std::int64_t{0}, std::int64_t{-1}, today_ms + start}) {
      for (int i = 0; i < 5'000; ++i) {  // more than one millisecond holds
        const auto id = ids.next(now_ms);
        ASSERT_GT(id, last);
        ASSERT_GT(static_cast<std::int64_t>(id), 0);
        ASSERT_EQ(id >> 12 & 0x3ff, 7u);
        last = id;
      }
    }
  }
}

}  // namespace
}  // namespace valise::core
