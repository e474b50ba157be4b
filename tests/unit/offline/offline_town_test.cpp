// XEP-0160 with a real store and committer: nothing is lost, doubled or overtaken.
#include "../roster/town.hpp"

namespace {

using valise::town::Device;
using valise::town::Town;

std::string chat(const std::string& to, const std::string& id, const std::string& text = "x") {
  return "<message type='chat' to='" + to + "' id='" + id + "'><body>" + text + "</body></message>";
}
// Sent by `from`, and handled by the server: its own echo came back after it.
void settled(Device& from) { from.receives_no({"never"}); }

void wait_until_stored(Town& town, const std::string& user, std::size_t count) {
  const auto limit = std::chrono::steady_clock::now() + valise::town::patience;
  while (town.waiting_for(user).size() != count) {
    ASSERT_LT(std::chrono::steady_clock::now(), limit) << town.waiting_for(user).size() << " rows, expected " << count;
    std::this_thread::yield();
  }
}

TEST(Offline, WhatWaitsComesInOrderWithItsStamps) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  for (int i = 0; i < 3; ++i) alice.sends(chat("bob@x.org", "w" + std::to_string(i)));
  wait_until_stored(town, "bob", 3);
  const auto rows = town.waiting_for("bob");
  auto& bob = town.device("bob", "b");
  bob.sends("<presence/>");
  for (std::size_t i = 0; i < 3; ++i) {
    const auto text = bob.receives({"<message"});
    EXPECT_NE(text.find("id='w" + std::to_string(i) + "'"), std::string::npos) << text;
    EXPECT_NE(text.find("<delay xmlns='urn:xmpp:delay' from='x.org' stamp='20"), std::string::npos) << text;
    EXPECT_NE(text.find("<stanza-id xmlns='urn:xmpp:sid:0' id='" + std::to_string(rows[i].id) + "' by='bob@x.org'/>"),
              std::string::npos)
        << text;
  }
  wait_until_stored(town, "bob", 0);
}

TEST(Offline, OnlyAPriorityOfZeroOrMoreCollects) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  alice.sends(chat("bob@x.org", "w"));
  wait_until_stored(town, "bob", 1);
  auto& bob = town.device("bob", "b");
  bob.sends("<presence><priority>-1</priority></presence>");
  bob.receives({"<presence"});
  bob.receives_no({"id='w'"});
  bob.sends("<presence><priority>0</priority></presence>");
  bob.receives({"id='w'"});
}

TEST(Offline, AFloodOfManyPagesIsCompleteAndNothingOvertakesIt) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  for (int i = 0; i < 450; ++i) alice.sends(chat("bob@x.org", "w" + std::to_string(i) + ".", std::string(1'000, 'x')));
  wait_until_stored(town, "bob", 450);
  auto& bob = town.device("bob", "b");
  bob.sends("<presence/>");
  for (int i = 450; i < 600; ++i) {  // while the flood is under way, to both forms of the address
    alice.sends(chat(i % 2 == 0 ? "bob@x.org" : "bob@x.org/b", "w" + std::to_string(i) + "."));
  }
  for (int i = 0; i < 600; ++i) {
    const auto text = bob.receives({"<message"});
    ASSERT_NE(text.find("id='w" + std::to_string(i) + ".'"), std::string::npos) << i << " expected, came " << text;
  }
  wait_until_stored(town, "bob", 0);
  alice.sends(chat("bob@x.org", "live"));
  bob.receives({"id='live'"});
}

TEST(Offline, ADeviceThatDiesInTheFloodLosesOnlyWhatItNeverReadAndTheNextGetsThat) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  for (int i = 0; i < 300; ++i) alice.sends(chat("bob@x.org", "w" + std::to_string(i) + "."));
  wait_until_stored(town, "bob", 300);
  auto& first = town.device("bob", "first");
  first.answers_pings = false;
  first.dies_after = 50;
  first.sends("<presence/>");
  first.receives({"id='w49.'"});
  auto& second = town.device("bob", "second");
  second.sends("<presence/>");
  for (int i = 0; i < 300; ++i) {
    const auto text = second.receives({"<message"});
    ASSERT_NE(text.find("id='w" + std::to_string(i) + ".'"), std::string::npos) << i << " expected, came " << text;
  }
  wait_until_stored(town, "bob", 0);
}

TEST(Offline, AnotherDeviceThatWaitsGoesOnWithABrokenFlood) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  for (int i = 0; i < 150; ++i) alice.sends(chat("bob@x.org", "w" + std::to_string(i) + "."));
  wait_until_stored(town, "bob", 150);
  auto& first = town.device("bob", "first");
  first.answers_pings = false;  // so that the flood stands after its first page
  first.sends("<presence/>");
  first.receives({"id='w99.'"});
  auto& second = town.device("bob", "second");
  second.sends("<presence/>");
  second.receives({"<presence"});
  second.receives_no({"<message type='chat'"});
  first.sends("<presence type='unavailable'/>");
  for (int i = 0; i < 150; ++i) second.receives({"id='w" + std::to_string(i) + ".'"});
  wait_until_stored(town, "bob", 0);
  alice.sends(chat("bob@x.org", "live"));
  second.receives({"id='live'"});
}

