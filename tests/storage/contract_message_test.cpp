// Messages and boxes: delivery order, marks, the last box row takes the message along.
#include "bed.hpp"

namespace valise::storage::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string alice = "alice@valise.example";
const std::string bob = "bob@valise.example";
const std::string carol = "carol@valise.example";

class Message : public Contract {
 protected:
  WriteSet archived(std::uint64_t id) {  // as with an archive: both owners have a row
    return {.id = id, .writes = {PutMessage{sealed(alice, bob), {{bob, alice}, {alice, bob, Direction::out, true}}}}};
  }
  WriteSet mark(const std::string& owner, std::vector<std::uint64_t> ids, bool keep) {
    return {.id = bed.next_id(), .writes = {MarkDelivered{owner, std::move(ids), keep}}};
  }
  std::vector<std::uint64_t> undelivered(const std::string& owner, std::uint64_t after = 0, std::size_t limit = 1000) {
    std::vector<std::uint64_t> ids;
    for (const auto& message : must(bed.reader().undelivered(owner, after, limit))) ids.push_back(message.id);
    return ids;
  }
  std::uint64_t rows(const std::string& table) { return bed.count("SELECT count(*) FROM " + table); }
};

TEST_P(Message, AMessageIsStoredOnceWithARowForEachOwner) {
  const auto id = bed.next_id();
  bed.commit({archived(id)});
  auto expected = sealed(alice, bob);
  expected.id = id;
  EXPECT_EQ(must(bed.reader().message(bob, id)), expected);
  expected.direction = Direction::out;
  expected.delivered = true;
  EXPECT_EQ(must(bed.reader().message(alice, id)), expected);
  EXPECT_EQ(must(bed.reader().message(carol, id)), std::nullopt);
  EXPECT_EQ(rows("msg"), 1U);
  EXPECT_EQ(rows("box"), 2U);
}

TEST_P(Message, UndeliveredComesInIdOrderAfterAndUpToTheLimit) {
  std::vector<std::uint64_t> ids;
  std::vector<WriteSet> sets;
  for (int i = 0; i < 7; ++i) ids.push_back(bed.next_id());
  for (const int i : {3, 0, 6, 1, 5, 2, 4}) sets.push_back(to_one(ids[i], bob));
  sets.push_back(to_one(bed.next_id(), carol));
  bed.commit(sets);
  EXPECT_EQ(undelivered(bob), ids);
  EXPECT_THAT(undelivered(bob, 0, 2), ElementsAre(ids[0], ids[1]));
  EXPECT_THAT(undelivered(bob, ids[1], 2), ElementsAre(ids[2], ids[3]));
  EXPECT_THAT(undelivered(bob, ids[6]), IsEmpty());
  EXPECT_THAT(undelivered(bob, ~std::uint64_t{0}), IsEmpty());
}

TEST_P(Message, WhatWasDeliveredCanWaitAgainAndOnlyForWhoHasItsRow) {
  const auto kept = bed.next_id();
  const auto dropped = bed.next_id();
  bed.commit({archived(kept), archived(dropped), mark(bob, {kept}, true), mark(bob, {dropped}, false)});
  EXPECT_THAT(undelivered(bob), IsEmpty());
  const WriteSet again{.id = bed.next_id(),
                       .writes = {MarkUndelivered{bob, {kept, dropped, bed.next_id()}}, MarkUndelivered{alice, {kept}},
                                  MarkUndelivered{carol, {kept}}}};
  bed.commit({again});
  bed.commit({again});
  EXPECT_THAT(undelivered(bob), ElementsAre(kept));
  EXPECT_THAT(undelivered(alice), IsEmpty()) << "an outbound row waits for nobody";
  EXPECT_THAT(undelivered(carol), IsEmpty());
  bed.commit({{.id = bed.next_id(), .writes = {MarkUndelivered{bob, {kept}}, MarkDelivered{bob, {kept}, true}}}});
  EXPECT_THAT(undelivered(bob), IsEmpty());
  bed.commit({{.id = bed.next_id(), .writes = {MarkDelivered{bob, {kept}, true}, MarkUndelivered{bob, {kept}}}}});
  EXPECT_THAT(undelivered(bob), ElementsAre(kept));
}

