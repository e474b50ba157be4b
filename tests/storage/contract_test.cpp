// Accounts, rosters and PEP: every write seen through every reader, on both stores.
#include "bed.hpp"

namespace valise::storage::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string alice = "alice@valise.example";
const std::string bob = "bob@valise.example";
const std::string devices = "eu.siacs.conversations.axolotl.devicelist";

Account account(const std::string& jid) {
  return {.jid = jid,
          .state = AccountState::active,
          .keys = {{"SHA-1", std::string("\0salt", 5), 10000, std::string("\xff\0key", 5), "server"},
                   {"SHA-256", "other salt", 4294967295U, "stored", ""}},
          .created_ms = 1764000000123};
}

RosterItem contact(const std::string& jid) {
  return {.jid = jid,
          .name = "Élise 🦊",
          .groups = {"Cabinet", "", "Été"},
          .subscription = Subscription::both,
          .ask = true,
          .approved = true,
          .pending_in = "<presence type='subscribe'/>"};
}

PepItem item(const std::string& node, const std::string& id) {
  return {.node = node, .id = id, .publisher = alice + "/phone", .payload = "<list id='" + id + "'/>"};
}

std::vector<std::string> ids(const std::vector<PepItem>& items) {
  std::vector<std::string> found;
  for (const auto& i : items) found.push_back(i.id);
  return found;
}

HeldMessage held(const std::string& owner, std::int64_t due_ms = 1764000000123) {
  return {.owner = owner,
          .due_ms = due_ms,
          .from = "peer@valise.example/x",
          .to = owner,
          .stanza_id = "a",
          .digest = std::string(16, '\1'),
          .rule = "right to disconnect",
          .unsealed = {},
          .reason = "policy:retention-1y",
          .stanza = "<message/>"};
}

TEST_P(Contract, WhatIsHeldIsInNobodysBoxUntilItIsRemoved) {
  const auto late = bed.next_id(), early = bed.next_id(), other = bed.next_id();
  bed.commit({{.id = late, .writes = {PutHeld{held(alice, 200)}}},
              {.id = early, .writes = {PutHeld{held(alice, 100)}}},
              {.id = other, .writes = {PutHeld{held(bob, 100)}}}});
  const auto ids = [](const std::vector<HeldMessage>& some) {
    std::vector<std::uint64_t> all;
    for (const auto& one : some) all.push_back(one.id);
    return all;
  };
  EXPECT_THAT(must(bed.reader().undelivered(alice, 0, 10)), IsEmpty());
  EXPECT_THAT(must(bed.reader().archived({.owner = alice}, 10, false)), IsEmpty());
  EXPECT_THAT(ids(must(bed.reader().held_due(99, {}, 10))), IsEmpty());
  EXPECT_THAT(ids(must(bed.reader().held_due(200, {}, 10))), ElementsAre(early, other, late));
  EXPECT_THAT(ids(must(bed.reader().held_due(200, {100, early}, 1))), ElementsAre(other));
  EXPECT_THAT(ids(must(bed.reader().held_due(200, {100, other}, 10))), ElementsAre(late));
  EXPECT_THAT(ids(must(bed.reader().held_of(alice, 0, 10))), ElementsAre(late, early));
  bed.commit({{.id = bed.next_id(), .writes = {SetHeldDue{alice, 50}, RemoveHeld{early}}}});
  EXPECT_THAT(ids(must(bed.reader().held_due(50, {}, 10))), ElementsAre(late));
  EXPECT_THAT(ids(must(bed.reader().held_of(bob, 0, 10))), ElementsAre(other));
}

TEST_P(Contract, AFreshStoreIsEmpty) {
  EXPECT_EQ(must(bed.reader().greatest_id()), 0U);
  EXPECT_EQ(must(bed.reader().account(alice)), std::nullopt);
  EXPECT_THAT(must(bed.reader().accounts("valise.example")), IsEmpty());
  EXPECT_EQ(must(bed.reader().roster(alice)).version, 0U);
  EXPECT_THAT(must(bed.reader().pep_nodes(alice)), IsEmpty());
  EXPECT_THAT(must(bed.reader().undelivered(alice, 0, 10)), IsEmpty());
  EXPECT_THAT(must(bed.reader().messages_after(0, 10)), IsEmpty());
  EXPECT_THAT(must(bed.reader().held_due(1'000'000, {}, 10)), IsEmpty());
  EXPECT_FALSE(must(bed.reader().has_message(1)));
}

