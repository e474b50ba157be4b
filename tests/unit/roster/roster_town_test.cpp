// RFC 6121 §2, §3 with a real store and committer: what is answered is durable, what failed never was.
#include <tuple>

#include "town.hpp"

namespace {

using valise::storage::Subscription;
using valise::town::Device;
using valise::town::Town;

constexpr const char* get = "<query xmlns='jabber:iq:roster'/>";
std::string set(const std::string& item) { return "<query xmlns='jabber:iq:roster'>" + item + "</query>"; }
std::string presence(const std::string& type, const std::string& to) {
  return "<presence type='" + type + "' to='" + to + "'/>";
}

TEST(Roster, ASetIsDurableWhenAnsweredAndPushedToInterestedDevicesOnly) {
  Town town({"alice"});
  auto& phone = town.device("alice", "phone");
  auto& desk = town.device("alice", "desk");
  auto& mute = town.device("alice", "mute");
  phone.asks("get", get);
  desk.asks("get", get);
  phone.asks("set", set("<item jid='bob@x.org' name='Bob'><group>A</group></item>"));
  const auto stored = town.roster_of("alice");
  ASSERT_EQ(stored.items.size(), 1u);
  EXPECT_EQ(stored.items[0].name, "Bob");
  const auto pushed = desk.receives({"<iq", "type='set'", "to='alice@x.org/desk'"});
  EXPECT_NE(pushed.find("ver='" + std::to_string(stored.version) + "'"), std::string::npos) << pushed;
  EXPECT_NE(pushed.find("<item jid='bob@x.org' name='Bob' subscription='none'><group>A</group></item>"),
            std::string::npos)
      << pushed;
  mute.receives_no({"jabber:iq:roster"});
}

TEST(Roster, AFailedSetIsRefusedNotPushedAndTakenBack) {
  Town town({"alice"});
  auto& phone = town.device("alice", "phone");
  phone.asks("get", get);
  phone.asks("set", set("<item jid='bob@x.org' name='old'/>"));
  town.store_fails = true;
  const auto error = phone.asks("set", set("<item jid='bob@x.org' name='new'/>"));
  EXPECT_NE(error.find("resource-constraint"), std::string::npos) << error;
  town.store_fails = false;
  phone.receives_no({"name='new'"});
  EXPECT_NE(phone.asks("get", get).find("name='old'"), std::string::npos);
}

TEST(Roster, AVersionBringsOnlyWhatChanged) {  // XEP-0237
  Town town({"alice"});
  auto& phone = town.device("alice", "phone");
  for (const auto* name : {"a", "b", "c"}) phone.asks("set", set("<item jid='" + std::string(name) + "@x.org'/>"));
  const auto version = std::to_string(town.roster_of("alice").version);
  const auto versioned = [](const std::string& ver) { return "<query xmlns='jabber:iq:roster' ver='" + ver + "'/>"; };
  EXPECT_EQ(phone.asks("get", versioned(version)).find("<query"), std::string::npos);
  phone.asks("set", set("<item jid='a@x.org' subscription='remove'/>"));
  phone.asks("set", set("<item jid='b@x.org' name='B'/>"));

  auto& desk = town.device("alice", "desk");
  EXPECT_EQ(desk.asks("get", versioned(version)).find("<query"), std::string::npos);
  desk.receives({"type='set'", "jid='a@x.org' subscription='remove'"});
  desk.receives({"type='set'", "jid='b@x.org' name='B'"});
  desk.receives_no({"c@x.org"});
  for (const auto* unknown : {"", "99999999999999999999", "18446744073709551615", "x"}) {
    const auto whole = desk.asks("get", versioned(unknown));
    EXPECT_NE(whole.find("c@x.org"), std::string::npos) << unknown;
    EXPECT_NE(whole.find("ver='" + std::to_string(town.roster_of("alice").version) + "'"), std::string::npos);
  }
}

TEST(Roster, ASetIsAcknowledgedWhenItIsDurable) {
  Town town({"alice"});
  auto& alice = town.device("alice", "a");
  town.gate.close();
  alice.sends("<iq type='set' id='s'>" + set("<item jid='bob@x.org'/>") + "</iq>", 1);
  town.gate.waits_for(1);
  EXPECT_FALSE(alice.is_acknowledged(1));
  town.gate.open();
  alice.waits_for_ack(1);
  EXPECT_EQ(town.roster_of("alice").items.size(), 1u);
  alice.sends("<iq type='get' id='g'>" + std::string(get) + "</iq>", 2);
  alice.waits_for_ack(2);
}

// XEP-0198: what was acknowledged survives a crash, so both owners' rows have to be there.
TEST(Subscription, EachStepIsAcknowledgedWhenBothOwnersRowsAreDurable) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  auto& bob = town.available("bob", "b");
  std::uint32_t number = 0;
  for (const auto& [sender, contact, step] : {std::tuple{&alice, "bob@x.org", "subscribe"},
                                              {&bob, "alice@x.org", "subscribed"},
                                              {&alice, "bob@x.org", "unsubscribe"},
                                              {&alice, "bob@x.org", "subscribe"},
                                              {&bob, "alice@x.org", "unsubscribed"}}) {
    town.gate.close();
    sender->sends(presence(step, contact), ++number);
    town.gate.waits_for(1);  // the sender's row
    EXPECT_FALSE(sender->is_acknowledged(number)) << step;
    town.gate.lets_one_through();
    town.gate.waits_for(2);  // the contact's
    EXPECT_FALSE(sender->is_acknowledged(number)) << step;
    town.gate.open();
    sender->waits_for_ack(number);
  }
}