TEST_P(Message, OnlyInboundRowsNotYetDeliveredWait) {
  bed.commit({{.id = bed.next_id(),
               .writes = {PutMessage{sealed(alice, bob),
                                     {{bob, alice, Direction::in, true}, {alice, bob, Direction::out, false}}}}}});
  EXPECT_THAT(undelivered(alice), IsEmpty());
  EXPECT_THAT(undelivered(bob), IsEmpty());
}

TEST_P(Message, KeptWhenDeliveredItStaysInTheBox) {
  const auto id = bed.next_id();
  bed.commit({archived(id)});
  bed.commit({mark(bob, {id}, true)});
  EXPECT_THAT(undelivered(bob), IsEmpty());
  EXPECT_TRUE(must(bed.reader().message(bob, id))->delivered);
  EXPECT_EQ(rows("box"), 2U);
}

TEST_P(Message, NotKeptTheBoxRowGoesAndTheMessageWithTheLastOne) {
  const auto id = bed.next_id();
  bed.commit({archived(id)});
  bed.commit({mark(bob, {id}, false)});
  EXPECT_EQ(must(bed.reader().message(bob, id)), std::nullopt);
  EXPECT_TRUE(must(bed.reader().has_message(id)));
  EXPECT_TRUE(must(bed.reader().message(alice, id)));
  bed.commit({mark(alice, {id}, false)});
  EXPECT_FALSE(must(bed.reader().has_message(id)));
  EXPECT_EQ(rows("box") + rows("undelivered"), 0U);
}

TEST_P(Message, MarkingTwiceOrAStrangersMessageTakesNothingMore) {
  const auto id = bed.next_id();
  bed.commit({archived(id)});
  bed.commit({mark(bob, {id, id}, false), mark(bob, {id}, false), mark(carol, {id}, false), mark(carol, {id}, true)});
  bed.commit({mark(bob, {id}, false)});
  EXPECT_TRUE(must(bed.reader().has_message(id)));
  EXPECT_TRUE(must(bed.reader().message(alice, id)));
}

TEST_P(Message, BothOwnersInOneBatchTakeTheMessageAlong) {
  const auto id = bed.next_id();
  bed.commit({archived(id)});
  bed.commit({mark(bob, {id}, false), mark(alice, {id}, false)});
  EXPECT_EQ(rows("msg") + rows("box") + rows("undelivered"), 0U);
}

TEST_P(Message, PutAndMarkKeepTheirOrderWithinABatch) {
  const auto first = bed.next_id(), second = bed.next_id(), third = bed.next_id();
  bed.commit({to_one(first, bob), mark(bob, {first}, false), to_one(second, bob), mark(bob, {second}, true),
              to_one(third, bob)});
  EXPECT_FALSE(must(bed.reader().has_message(first)));
  EXPECT_TRUE(must(bed.reader().message(bob, second))->delivered);
  EXPECT_THAT(undelivered(bob), ElementsAre(third));
  // A mark of a message that is only put after it, as when a batch is written again.
  bed.commit({mark(bob, {third}, false), to_one(third, bob)});
  EXPECT_THAT(undelivered(bob), ElementsAre(third));
}

TEST_P(Message, WhoWritesToHimselfHasTheInboundRow) {
  const auto id = bed.next_id();
  bed.commit({{.id = id,
               .writes = {PutMessage{sealed(bob, bob),
                                     {{bob, bob, Direction::out, true}, {bob, bob, Direction::in, false}}}}}});
  EXPECT_THAT(undelivered(bob), ElementsAre(id));
  EXPECT_EQ(rows("box"), 1U);
  bed.commit({mark(bob, {id}, false)});
  EXPECT_EQ(rows("msg") + rows("box"), 0U);
}

TEST_P(Message, AMessageOfNobodyIsNotStored) {
  bed.commit({{.id = bed.next_id(), .writes = {PutMessage{sealed(alice, bob), {}}}}});
  EXPECT_EQ(rows("msg"), 0U);
}