TEST_P(Contract, MigratingAgainChangesNothing) {
  bed.commit({to_one(bed.next_id(), alice)});
  const auto done = bed.store().migrate();
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(must(bed.reader().undelivered(alice, 0, 10)).size(), 1U);
}

TEST_P(Contract, IsClaimedByOneAndFreeWhenThatOneHasGone) {
  ASSERT_TRUE(bed.store().claim());
  {
    const auto other = bed.open_again();
    const auto refused = other->claim();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_THAT(refused.error().text, ::testing::HasSubstr("another valised"));
  }
  bed.close();
  EXPECT_TRUE(bed.open_again()->claim());
}

TEST_P(Contract, AnAccountComesBackAsItWasPut) {
  bed.commit({{.id = bed.next_id(), .writes = {PutAccount{account(alice)}}}});
  EXPECT_EQ(must(bed.reader().account(alice)), account(alice));
  auto changed = account(alice);
  changed.state = AccountState::disabled;
  changed.keys.pop_back();
  bed.commit({{.id = bed.next_id(), .writes = {PutAccount{changed}}}});
  EXPECT_EQ(must(bed.reader().account(alice)), changed);
}

TEST_P(Contract, AccountsAreListedByNameWithoutKeysAndWithoutDeletedOnes) {
  std::vector<Write> writes;
  // '.' sorts before '@': by name means by the local part, not by the whole JID.
  for (const auto* name : {"bob", "al.ice", "al", "zoé"})
    writes.push_back(PutAccount{account(std::string(name) + "@valise.example")});
  writes.push_back(PutAccount{account("al@other.example")});
  writes.push_back(EraseAccount{bob});
  bed.commit({{.id = bed.next_id(), .writes = writes}});
  const auto accounts = must(bed.reader().accounts("valise.example"));
  std::vector<std::string> names;
  for (const auto& a : accounts) {
    names.push_back(a.jid);
    EXPECT_THAT(a.keys, IsEmpty());
    EXPECT_EQ(a.created_ms, 1764000000123);
  }
  EXPECT_THAT(names, ElementsAre("al@valise.example", "al.ice@valise.example", "zoé@valise.example"));
}

TEST_P(Contract, AJidWithoutALocalPartIsItsOwnAccount) {
  bed.commit({{.id = bed.next_id(), .writes = {PutAccount{account("valise.example")}}}});
  EXPECT_EQ(must(bed.reader().account("valise.example"))->jid, "valise.example");
  EXPECT_EQ(must(bed.reader().accounts("valise.example")).at(0).jid, "valise.example");
}

TEST_P(Contract, JidsAreComparedAsBytes) {
  bed.commit({{.id = bed.next_id(),
               .writes = {PutAccount{account("éa@valise.example")}, PutAccount{account("ea@valise.example ")}}}});
  EXPECT_EQ(must(bed.reader().account("ea@valise.example")), std::nullopt);
  EXPECT_EQ(must(bed.reader().account("ÉA@valise.example")), std::nullopt);
  EXPECT_TRUE(must(bed.reader().account("éa@valise.example")));
}

TEST_P(Contract, ARosterChangeCarriesTheIdOfItsUnit) {
  const auto first = bed.next_id();
  auto ignored = contact(bob);
  ignored.version = 77;  // the unit's id counts
  bed.commit({{.id = first, .writes = {PutRosterItem{alice, ignored}}}});
  auto roster = must(bed.reader().roster(alice));
  EXPECT_EQ(roster.version, first);
  auto expected = contact(bob);
  expected.version = first;
  EXPECT_THAT(roster.items, ElementsAre(expected));

  const auto second = bed.next_id();
  bed.commit({{.id = second, .writes = {PutRosterItem{alice, {.jid = "carol@valise.example"}}}}});
  roster = must(bed.reader().roster(alice));
  EXPECT_EQ(roster.version, second);
  ASSERT_EQ(roster.items.size(), 2U);
  EXPECT_EQ(roster.items[0].version, first);
  EXPECT_EQ(roster.items[1].version, second);
  EXPECT_EQ(must(bed.reader().roster(bob)).version, 0U);
}

