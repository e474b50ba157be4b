// Archives (XEP-0313): pages, conversations, what only waits, what goes with time.
#include "bed.hpp"

namespace valise::storage::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

const std::string alice = "alice@valise.example";
const std::string bob = "bob@valise.example";
const std::string carol = "carol@valise.example";

class Archive : public Contract {
 protected:
  // From one to another; `sent`, `received`: whose archives have it.
  std::uint64_t put(const std::string& from, const std::string& to, bool sent = true, bool received = true) {
    const auto id = bed.next_id();
    WriteSet set{.id = id, .writes = {PutMessage{sealed(from, to), {}}}};
    auto& boxes = std::get<PutMessage>(set.writes[0]).boxes;
    if (received) boxes.push_back({to, from, Direction::in, true});
    if (sent && from != to) boxes.push_back({from, to, Direction::out, true});
    bed.commit({set});
    return id;
  }
  std::vector<std::uint64_t> ids(const ArchiveRange& range, std::size_t limit = 100, bool newest_first = false) {
    std::vector<std::uint64_t> found;
    for (const auto& message : must(bed.reader().archived(range, limit, newest_first))) found.push_back(message.id);
    return found;
  }
  std::uint64_t rows(const std::string& table) { return bed.count("SELECT count(*) FROM " + table); }
};

TEST_P(Archive, AConversationIsFoundWhoeverOfTheTwoArchivesIt) {
  const auto both = put(alice, bob), only_bob = put(alice, bob, false, true), only_alice = put(bob, alice, false, true);
  put(alice, carol);
  const auto only_sender = put(alice, bob, true, false), back = put(bob, alice);
  EXPECT_THAT(ids({.owner = alice, .peer = bob}), ElementsAre(both, only_alice, only_sender, back));
  EXPECT_THAT(ids({.owner = bob, .peer = alice}), ElementsAre(both, only_bob, back));
  EXPECT_THAT(ids({.owner = alice, .peer = bob}, 2), ElementsAre(both, only_alice));
  EXPECT_THAT(ids({.owner = alice, .peer = bob}, 2, true), ElementsAre(back, only_sender));
  EXPECT_THAT(ids({.owner = carol, .peer = bob}), IsEmpty());
  EXPECT_EQ(must(bed.reader().archive_size({.owner = alice, .peer = bob}, 100)), 4U);
}

TEST_P(Archive, ANoteToOneselfIsAConversation) {
  const auto note = put(alice, alice);
  put(bob, alice);
  EXPECT_THAT(ids({.owner = alice, .peer = alice}), ElementsAre(note));
}

TEST_P(Archive, AFullAddressSelectsWhatItSentAndGot) {
  const auto set = [&](const std::string& from, const std::string& to, Direction direction) {
    WriteSet one{.id = bed.next_id(), .writes = {PutMessage{sealed(carol, carol), {{carol, alice, direction, true}}}}};
    std::get<PutMessage>(one.writes[0]).message.from = from;
    std::get<PutMessage>(one.writes[0]).message.to = to;
    bed.commit({one});
    return one.id;
  };
  const auto in = set(alice + "/phone", carol, Direction::in);
  set(alice + "/desk", carol, Direction::in);
  const auto out = set(carol + "/x", alice + "/phone", Direction::out);
  set(carol + "/x", alice, Direction::out);
  EXPECT_THAT(ids({.owner = carol, .peer = alice, .party = alice + "/phone"}), ElementsAre(in, out));
  EXPECT_THAT(ids({.owner = carol, .peer = alice, .party = alice + "/nowhere"}), IsEmpty());
  EXPECT_EQ(ids({.owner = carol, .peer = alice}).size(), 4U);
}

TEST_P(Archive, BoundsAreLeftOutAndMayBeAbsurd) {
  const auto one = put(alice, bob), two = put(alice, bob), three = put(alice, bob);
  for (const auto& peer : {std::string(), bob}) {
    const auto range = [&](std::uint64_t after, std::uint64_t before) {
      return ids({.owner = alice, .peer = peer, .after = after, .before = before});
    };
    EXPECT_THAT(range(one, three), ElementsAre(two));
    EXPECT_THAT(range(three, one), IsEmpty());
    EXPECT_THAT(range(two, two), IsEmpty());
    EXPECT_THAT(range(~std::uint64_t{0}, ~std::uint64_t{0}), IsEmpty());
    EXPECT_THAT(range(0, ~std::uint64_t{0}), ElementsAre(one, two, three));
    EXPECT_THAT(range(0, 0), IsEmpty());
  }
  EXPECT_FALSE(must(bed.reader().is_archived(alice, ~std::uint64_t{0})));
  EXPECT_FALSE(must(bed.reader().is_archived(alice, 0)));
  EXPECT_TRUE(must(bed.reader().is_archived(alice, two)));
  EXPECT_FALSE(must(bed.reader().is_archived(carol, two)));
  EXPECT_THAT(ids({.owner = alice, .peer = "'; DROP TABLE msg; --\\\"%_"}), IsEmpty());
}