TEST_P(Message, ABatchOfAThousandIsWrittenWhole) {
  std::vector<WriteSet> sets;
  std::vector<std::uint64_t> ids;
  for (int i = 0; i < 1000; ++i) {
    ids.push_back(bed.next_id());
    sets.push_back(archived(ids.back()));
  }
  bed.commit(sets);
  EXPECT_EQ(undelivered(bob, 0, 2000), ids);
  EXPECT_EQ(rows("box"), 2000U);
  EXPECT_EQ(must(bed.reader().messages_after(ids[500], 2000)).size(), 499U);
  bed.commit({mark(bob, ids, false), mark(alice, ids, true)});
  EXPECT_THAT(undelivered(bob), IsEmpty());
  EXPECT_EQ(rows("msg"), 1000U);
  bed.commit({mark(alice, ids, false)});
  EXPECT_EQ(rows("msg"), 0U);
}

TEST_P(Message, ABatchBeyondADatabasePacketIsSplit) {
  std::vector<WriteSet> sets;
  for (int i = 0; i < 80; ++i) {
    auto set = to_one(bed.next_id(), bob);
    std::get<PutMessage>(set.writes[0]).message.stanza.assign(256 * 1024, static_cast<char>('a' + i % 26));
    sets.push_back(std::move(set));
  }
  bed.commit(sets);  // 20 MiB
  const auto found = must(bed.reader().undelivered(bob, 0, 100));
  ASSERT_EQ(found.size(), 80U);
  for (int i = 0; i < 80; ++i) EXPECT_EQ(found[i].stanza, std::get<PutMessage>(sets[i].writes[0]).message.stanza);
}

TEST_P(Message, ALargeBoxIsErasedWhole) {
  std::vector<WriteSet> sets;
  for (int i = 0; i < 5000; ++i) sets.push_back(i % 2 == 0 ? archived(bed.next_id()) : to_one(bed.next_id(), bob));
  bed.commit(sets);
  bed.commit({{.id = bed.next_id(), .writes = {EraseAccount{bob}}}});
  EXPECT_EQ(rows("msg"), 2500U);
  EXPECT_EQ(rows("box"), 2500U);
  EXPECT_EQ(rows("undelivered"), 0U);
  bed.commit({{.id = bed.next_id(), .writes = {EraseAccount{alice}}}});
  EXPECT_EQ(rows("msg") + rows("box"), 0U);
}

TEST_P(Message, AMessageToARoomOfTwoThousandIsOneSet) {
  WriteSet set{.id = bed.next_id(), .writes = {PutMessage{sealed(alice, "room@valise.example"), {}}}};
  for (int i = 0; i < 2000; ++i)
    std::get<PutMessage>(set.writes[0]).boxes.push_back({"o" + std::to_string(i) + "@valise.example", alice});
  bed.commit({set});
  EXPECT_EQ(rows("undelivered"), 2000U);
  std::vector<WriteSet> marks;
  for (int i = 0; i < 1999; ++i) marks.push_back(mark("o" + std::to_string(i) + "@valise.example", {set.id}, false));
  bed.commit(marks);
  EXPECT_TRUE(must(bed.reader().has_message(set.id)));
  bed.commit({mark("o1999@valise.example", {set.id}, false)});
  EXPECT_FALSE(must(bed.reader().has_message(set.id)));
}

TEST_P(Message, MessagesAfterListsThemWithoutTheStanza) {
  const auto first = bed.next_id(), second = bed.next_id(), third = bed.next_id();
  bed.commit({archived(first), to_one(second, bob), to_one(third, carol)});
  auto expected = std::get<PutMessage>(to_one(second, bob).writes[0]).message;
  expected.id = second;
  expected.stanza.clear();
  EXPECT_THAT(must(bed.reader().messages_after(first, 1)), ElementsAre(expected));
  EXPECT_EQ(must(bed.reader().messages_after(0, 10)).size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(each, Message, all_kinds(), name_of_kind);

}  // namespace
}  // namespace valise::storage::testing