TEST_P(Contract, RemovingAContactBumpsTheVersionAlsoOfAnEmptyRoster) {
  bed.commit({{.id = bed.next_id(), .writes = {PutRosterItem{alice, contact(bob)}}}});
  const auto removed = bed.next_id();
  bed.commit({{.id = removed, .writes = {RemoveRosterItem{alice, bob}}}});
  auto roster = must(bed.reader().roster(alice));
  EXPECT_EQ(roster.version, removed);
  EXPECT_THAT(roster.items, IsEmpty());
  const auto again = bed.next_id();
  bed.commit({{.id = again, .writes = {RemoveRosterItem{alice, "nobody@valise.example"}}}});
  EXPECT_EQ(must(bed.reader().roster(alice)).version, again);
}

TEST_P(Contract, PutAndRemoveOfOneContactKeepTheirOrderWithinABatch) {
  const auto a = bed.next_id(), b = bed.next_id(), c = bed.next_id();
  bed.commit({{.id = a, .writes = {PutRosterItem{alice, contact(bob)}, RemoveRosterItem{alice, bob}}},
              {.id = b, .writes = {RemoveRosterItem{alice, bob}, PutRosterItem{alice, contact(bob)}}},
              {.id = c, .writes = {PutRosterItem{alice, {.jid = bob, .name = "last"}}}}});
  const auto roster = must(bed.reader().roster(alice));
  EXPECT_EQ(roster.version, c);
  ASSERT_EQ(roster.items.size(), 1U);
  EXPECT_EQ(roster.items[0].name, "last");
}

TEST_P(Contract, ARosterOfAThousandContactsIsOneBatch) {
  WriteSet set{.id = bed.next_id()};
  for (int i = 0; i < 1000; ++i)
    set.writes.push_back(PutRosterItem{alice, contact("c" + std::to_string(i) + "@valise.example")});
  bed.commit({set});
  EXPECT_EQ(must(bed.reader().roster(alice)).items.size(), 1000U);
}

TEST_P(Contract, PepNodesAreListedWithTheirConfiguration) {
  const PepNode open{.node = devices, .config = {{"pubsub#access_model", "open"}, {"pubsub#max_items", "1"}}};
  const PepNode bare{.node = "urn:xmpp:bookmarks:1"};
  bed.commit(
      {{.id = bed.next_id(), .writes = {PutPepNode{alice, bare}, PutPepNode{alice, open}, PutPepNode{bob, bare}}}});
  EXPECT_THAT(must(bed.reader().pep_nodes(alice)), ElementsAre(open, bare));
  bed.commit({{.id = bed.next_id(), .writes = {PutPepNode{alice, {.node = devices}}}}});
  EXPECT_THAT(must(bed.reader().pep_nodes(alice)), ElementsAre(PepNode{.node = devices}, bare));
}

TEST_P(Contract, PepItemsComeNewestFirstAndKeepBoundsThem) {
  for (int i = 0; i < 5; ++i) {
    bed.commit({{.id = bed.next_id(), .writes = {PutPepItem{alice, item("n", "i" + std::to_string(i)), 3}}}});
  }
  EXPECT_THAT(ids(must(bed.reader().pep_items(alice, "n", 10))), ElementsAre("i4", "i3", "i2"));
  EXPECT_THAT(ids(must(bed.reader().pep_items(alice, "n", 2))), ElementsAre("i4", "i3"));
  EXPECT_THAT(ids(must(bed.reader().pep_items(alice, "n", 1, "i2"))), ElementsAre("i2"));
  EXPECT_THAT(must(bed.reader().pep_items(alice, "n", 10, "i0")), IsEmpty());
  EXPECT_THAT(must(bed.reader().pep_items(alice, "n", 0)), IsEmpty());
}

