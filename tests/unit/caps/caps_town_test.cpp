// XEP-0115 §6.2 with shards and sessions: who is asked what, and that no client can be made to be asked without end.
#include "modules/caps/caps.hpp"

#include "../roster/town.hpp"

namespace {

using valise::town::Device;
using valise::town::Town;

constexpr const char* info = "http://jabber.org/protocol/disco#info";

struct CapsTown : Town {
  explicit CapsTown(std::vector<std::string> names)
      : Town(std::move(names), 1'000, false, {&valise::modules::caps_manifest()}) {}
};

void announces(Device& device, const std::string& version) {
  device.sends("<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='" + version +
               "'/></presence>");
}

std::string id_of(const std::string& stanza) {
  const auto begin = stanza.find(" id='") + 5;
  return stanza.substr(begin, stanza.find('\'', begin) - begin);
}

void answers_nothing(Device& device, const std::string& question) {
  device.sends("<iq type='error' id='" + id_of(question) +
               "'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
}

TEST(Caps, AsksASessionOneThingAtATimeAndThenWhatItAnnouncedLast) {
  CapsTown town({"alice"});
  auto& alice = town.available("alice", "a");
  for (int i = 0; i < 100; ++i) announces(alice, "one-at-a-time-" + std::to_string(i));
  EXPECT_EQ(alice.count({info}), 1u);
  answers_nothing(alice, alice.receives({info, "n#one-at-a-time-0"}));
  answers_nothing(alice, alice.receives({info, "n#one-at-a-time-99"}));
  EXPECT_EQ(alice.count({info}), 0u);
}

TEST(Caps, AreAskedOfTheNextWhoAnnouncesThemWhenTheFirstDoesNotAnswer) {
  CapsTown town({"alice"});
  auto& phone = town.available("alice", "phone");
  auto& desk = town.available("alice", "desk");
  auto& tablet = town.available("alice", "tablet");
  announces(phone, "next-a");
  announces(desk, "next-a");
  announces(tablet, "next-a");
  announces(tablet, "next-b");  // it waits behind the phone, and has something else to say by then
  EXPECT_EQ(desk.count({info}) + tablet.count({info}), 0u);
  answers_nothing(phone, phone.receives({info, "n#next-a"}));
  tablet.receives({info, "n#next-b"});
  answers_nothing(desk, desk.receives({info, "n#next-a"}));
  phone.leaves();
  EXPECT_EQ(desk.count({info}) + tablet.count({info}), 0u);
}

TEST(Caps, AnswersOfOneSessionAreNotTakenFromAnother) {
  CapsTown town({"alice"});
  auto& phone = town.available("alice", "phone");
  auto& desk = town.available("alice", "desk");
  announces(phone, "not-of-another");
  announces(desk, "not-of-another");
  const auto question = phone.receives({info});
  answers_nothing(desk, question);
  EXPECT_EQ(desk.count({info}), 0u) << "the phone still is asked";
  answers_nothing(phone, question);
  desk.receives({info, "n#not-of-another"});
}

}  // namespace