TEST(Offline, AnIdenticalReSendIsStoredOnceAnotherContentIsNot) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  alice.sends(chat("bob@x.org", "same"));
  wait_until_stored(town, "bob", 1);
  town.restart();
  auto& again = town.available("alice", "a");
  again.sends(chat("bob@x.org", "same"));
  again.sends(chat("bob@x.org", "same", "other"));
  wait_until_stored(town, "bob", 2);
  auto& bob = town.available("bob", "b");
  bob.receives({"same", ">x<"});
  bob.receives({"same", ">other<"});
  bob.receives_no({"id='same'"});
}

TEST(Offline, AReSendThatCameTooEarlyToBeRecognisedIsStillShownOnce) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  for (int i = 0; i < 5; ++i) alice.sends(chat("bob@x.org", "same"));
  alice.sends(chat("bob@x.org", "last"));
  settled(alice);
  auto& bob = town.device("bob", "b");
  bob.sends("<presence/>");
  bob.receives({"id='same'"});
  EXPECT_NE(bob.receives({"<message"}).find("id='last'"), std::string::npos);
  wait_until_stored(town, "bob", 0);
}

TEST(Offline, WhatCouldNotBeStoredIsRefusedAndItsReSendIsNotSwallowed) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  town.store_fails = true;
  alice.sends(chat("bob@x.org", "w"));
  const auto error = alice.receives({"id='w'", "type='error'"});
  EXPECT_NE(error.find("resource-constraint"), std::string::npos) << error;
  town.store_fails = false;
  alice.sends(chat("bob@x.org", "w"));
  wait_until_stored(town, "bob", 1);
  auto& bob = town.available("bob", "b");
  bob.receives({"id='w'"});
}

TEST(Offline, TheBoundIsToldToTheSenderAndFailuresDoNotUseItUp) {
  Town town({"alice", "bob"}, 3);
  auto& alice = town.available("alice", "a");
  town.store_fails = true;
  for (int i = 0; i < 3; ++i) alice.sends(chat("bob@x.org", "f" + std::to_string(i)));
  for (int i = 0; i < 3; ++i) alice.receives({"id='f" + std::to_string(i) + "'", "type='error'"});
  town.store_fails = false;
  for (int i = 0; i < 3; ++i) alice.sends(chat("bob@x.org", "w" + std::to_string(i)));
  alice.sends(chat("bob@x.org", "w3"));
  EXPECT_NE(alice.receives({"type='error'"}).find("id='w3'"), std::string::npos);
  wait_until_stored(town, "bob", 3);
}

constexpr const char* composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
std::string fleeting(const std::string& to, const std::string& id) {
  return "<message type='chat' to='" + to + "' id='" + id + "'>" + composing + "</message>";
}

TEST(Fleeting, IsDeliveredWithoutWaitingForItsRecordAndAcknowledgedWithIt) {
  Town town({"alice", "bob", "carol"}, 1'000, true);
  auto& alice = town.available("alice", "a");
  auto& bob = town.available("bob", "b");
  town.gate.close();
  alice.sends(chat("carol@x.org", "stored"), 1);  // its batch is held up, and with it every later record
  town.gate.waits_for(1);
  alice.sends(fleeting("bob@x.org", "c1"), 2);
  alice.sends("<message type='chat' to='bob@x.org' id='n1'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>",
              3);
  bob.receives({"id='c1'"});
  const auto text = bob.receives({"id='n1'"});
  EXPECT_EQ(text.find("stanza-id"), std::string::npos) << "it has no id yet: " << text;
  for (const std::uint32_t number : {1, 2, 3}) EXPECT_FALSE(alice.is_acknowledged(number)) << number;
  town.gate.open();
  for (const std::uint32_t number : {1, 2, 3}) alice.waits_for_ack(number);
}

TEST(Fleeting, DoesNotOvertakeWhatIsBeingCommittedForTheSamePerson) {
  Town town({"alice", "bob", "carol"}, 1'000, true);
  auto& alice = town.available("alice", "a");
  auto& bob = town.available("bob", "b");
  town.gate.close();
  alice.sends(chat("carol@x.org", "stored"));
  town.gate.waits_for(1);
  alice.sends(chat("bob@x.org", "m1"));
  alice.sends(fleeting("bob@x.org", "c1"));
  alice.sends(chat("bob@x.org", "m2"));
  EXPECT_FALSE(bob.has({"id='c1'"}));
  town.gate.open();
  for (const auto* id : {"m1", "c1", "m2"}) {
    EXPECT_NE(bob.receives({"<message"}).find("id='" + std::string(id) + "'"), std::string::npos) << id;
  }
}

TEST(Offline, AFleetingMessageIsDroppedWithoutAnError) {
  Town town({"alice", "bob"});
  auto& alice = town.available("alice", "a");
  alice.sends(
      "<message type='chat' to='bob@x.org' id='t'><composing "
      "xmlns='http://jabber.org/protocol/chatstates'/></message>");
  alice.receives_no({"id='t'"});
  EXPECT_TRUE(town.waiting_for("bob").empty());
}

}  // namespace