TEST_P(Contract, ABatchThatIsWrittenAgainTakesNoItemForWhatWasPublishedBehindIt) {
  const std::vector<WriteSet> batch = {
      {.id = bed.next_id(), .writes = {PutPepItem{alice, item("n", "a"), 9}}},
      {.id = bed.next_id(), .writes = {PutPepItem{alice, item("n", "b"), 1}}},
      {.id = bed.next_id(), .writes = {PutPepItem{alice, item("n", "c"), 9}, PutPepItem{alice, item("n", "d"), 9}}}};
  for (int times = 0; times < 2; ++times) {
    bed.commit(batch);
    EXPECT_THAT(ids(must(bed.reader().pep_items(alice, "n", 10))), ElementsAre("d", "c", "b")) << times;
  }
}

TEST_P(Contract, TheNamesOfPepItemsComeInTheOrderOfTheItems) {
  std::vector<PepItemName> expected;
  for (const auto* id : {"a", "b", "c"}) {
    expected.insert(expected.begin(), {.id = id, .version = bed.next_id()});
    bed.commit({{.id = expected.front().version, .writes = {PutPepItem{alice, item("n", id), 9}}}});
  }
  EXPECT_EQ(must(bed.reader().pep_item_names(alice, "n", 10)), expected);
  EXPECT_EQ(must(bed.reader().pep_item_names(alice, "n", 1)).size(), 1U);
  EXPECT_THAT(must(bed.reader().pep_item_names(alice, "o", 10)), IsEmpty());
  EXPECT_THAT(must(bed.reader().pep_item_names(bob, "n", 10)), IsEmpty());
}

TEST_P(Contract, APublishedItemKeepsAllItsFields) {
  const auto id = bed.next_id();
  bed.commit({{.id = id, .writes = {PutPepItem{alice, item(devices, "current"), 1}}}});
  auto expected = item(devices, "current");
  expected.version = id;
  EXPECT_THAT(must(bed.reader().pep_items(alice, devices, 10)), ElementsAre(expected));
}

TEST_P(Contract, PublishingAnItemAgainMakesItTheNewest) {
  for (const auto* id : {"a", "b", "a"})
    bed.commit({{.id = bed.next_id(), .writes = {PutPepItem{alice, item("n", id), 2}}}});
  EXPECT_THAT(ids(must(bed.reader().pep_items(alice, "n", 10))), ElementsAre("a", "b"));
}

TEST_P(Contract, ItemsOfOneUnitKeepTheOrderOfItsWrites) {
  bed.commit({{.id = bed.next_id(),
               .writes = {PutPepItem{alice, item("n", "m"), 2}, PutPepItem{alice, item("n", "a"), 2},
                          PutPepItem{alice, item("n", "z"), 2}}}});
  EXPECT_THAT(ids(must(bed.reader().pep_items(alice, "n", 10))), ElementsAre("z", "a"));
}

TEST_P(Contract, KeepTouchesOnlyItsOwnNodeAndOwner) {
  bed.commit({{.id = bed.next_id(),
               .writes = {PutPepItem{alice, item("n", "a"), 1}, PutPepItem{alice, item("o", "b"), 1},
                          PutPepItem{bob, item("n", "c"), 1}, PutPepItem{alice, item("n", "d"), 1}}}});
  EXPECT_THAT(ids(must(bed.reader().pep_items(alice, "n", 10))), ElementsAre("d"));
  EXPECT_THAT(ids(must(bed.reader().pep_items(alice, "o", 10))), ElementsAre("b"));
  EXPECT_THAT(ids(must(bed.reader().pep_items(bob, "n", 10))), ElementsAre("c"));
}

