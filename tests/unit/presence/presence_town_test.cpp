// RFC 6121 §4 over two shards.
#include "../roster/town.hpp"

namespace {

using valise::town::Town;

TEST(Presence, ReachesEveryContactOnEveryShardAndNoStranger) {
  const std::vector<std::string> names{"bob", "carol", "dave", "eve", "frank"};
  auto all = names;
  all.push_back("alice");
  all.push_back("stranger");
  Town town(all);
  auto& alice = town.available("alice", "a");
  auto& stranger = town.available("stranger", "s");
  std::vector<valise::town::Device*> friends;
  for (const auto& name : names) {
    friends.push_back(&town.available(name, "d"));
    town.befriend(alice, *friends.back());
  }
  alice.sends("<presence xml:lang='fr'><show>dnd</show></presence>");
  for (auto* contact : friends) {
    const auto text = contact->receives({"<show>dnd</show>"});
    EXPECT_NE(text.find("from='alice@x.org/a' to='" + Town::bare(*contact) + "'"), std::string::npos) << text;
    EXPECT_NE(text.find("xml:lang='fr'"), std::string::npos) << text;
  }
  alice.receives({"<show>dnd</show>"});  // §4.4.2: itself too
  stranger.receives_no({"dnd"});
}

TEST(Presence, WhoLogsInLearnsOfContactsAndOwnDevices) {
  Town town({"alice", "bob", "carol"});
  auto& alice = town.available("alice", "a");
  auto& bob = town.available("bob", "b");
  auto& carol = town.available("carol", "c");
  town.befriend(alice, bob);
  town.befriend(alice, carol);
  alice.sends("<presence><show>xa</show></presence>");
  carol.leaves();
  auto& second = town.device("alice", "second");
  second.sends("<presence/>");
  second.receives({"from='alice@x.org/a'", "<show>xa</show>"});
  alice.receives({"from='alice@x.org/second'"});
  bob.receives({"from='alice@x.org/second'"});
  auto& third = town.device("bob", "third");
  third.sends("<presence/>");
  third.receives({"from='alice@x.org/a'", "xa"});
  third.receives_no({"carol"});
}

TEST(Presence, EndsForContactsOwnDevicesAndThoseAddressedHoweverTheSessionEnds) {
  Town town({"alice", "bob", "room"});
  auto& alice = town.available("alice", "a");
  auto& bob = town.available("bob", "b");
  auto& room = town.available("room", "r");
  auto& desk = town.available("alice", "desk");
  town.befriend(alice, bob);
  for (const bool politely : {true, false}) {
    auto& phone = town.available("alice", "phone");
    phone.sends("<presence to='room@x.org/r'/>");
    room.receives({"from='alice@x.org/phone'", "to='room@x.org/r'"});
    if (politely) {
      phone.sends("<presence type='unavailable'><status>bye</status></presence>");
      phone.receives({"type='unavailable'", "from='alice@x.org/phone'"});
    }
    phone.leaves();
    for (auto* witness : {&bob, &room, &desk}) {
      const auto text = witness->receives({"type='unavailable'", "from='alice@x.org/phone'"});
      EXPECT_EQ(text.find("bye") != std::string::npos, politely) << text;
      witness->receives_no({"type='unavailable'", "alice@x.org/phone"});
    }
  }
}

TEST(Presence, DirectedEndIsToldOnceOnly) {
  Town town({"alice", "room"});
  auto& alice = town.available("alice", "a");
  auto& room = town.available("room", "r");
  alice.sends("<presence to='room@x.org/r'/>");
  alice.sends("<presence type='unavailable' to='room@x.org/r'/>");
  room.receives({"type='unavailable'"});
  alice.leaves();
  room.receives_no({"alice"});
}

TEST(Presence, DirectedToTooManyIsRefused) {
  Town town({"alice"});
  auto& alice = town.available("alice", "a");
  for (int i = 0; i < 501; ++i)
    alice.sends("<presence id='p" + std::to_string(i) + "' to='n" + std::to_string(i) + "@x.org'/>");
  EXPECT_NE(alice.receives({"type='error'"}).find("id='p500'"), std::string::npos);
}

TEST(Presence, AProbeIsAnsweredToWhoMayKnowOnly) {
  Town town({"alice", "bob", "eve"});
  auto& alice = town.available("alice", "a");
  auto& bob = town.available("bob", "b");
  auto& eve = town.available("eve", "e");
  town.befriend(alice, bob);
  bob.sends("<presence type='probe' to='alice@x.org'/>");
  bob.receives({"from='alice@x.org/a'"});
  eve.sends("<presence type='probe' to='alice@x.org'/>");
  eve.receives_no({"alice"});
  alice.leaves();
  bob.receives({"type='unavailable'"});
  bob.sends("<presence type='probe' to='alice@x.org'/>");
  bob.receives({"type='unavailable'", "from='alice@x.org'"});
}

TEST(Presence, AnotherDomainIsAnErrorForWhatIsAddressedOnly) {  // RFC 6120 §10.4
  Town town({"alice"});
  auto& alice = town.device("alice", "a");
  alice.asks("set", "<query xmlns='jabber:iq:roster'><item jid='bob@other.org'/></query>");
  for (const auto* type : {"", "type='unavailable'", "type='subscribe'", "type='subscribed'", "type='unsubscribe'",
                           "type='unsubscribed'"}) {
    alice.sends("<presence id='x' to='bob@other.org' " + std::string(type) + "/>");
    if (std::string(type) == "type='subscribed'" || std::string(type) == "type='unsubscribed'") continue;  // kept here
    const auto error = alice.receives({"<presence", "type='error'", "id='x'"});
    EXPECT_NE(error.find("remote-server-not-found"), std::string::npos) << type;
    EXPECT_NE(error.find("from='bob@other.org'"), std::string::npos) << error;
  }
  alice.sends("<presence/>");
  alice.receives({"<presence", "from='alice@x.org/a'"});
  alice.leaves();
  auto& desk = town.available("alice", "desk");
  EXPECT_FALSE(desk.has({"type='error'"}));
}

TEST(Presence, MalformedIsRefusedAndChangesNothing) {
  Town town({"alice"});
  auto& alice = town.device("alice", "a");
  for (const auto* bad : {"<presence id='x'><priority>200</priority></presence>",
                          "<presence id='x'><show>nonsense</show></presence>", "<presence id='x' type='here'/>"}) {
    alice.sends(bad);
    EXPECT_NE(alice.receives({"type='error'", "id='x'"}).find("bad-request"), std::string::npos) << bad;
  }
  auto& desk = town.available("alice", "desk");
  desk.receives_no({"from='alice@x.org/a'"});
}

TEST(Presence, UpdatesAreNotProbesAgain) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  auto& bob = town.available("bob", "b");
  town.befriend(alice, bob);
  alice.sends("<presence><show>away</show></presence>");
  alice.receives({"away"});
  alice.receives_no({"bob@x.org"});
}