TEST(Subscription, ARepeatedRequestIsNotAcknowledgedBeforeTheFirstIsDurable) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  auto& second = town.available("alice", "second");
  town.gate.close();
  alice.sends(presence("subscribe", "bob@x.org"), 1);
  second.sends(presence("subscribe", "bob@x.org"), 1);
  town.gate.waits_for(1);
  EXPECT_FALSE(second.is_acknowledged(1));
  town.gate.lets_one_through();
  town.gate.waits_for(2);
  EXPECT_FALSE(second.is_acknowledged(1));
  town.gate.open();
  second.waits_for_ack(1);
}

TEST(Subscription, WhatChangesNothingIsAcknowledgedToo) {
  Town town({"alice"});
  auto& alice = town.available("alice", "a");
  std::uint32_t number = 0;
  for (const auto* xml :
       {"<presence type='subscribe' to='alice@x.org'/>", "<presence type='unsubscribed' to='bob@x.org'/>",
        "<presence type='unsubscribe' to='nobody@x.org'/>", "<presence type='subscribe'/>",
        "<presence type='subscribe' to='x.org'/>", "<presence type='subscribe' to='bob@other.org'/>",
        "<presence type='unsubscribe' to='bob@other.org'/>", "<presence type='probe' to='bob@x.org'/>", "<presence/>",
        "<presence type='unavailable'/>", "<presence to='bob@x.org'/>", "<presence to='x.org'/>",
        "<presence type='error'/>", "<presence type='what'/>", "<presence><priority>x</priority></presence>"}) {
    alice.sends(xml, ++number);
    alice.waits_for_ack(number);
  }
}

TEST(Subscription, WhatTheContactsSideCannotSaveIsToldToTheSender) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  town.gate.close();
  alice.sends("<presence type='subscribe' to='bob@x.org' id='s'/>", 1);
  town.gate.waits_for(1);
  town.gate.lets_one_through();
  town.gate.waits_for(2);
  town.store_fails = true;
  town.gate.open();
  EXPECT_NE(alice.receives({"id='s'", "type='error'"}).find("resource-constraint"), std::string::npos);
  alice.waits_for_ack(1);
  town.store_fails = false;
  alice.sends("<presence type='subscribe' to='bob@x.org' id='s'/>", 2);
  alice.waits_for_ack(2);
  EXPECT_EQ(town.roster_of("bob").items.size(), 1u);
}

TEST(Subscription, GoesBothWaysAcrossShardsAndIsStoredOnBothSides) {
  Town town({"alice", "bob", "carol", "dave"});
  auto& alice = town.available("alice", "a");
  std::vector<Device*> others;
  for (const auto* name : {"bob", "carol", "dave"}) {
    others.push_back(&town.available(name, "d"));
    town.befriend(alice, *others.back());
  }
  const auto mine = town.roster_of("alice");
  ASSERT_EQ(mine.items.size(), 3u);
  for (const auto& item : mine.items) EXPECT_EQ(item.subscription, Subscription::both) << item.jid;
  for (const auto* name : {"bob", "carol", "dave"}) {
    const auto theirs = town.roster_of(name);
    ASSERT_EQ(theirs.items.size(), 1u);
    EXPECT_EQ(theirs.items[0].subscription, Subscription::both);
  }
}

TEST(Subscription, ARequestWaitsUnseenInTheRosterAndComesAtEachLogInUntilAnswered) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  alice.asks("get", get);
  alice.sends(
      "<presence type='subscribe' to='bob@x.org' id='s1'><nick "
      "xmlns='http://jabber.org/protocol/nick'>A</nick></presence>");
  alice.receives({"type='set'", "ask='subscribe'"});
  for (int i = 0; i < 2; ++i) {
    auto& bob = town.available("bob", "b" + std::to_string(i));
    const auto request = bob.receives({"type='subscribe'"});
    EXPECT_NE(request.find(">A</nick>"), std::string::npos) << request;
    EXPECT_EQ(bob.asks("get", get).find("<item"), std::string::npos);
    bob.leaves();
    town.restart();
  }
  auto& bob = town.available("bob", "b");
  bob.receives({"type='subscribe'"});
  bob.asks("get", get);
  bob.sends(presence("unsubscribed", "alice@x.org"));
  auto& later = town.available("bob", "later");
  later.receives_no({"type='subscribe'"});
  EXPECT_TRUE(town.roster_of("bob").items.empty());
  bob.receives_no({"type='set'"});
}