TEST_P(Contract, RetractPurgeAndRemoveTakeWhatTheyName) {
  bed.commit({{.id = bed.next_id(),
               .writes = {PutPepNode{alice, {.node = "n"}}, PutPepNode{alice, {.node = "o"}},
                          PutPepItem{alice, item("n", "a"), 9}, PutPepItem{alice, item("n", "b"), 9},
                          PutPepItem{alice, item("o", "c"), 9}}}});
  bed.commit({{.id = bed.next_id(), .writes = {RemovePepItem{alice, "n", "a"}}}});
  EXPECT_THAT(ids(must(bed.reader().pep_items(alice, "n", 10))), ElementsAre("b"));
  bed.commit({{.id = bed.next_id(), .writes = {PurgePepNode{alice, "n"}}}});
  EXPECT_THAT(must(bed.reader().pep_items(alice, "n", 10)), IsEmpty());
  EXPECT_EQ(must(bed.reader().pep_nodes(alice)).size(), 2U);
  bed.commit({{.id = bed.next_id(), .writes = {RemovePepNode{alice, "o"}}}});
  EXPECT_THAT(must(bed.reader().pep_items(alice, "o", 10)), IsEmpty());
  EXPECT_THAT(must(bed.reader().pep_nodes(alice)), ElementsAre(PepNode{.node = "n"}));
}

TEST_P(Contract, EraseAccountLeavesOnlyTheTombstone) {
  const auto shared = bed.next_id(), own = bed.next_id();
  bed.commit({{.id = shared,
               .writes = {PutAccount{account(alice)}, PutAccount{account(bob)}, PutRosterItem{alice, contact(bob)},
                          PutPepNode{alice, {.node = devices}}, PutPepItem{alice, item(devices, "current"), 1},
                          PutPepItem{bob, item(devices, "current"), 1},
                          PutAccountData{alice, DataKind::vcard, {"vcard", "<vCard/>"}}, PutHeld{held(alice)},
                          PutMessage{sealed(alice, bob), {{bob, alice}, {alice, bob, Direction::out, true}}}}},
              to_one(own, alice)});
  bed.commit({{.id = bed.next_id(), .writes = {EraseAccount{alice}}}});

  const auto tombstone = must(bed.reader().account(alice));
  EXPECT_EQ(tombstone, (Account{.jid = alice, .state = AccountState::deleted, .created_ms = 1764000000123}));
  for (const auto* table :
       {"roster", "roster_version", "pep_node", "pep_item", "account_data", "box", "undelivered", "held"}) {
    EXPECT_EQ(bed.count("SELECT count(*) FROM " + std::string(table) + " WHERE owner = '" + alice + "'"), 0U) << table;
  }
  EXPECT_FALSE(must(bed.reader().has_message(own)));
  EXPECT_TRUE(must(bed.reader().has_message(shared)));  // it is bob's as well
  EXPECT_EQ(must(bed.reader().undelivered(bob, 0, 10)).size(), 1U);
  EXPECT_EQ(must(bed.reader().pep_items(bob, devices, 1)).size(), 1U);

  bed.commit({{.id = bed.next_id(), .writes = {EraseAccount{bob}}}});
  EXPECT_EQ(bed.count("SELECT count(*) FROM msg"), 0U);
}

TEST_P(Contract, AnAccountThatIsBeingRemovedIsNobodysAndKeepsItsRows) {
  bed.commit({{.id = bed.next_id(),
               .writes = {PutAccount{account(alice)}, PutAccount{account(bob)}, PutRosterItem{alice, contact(bob)}}}});
  EXPECT_THAT(must(bed.reader().removing()), IsEmpty());
  bed.commit({{.id = bed.next_id(), .writes = {SetAccountState{alice, AccountState::removing}}}});
  bed.commit({{.id = bed.next_id(),
               .writes = {SetAccountState{alice, AccountState::active}, SetAccountKeys{alice, {}}}}});  // too late

  auto removing = account(alice);
  removing.state = AccountState::removing;
  EXPECT_EQ(must(bed.reader().account(alice)), removing);
  EXPECT_THAT(must(bed.reader().removing()), ElementsAre(alice));
  EXPECT_EQ(must(bed.reader().accounts("valise.example")).size(), 1U);
  EXPECT_EQ(must(bed.reader().roster(alice)).items.size(), 1U);

  bed.commit({{.id = bed.next_id(), .writes = {EraseAccount{alice}}}});
  bed.commit({{.id = bed.next_id(), .writes = {SetAccountState{alice, AccountState::removing}}}});  // done already
  EXPECT_EQ(must(bed.reader().account(alice))->state, AccountState::deleted);
  EXPECT_THAT(must(bed.reader().removing()), IsEmpty());
  EXPECT_THAT(must(bed.reader().roster(alice)).items, IsEmpty());
}