TEST_P(Archive, WhatOnlyWaitsIsInNoArchiveAndGoesWhenItIsDelivered) {
  const auto id = bed.next_id();
  bed.commit({{.id = id, .writes = {PutMessage{sealed(alice, bob), {{bob, alice, Direction::in, false, false}}}}}});
  EXPECT_THAT(ids({.owner = bob}), IsEmpty());
  EXPECT_THAT(ids({.owner = bob, .peer = alice}), IsEmpty());
  EXPECT_FALSE(must(bed.reader().is_archived(bob, id)));
  EXPECT_THAT(must(bed.reader().newest_received(bob, 0, 10)), IsEmpty());
  const auto waiting = must(bed.reader().undelivered(bob, 0, 10));
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_FALSE(waiting[0].archived);
  bed.commit({{.id = bed.next_id(), .writes = {MarkDelivered{bob, {id}, false}}}});
  EXPECT_EQ(rows("msg") + rows("box"), 0U);
  const WriteSet bad{.id = bed.next_id(),
                     .writes = {PutMessage{sealed(alice, bob), {{alice, bob, Direction::out, true, false}}}}};
  EXPECT_EQ(bed.try_commit({bad}).error().code, ErrorCode::invalid);
}

TEST_P(Archive, ADeliveredMessageCanWaitAgainAndOnlyAnInboundOne) {
  const auto id = put(alice, bob);
  bed.commit({{.id = bed.next_id(),
               .writes = {MarkUndelivered{bob, {id}}, MarkUndelivered{alice, {id}}, MarkUndelivered{carol, {id}}}}});
  EXPECT_EQ(must(bed.reader().undelivered(bob, 0, 10)).size(), 1U);
  EXPECT_EQ(rows("undelivered"), 1U);
  EXPECT_TRUE(must(bed.reader().undelivered(bob, 0, 10))[0].archived);
}

TEST_P(Archive, WhatIsOldGoesButNotWhatWaits) {
  const auto one = put(alice, bob), two = put(alice, bob), three = put(alice, bob);
  bed.commit({{.id = bed.next_id(), .writes = {MarkUndelivered{bob, {two}}}}});
  bed.commit({{.id = bed.next_id(), .writes = {ExpireMessages{bob, {one, two, 7}}, ExpireMessages{carol, {three}}}}});
  EXPECT_THAT(ids({.owner = bob}), ElementsAre(two, three));
  EXPECT_THAT(ids({.owner = alice}), ElementsAre(one, two, three));
  bed.commit({{.id = bed.next_id(), .writes = {ExpireMessages{alice, {one, two}}}}});
  EXPECT_FALSE(must(bed.reader().has_message(one)));
  EXPECT_TRUE(must(bed.reader().has_message(two)));
  EXPECT_THAT(ids({.owner = bob, .peer = alice}), ElementsAre(two, three));
  // In one unit with what makes it wait.
  bed.commit({{.id = bed.next_id(), .writes = {MarkUndelivered{bob, {three}}, ExpireMessages{bob, {three}}}}});
  EXPECT_THAT(ids({.owner = bob}), ElementsAre(two, three));
}

TEST_P(Archive, WhatAllKeepUnderANameIsFound) {
  for (const auto& owner : {bob, alice}) {
    bed.commit({{.id = bed.next_id(),
                 .writes = {PutAccountData{owner, DataKind::archive, {"keep", owner.substr(0, 1)}},
                            PutAccountData{owner, DataKind::archive, {"prefs", "x"}},
                            PutAccountData{owner, DataKind::vcard, {"keep", "x"}}}}});
  }
  EXPECT_THAT(must(bed.reader().data_of_all(DataKind::archive, "keep")), ElementsAre(Pair(alice, "a"), Pair(bob, "b")));
}

// How each engine answers the statements themselves: by an index in its order, without a sort.
TEST_P(Archive, PagesAreAnsweredByAnIndex) {
  for (int i = 0; i < 30; ++i) put(alice, i % 3 == 0 ? carol : bob);
  using sql::Statement;
  for (const auto statement : {Statement::get_archive, Statement::get_archive_back, Statement::count_archive}) {
    const auto plan = bed.plan(statement, {"'alice@valise.example'", "5", "9000000000000000000", "50"});
    SCOPED_TRACE(plan);
    EXPECT_THAT(plan, GetParam() == Kind::sqlite ? HasSubstr("SEARCH b USING PRIMARY KEY (owner=? AND id>? AND id<?)")
                                                 : HasSubstr("b|range|PRIMARY|"));
    EXPECT_THAT(plan, Not(HasSubstr("TEMP B-TREE")));
    EXPECT_THAT(plan, Not(HasSubstr("filesort")));
  }
  for (const auto statement : {Statement::get_conversation, Statement::get_conversation_back}) {
    const auto plan = bed.plan(statement, {"'a'", "4", "5", "9000000000000000000", "'b'", "''", "''", "''", "50"});
    SCOPED_TRACE(plan);
    EXPECT_THAT(plan, GetParam() == Kind::sqlite
                          ? HasSubstr("SEARCH m USING INDEX msg_pair (pair=? AND rowid>? AND rowid<?)")
                          : HasSubstr("m|range|msg_pair|"));
    EXPECT_THAT(plan, GetParam() == Kind::sqlite ? HasSubstr("SEARCH b USING PRIMARY KEY (owner=? AND id=?)")
                                                 : HasSubstr("b|eq_ref|PRIMARY|"));
    EXPECT_THAT(plan, Not(HasSubstr("TEMP B-TREE")));
    EXPECT_THAT(plan, Not(HasSubstr("filesort")));
  }
}

INSTANTIATE_TEST_SUITE_P(each, Archive, all_kinds(), name_of_kind);

}  // namespace
}  // namespace valise::storage::testing