TEST(Subscription, AContactThatTheUserAddedHimselfStaysVisibleWithARequestOpen) {
  Town town({"alice", "bob"});
  auto& bob = town.available("bob", "b");
  bob.asks("set", set("<item jid='alice@x.org'/>"));
  auto& alice = town.available("alice", "a");
  alice.sends(presence("subscribe", "bob@x.org"));
  bob.receives({"type='subscribe'"});
  town.restart();
  auto& again = town.available("bob", "b");
  EXPECT_NE(again.asks("get", get).find("alice@x.org"), std::string::npos);
}

TEST(Subscription, ARefusedCommitIsToldAndChangesNothing) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  auto& bob = town.available("bob", "b");
  alice.asks("get", get);
  town.store_fails = true;
  alice.sends("<presence type='subscribe' to='bob@x.org' id='s1'/>");
  EXPECT_NE(alice.receives({"type='error'", "id='s1'"}).find("resource-constraint"), std::string::npos);
  town.store_fails = false;
  EXPECT_EQ(alice.asks("get", get).find("<item"), std::string::npos);
  bob.receives_no({"subscribe"});
}

TEST(Subscription, CancellingShowsTheEndOfPresenceBeforeTheCancellation) {  // RFC 6121 §3.2.2
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  auto& bob = town.available("bob", "b");
  alice.asks("get", get);
  bob.asks("get", get);
  town.befriend(alice, bob);
  bob.sends(presence("unsubscribed", "alice@x.org"));
  alice.receives({"type='unavailable'", "from='bob@x.org/b'"});
  alice.receives({"type='unsubscribed'", "from='bob@x.org'"});
  alice.receives({"type='set'", "subscription='from'"});
  bob.receives({"type='set'", "subscription='to'"});
}

TEST(Subscription, RemovingTheContactEndsBothAndHealsTheOtherSide) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  auto& bob = town.available("bob", "b");
  bob.asks("get", get);
  town.befriend(alice, bob);
  alice.asks("set", set("<item jid='bob@x.org' subscription='remove'/>"));
  bob.receives({"type='set'", "subscription='to'"});
  bob.receives({"type='set'", "subscription='none'"});
  EXPECT_TRUE(town.roster_of("alice").items.empty());
  alice.sends("<presence><show>away</show></presence>");
  alice.receives({"away"});
  bob.receives_no({"away"});
}

TEST(Subscription, TheBoundOfTheRosterHoldsForRequestsToo) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  for (int i = 0; i < 20; ++i) alice.asks("set", set("<item jid='c" + std::to_string(i) + "@x.org'/>"));
  alice.sends("<presence type='subscribe' to='bob@x.org' id='s'/>");
  EXPECT_NE(alice.receives({"type='error'", "id='s'"}).find("resource-constraint"), std::string::npos);
  EXPECT_NE(alice.asks("set", set("<item jid='bob@x.org'/>")).find("resource-constraint"), std::string::npos);
}

// RFC 6121 §8.5.3.2.2, §3.1.3: of our own people's stanzas the resource is cut off before.
TEST(Subscription, OfAnotherServerToAResourceThatIsGoneIsIgnoredUnlessItAsks) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  auto& bob = town.available("bob", "b");
  town.befriend(alice, bob);
  bob.asks("get", get);
  auto& home = town.kernel().home("bob@x.org");
  const auto arrives = [&](const std::string& type, const std::string& from, const std::string& to) {
    auto stanza = valise::core::make_presence(type, *valise::core::Jid::parse(from), *valise::core::Jid::parse(to));
    home.post([&home, stanza] { home.route(stanza); });
  };
  for (const auto* type : {"unsubscribe", "unsubscribed", "subscribed"}) arrives(type, "alice@x.org", "bob@x.org/gone");
  arrives("subscribe", "carol@x.org", "bob@x.org/gone");
  bob.receives({"type='subscribe'", "from='carol@x.org'", "to='bob@x.org'"});
  bob.receives_no({"unsubscribe"});
  EXPECT_EQ(town.roster_of("bob").items.at(0).subscription, Subscription::both);
  arrives("unsubscribed", "alice@x.org", "bob@x.org/b");
  bob.receives({"type='unsubscribed'", "to='bob@x.org'"});
  bob.receives({"type='set'", "subscription='from'"});
}

}  // namespace