TEST_P(Contract, ErasingAnUnknownNameLeavesATombstoneToo) {
  bed.commit({{.id = bed.next_id(), .writes = {EraseAccount{"nobody@valise.example"}}}});
  EXPECT_EQ(must(bed.reader().account("nobody@valise.example"))->state, AccountState::deleted);
}

TEST_P(Contract, GreatestIdIsThatOfTheLastUnitWhateverItWrote) {
  const auto message = bed.next_id(), roster = bed.next_id(), nothing = bed.next_id();
  bed.commit({to_one(message, alice)});
  EXPECT_EQ(must(bed.reader().greatest_id()), message);
  bed.commit({{.id = roster, .writes = {RemoveRosterItem{alice, bob}}}});
  EXPECT_EQ(must(bed.reader().greatest_id()), roster);
  bed.commit({{.id = nothing}});
  EXPECT_EQ(must(bed.reader().greatest_id()), nothing);
  bed.commit({to_one(message, alice)});  // written again: does not go back
  EXPECT_EQ(must(bed.reader().greatest_id()), nothing);
}

TEST_P(Contract, TheLogsMarkIsThatOfTheLastSetThatHasOne) {
  LogMark first{.size = 7, .chain = {}};
  first.chain.fill(0xfe);
  const LogMark second{.size = (std::uint64_t{1} << 62) + 1, .chain = {1, 2, 3}};
  EXPECT_EQ(must(bed.reader().log_mark()), std::nullopt);
  auto set = to_one(bed.next_id(), alice);
  bed.commit({set});
  EXPECT_EQ(must(bed.reader().log_mark()), std::nullopt);
  set.log = first;  // written again, and of a batch whose other sets have none
  bed.commit({set, to_one(bed.next_id(), alice)});
  EXPECT_EQ(must(bed.reader().log_mark()), first);
  bed.commit({to_one(bed.next_id(), alice)});
  EXPECT_EQ(must(bed.reader().log_mark()), first);
  bed.commit({{.id = must(bed.reader().greatest_id()), .writes = {}, .log = second}});  // as recovery does
  EXPECT_EQ(must(bed.reader().log_mark()), second);
}

TEST_P(Contract, AnEmptySpanIsCommitted) { EXPECT_TRUE(bed.try_commit({})); }

TEST_P(Contract, HostileStringsComeBackByteForByte) {
  const std::vector<std::string> hostile{"'; DROP TABLE msg; --",
                                         "\"double\" `back` \\slash\\",
                                         "🦊🏽‍🚀 \xf4\x8f\xbf\xbf",
                                         "trailing  ",
                                         "%_?*[a]",
                                         "\x01\x7f\r\n\t",
                                         "e\xcc\x81 vs \xc3\xa9",
                                         std::string(65536, 'x') + "é"};
  for (const auto& text : hostile) {
    const auto key = text.substr(0, 200);
    const auto id = bed.next_id();
    auto message = sealed("peer@valise.example", alice, text);
    message.stanza_id = text;
    PepItem published{.node = key, .id = key, .publisher = key, .payload = text};
    const PepNode node{.node = key, .config = {{text, text}}};
    RosterItem entry{.jid = key, .name = text, .groups = {text, text}, .pending_in = text};
    auto named = account(key + "@" + key);
    if (key.find('@') != std::string::npos) named.jid = key;
    const AccountData data{.name = key, .value = text};
    auto kept = held(key);
    kept.stanza = kept.stanza_id = kept.digest = text;
    kept.digest.resize(std::min<std::size_t>(kept.digest.size(), 64));
    kept.from = kept.to = kept.rule = key;
    kept.unsealed = key;
    bed.commit({{.id = id,
                 .writes = {PutMessage{message, {{key, key}}}, PutPepNode{key, node}, PutPepItem{key, published, 1},
                            PutRosterItem{key, entry}, PutAccount{named}, PutAccountData{key, DataKind::vcard, data},
                            PutHeld{kept}}}});
    message.id = published.version = entry.version = kept.id = id;
    const auto due = must(bed.reader().held_due(kept.due_ms, {}, 100));
    EXPECT_EQ(std::ranges::find(due, id, &HeldMessage::id), std::ranges::find(due, kept));
    EXPECT_NE(std::ranges::find(due, kept), due.end());
    EXPECT_THAT(must(bed.reader().undelivered(key, 0, 10)), ElementsAre(message));
    EXPECT_THAT(must(bed.reader().pep_items(key, key, 1, key)), ElementsAre(published));
    EXPECT_THAT(must(bed.reader().pep_nodes(key)), ElementsAre(node));
    EXPECT_THAT(must(bed.reader().roster(key)).items, ElementsAre(entry));
    EXPECT_EQ(must(bed.reader().account(named.jid)), named);
    EXPECT_THAT(must(bed.reader().account_data(key, DataKind::vcard, key)), ElementsAre(data));
  }
}