// RFC 6121 §4.3.2: who believes that he is subscribed, and is not, is told; pre-approvals on either side stay.
TEST(Presence, AProbeByOneWhoLostHisSubscriptionTellsHimSo) {
  Town town({"alice", "bob"});
  using valise::storage::PutRosterItem;
  using valise::storage::Subscription;
  for (const auto* contact : {"bob@x.org", "nobody@x.org"}) {
    town.write(PutRosterItem{"alice@x.org", {.jid = contact, .subscription = Subscription::to, .approved = true}});
  }
  town.write(PutRosterItem{"bob@x.org", {.jid = "alice@x.org", .approved = true}});
  auto& alice = town.device("alice", "a");  // not available: no probe of the server comes before hers
  auto& bob = town.available("bob", "b");
  alice.asks("get", "<query xmlns='jabber:iq:roster'/>");
  for (const std::string contact : {"bob@x.org", "nobody@x.org"}) {
    alice.sends("<presence type='probe' id='p1' to='" + contact + "'/>");
    alice.receives({"type='unsubscribed'", "from='" + contact + "'", "to='alice@x.org'", "id='p1'"});
    alice.receives({"type='set'", "jid='" + contact + "'", "subscription='none'", "approved='true'"});
  }
  EXPECT_FALSE(alice.has({"from='bob@x.org/b'"}));
  EXPECT_TRUE(town.roster_of("bob").items.at(0).approved);
  bob.receives_no({"alice"});
}

TEST(Presence, AProbeByOneWithoutAnyRightToKnowIsAnsweredToHisBareAddress) {  // as of another server
  Town town({"alice", "eve"});
  auto& alice = town.available("alice", "a");
  auto& eve = town.available("eve", "e");
  auto& home = town.kernel().home("alice@x.org");
  for (const auto* to : {"alice@x.org", "alice@x.org/a", "nobody@x.org"}) {
    auto probe =
        valise::core::make_presence("probe", *valise::core::Jid::parse("eve@x.org"), *valise::core::Jid::parse(to));
    home.post([&home, probe] { home.route(probe); });
  }
  alice.receives_no({"eve"});
  eve.receives_no({"alice"});  // what ends nothing is not delivered (§3.2.3)
}

}  // namespace
