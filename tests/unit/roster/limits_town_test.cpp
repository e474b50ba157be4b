// Nothing that strangers send stays in memory without bound, whatever the store does meanwhile.
#include "town.hpp"

namespace valise::town {
namespace {

constexpr std::size_t half = 524'288;  // of limits.queue

std::string roster_set(const std::string& jid) {
  return "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='" + jid + "'/></query></iq>";
}

// bob, with a commit of his account under way that does not end before the gate opens.
struct StoreIsAway : testing::Test {
  StoreIsAway() {
    town.befriend(alice, bob);
    town.gate.close();
    bob.sends(roster_set("x@x.org"));
    town.gate.waits_for(1);
  }
  void fills_half() {
    const std::string pad(10'000, 'x');
    for (std::size_t i = 0; i < half / 10'000 + 2; ++i) {
      alice.sends("<iq type='get' id='fill' to='" + bob.jid() + "'><query xmlns='urn:x'>" + pad + "</query></iq>");
    }
    for (int i = 0; i < 2; ++i) alice.receives({"id='fill'", "type='error'", "type='wait'", "resource-constraint"});
  }
  Town town{{"alice", "bob"}};
  Device& alice = town.available("alice", "a");
  Device& bob = town.available("bob", "b");
};

TEST_F(StoreIsAway, RequestsBeyondTheBoundAreRefusedAndThoseBeforeItArrive) {
  fills_half();
  EXPECT_EQ(bob.count({"id='fill'"}), 0u);
  town.gate.open();
  bob.receives({"id='fill'"});
  const auto rest = bob.count({"id='fill'"});  // they come all in one
  EXPECT_GT(rest, 20u);
  EXPECT_LE(rest, half / 10'000);
  bob.receives({"<iq", "type='result'", "id='r'"});
  EXPECT_TRUE(bob.ended().empty());
}

TEST_F(StoreIsAway, PresenceBeyondTheBoundIsDroppedAndASubscriptionRefused) {
  fills_half();
  alice.sends("<presence><status>lost</status></presence>");
  alice.sends("<presence to='" + bob.jid() + "'><status>lost too</status></presence>");
  alice.sends("<message type='headline' to='" + bob.jid() + "' id='m'><no-store xmlns='urn:xmpp:hints'/></message>");
  alice.receives({"<message", "id='m'", "type='error'", "resource-constraint"});
  town.gate.open();
  bob.receives({"<iq", "type='result'", "id='r'"});
  bob.receives_no({"lost"});
  alice.sends("<presence><status>found</status></presence>");
  bob.receives({"found"});
}

TEST_F(StoreIsAway, ASessionThatAsksWithoutEndIsEnded) {
  for (int i = 0; i < 4'000 && bob.ended().empty(); ++i) {
    bob.sends("<iq type='get' id='q' to='" + bob.jid() + "'><query xmlns='urn:x'/></iq>");
    bob.sends("<iq type='get' id='q'><query xmlns='urn:x'/></iq>");
  }
  EXPECT_EQ(bob.ended(), "resource-constraint");
  EXPECT_TRUE(alice.ended().empty());
}

// What waits behind commits of one's own weighs, whoever's module it is.
TEST_F(StoreIsAway, ChangesOfOnesOwnWaitUpToTheBoundAndAreRefusedBeyondItWhileTheSessionLives) {
  const std::string name(900, 'n');
  std::size_t before = 0, refused = 0, sent = 0;
  while (refused == 0 && sent < 4'000) {
    bob.sends("<iq type='set' id='own" + std::to_string(++sent) +
              "'><query xmlns='jabber:iq:roster'><item jid='x@x.org' name='" + name + "'/></query></iq>");
    const auto waits = town.waiting_bytes("bob");
    refused = waits < before + name.size() ? sent : 0;
    before = waits;
  }
  EXPECT_GT(sent, 50u);
  EXPECT_LT(sent, 3 * half / 2 / name.size()) << "each keeps its name at least once";
  EXPECT_LE(town.waiting_bytes("bob"), 2 * half);
  EXPECT_EQ(bob.ended(), "");
  town.gate.open();
  // It was said first of all, and answers are told in the order in which they were given.
  bob.receives({"id='own" + std::to_string(sent) + "'", "type='error'", "resource-constraint", "type='wait'"});
  for (std::size_t i = 1; i < sent; ++i) bob.receives({"id='own" + std::to_string(i) + "'", "type='result'"});
  bob.sends(roster_set("y@x.org"));
  bob.receives({"<iq", "type='result'", "id='r'"});
  EXPECT_EQ(town.waiting_bytes("bob"), 0u);
}

// limits.queue of a session: messages are kept until its kernel has them, as what they say and nothing more.
TEST(DeadReaders, WhatIsKeptForThemIsCountedAndIsNotWhatItWasParsedFrom) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  auto& bob = town.available("bob", "b");
  bob.reads = false;
  constexpr std::size_t count = 20, size = 10'000;
  for (std::size_t i = 0; i < count; ++i) {
    alice.sends("<message type='chat' to='" + bob.jid() + "' id='" + std::to_string(i) + "'><body>" +
                std::string(size, 'x') + "</body></message>");
  }
  for (std::size_t i = 0; i < count; ++i) bob.receives({"<message", "id='" + std::to_string(i) + "'"});
  EXPECT_GE(bob.kept(), count * size);
  EXPECT_LE(bob.kept(), count * (size + 3'000));
  bob.leaves();
  auto& again = town.available("bob", "again");
  for (std::size_t i = 0; i < count; ++i) again.receives({"<message", "id='" + std::to_string(i) + "'", "xxxx</body>"});
  EXPECT_EQ(again.kept(), 0u);
}

TEST(DeadReaders, WhatAnotherSessionHasTakenIsNotKept) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  auto& deaf = town.available("bob", "deaf");
  auto& bob = town.available("bob", "b");
  deaf.reads = false;
  alice.sends("<message type='chat' to='bob@x.org' id='m'><body>" + std::string(10'000, 'x') + "</body></message>");
  deaf.receives({"id='m'"});
  bob.receives({"id='m'"});
  EXPECT_LT(deaf.kept(), 3'000u);
  deaf.leaves();
  bob.receives_no({"id='m'"});
}

TEST(Strangers, AccountsThatDoNotExistAreNotKeptWithoutBound) {
  Town town({"alice"});
  auto& alice = town.available("alice", "a");
  constexpr std::size_t names = 3'000;
  for (std::size_t i = 0; i < names; ++i) {
    alice.sends("<iq type='get' id='n' to='nobody" + std::to_string(i) + "@x.org'><query xmlns='urn:x'/></iq>");
  }
  for (std::size_t i = 0; i < names; ++i) alice.receives({"id='n'", "service-unavailable"});
  EXPECT_LE(town.accounts_in_memory(), 2 * 256 + 1u);
  EXPECT_GT(town.accounts_in_memory(), 256u) << "some are kept: who asks again costs no reading";
}

}  // namespace
}  // namespace valise::town