TEST_P(Contract, TheLongestKeysAreTakenAndOneByteMoreIsRefused) {
  const std::string owner(1023, 'o'), node(1023, 'n'), id(1023, 'i'), jid(2047, 'j'), full(3071, 'f');
  const auto set = [&](const std::string& o, const std::string& n, const std::string& i, const std::string& j,
                       const std::string& f) {
    return WriteSet{.id = bed.next_id(),
                    .writes = {PutPepNode{o, {.node = n}}, PutPepItem{o, {.node = n, .id = i, .publisher = f}, 1},
                               PutRosterItem{o, {.jid = j}}, PutAccountData{o, DataKind::blocked, {j, {}}},
                               PutMessage{{.from = f, .to = f}, {{.owner = o, .peer = j}}},
                               PutHeld{{.owner = o, .from = f, .to = f, .rule = n}}}};
  };
  bed.commit({set(owner, node, id, jid, full)});
  EXPECT_EQ(must(bed.reader().pep_items(owner, node, 1, id)).size(), 1U);
  EXPECT_EQ(must(bed.reader().roster(owner)).items.size(), 1U);
  EXPECT_EQ(must(bed.reader().account_data(owner, DataKind::blocked, jid)).size(), 1U);
  for (const auto& bad : {set(owner + "x", node, id, jid, full), set(owner, node + "x", id, jid, full),
                          set(owner, node, id + "x", jid, full), set(owner, node, id, jid + "x", full),
                          set(owner, node, id, jid, full + "x")}) {
    const auto done = bed.try_commit({bad});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::limit);
  }
}

TEST_P(Contract, ASetWithAWriteThatCannotBeLeavesNothing) {
  const auto good = bed.next_id();
  const std::vector<WriteSet> bad{
      {.id = bed.next_id(), .writes = {to_one(1, bob).writes[0], PutRosterItem{alice, {.jid = ""}}}},
      {.id = bed.next_id(),
       .writes = {PutRosterItem{alice, contact(bob)}, PutAccount{{.jid = alice, .state = AccountState{9}}}}},
      {.id = bed.next_id(),
       .writes = {to_one(1, bob).writes[0], to_one(1, alice).writes[0]}},  // two would share one id
      {.id = 0, .writes = {PutAccount{account(alice)}}},
      {.id = std::uint64_t{1} << 63, .writes = {PutAccount{account(alice)}}},
      {.id = bed.next_id(), .writes = {PutAccount{account(alice)}, MarkDelivered{bob, {0}, true}}}};
  for (const auto& set : bad) {
    const auto done = bed.try_commit({to_one(good, alice), set});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::invalid) << done.error().text;
    EXPECT_EQ(must(bed.reader().greatest_id()), 0U);
    EXPECT_THAT(must(bed.reader().messages_after(0, 10)), IsEmpty());
    EXPECT_EQ(must(bed.reader().account(alice)), std::nullopt);
    EXPECT_EQ(must(bed.reader().roster(alice)).version, 0U);
  }
  bed.commit({to_one(good, alice)});  // the writer is as good as before
  EXPECT_TRUE(must(bed.reader().has_message(good)));
}

INSTANTIATE_TEST_SUITE_P(each, Contract, all_kinds(), name_of_kind);

}  // namespace
}  // namespace valise::storage::testing
