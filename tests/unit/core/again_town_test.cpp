// core/again.hpp with a real store and committer: what a device did not read begins again, one in each turn, and
// nothing is lost, doubled or overtaken.
#include "../roster/town.hpp"

namespace valise::town {
namespace {

constexpr int many = 40;
constexpr std::size_t large = 27'000, small = 100;

std::string name(int number) { return "m" + std::to_string(number) + "."; }
std::string chat(const std::string& to, const std::string& id, std::size_t size = small) {
  return "<message type='chat' to='" + to + "' id='" + id + "'><body>" + std::string(size, 'x') + "</body></message>";
}
std::string roster_set(const std::string& jid) {
  return "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='" + jid + "'/></query></iq>";
}

// bob's phone, which does not read, and what was sent to it.
struct DeadReader : testing::Test {
  void sends_many(std::size_t size = large) {
    phone.reads = false;
    for (int i = 0; i < many; ++i) alice.sends(chat(phone.jid(), name(i), size));
    phone.receives({"id='" + name(many - 1) + "'"});
  }
  core::Shard& home() { return town.kernel().home("bob@x.org"); }
  // Of an account that lives on the same shard as bob's: what it says arrives in the same turn.
  Device& neighbour() {
    for (const char* user : {"carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"}) {
      if (&town.kernel().home(std::string(user) + "@x.org") == &home()) return town.available(user, "n");
    }
    ADD_FAILURE() << "everybody else lives elsewhere";
    return alice;
  }
  // Its next messages are these.
  static void gets(Device& device, const std::vector<std::string>& ids) {
    for (const auto& id : ids) {
      const auto text = device.receives({"<message"});
      ASSERT_NE(text.find(" id='" + id + "'"), std::string::npos) << id << " expected, came " << text.substr(0, 200);
    }
  }
  static void gets_all(Device& device, const std::vector<std::string>& then) {
    for (int i = 0; i < many; ++i) gets(device, {name(i)});
    gets(device, then);
    device.receives_no({" id='m"});
  }
  void all_wait(const std::vector<std::string>& then = {}) {
    const auto expected = static_cast<std::size_t>(many) + then.size();
    const auto limit = std::chrono::steady_clock::now() + patience;
    while (town.waiting_for("bob").size() != expected) {
      ASSERT_LT(std::chrono::steady_clock::now(), limit) << town.waiting_for("bob").size() << " of " << expected;
      std::this_thread::yield();
    }
    const auto rows = town.waiting_for("bob");
    for (int i = 0; i < many; ++i) EXPECT_EQ(rows[static_cast<std::size_t>(i)].stanza_id, name(i));
    for (std::size_t i = 0; i < then.size(); ++i)
      EXPECT_EQ(rows[static_cast<std::size_t>(many) + i].stanza_id, then[i]);
    gets_all(town.available("bob", "next"), then);
  }
  Town town{{"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"}};
  Device& alice = town.available("alice", "a");
  Device& phone = town.device("bob", "phone");
};

TEST_F(DeadReader, LeavesItsMessagesToAnotherDeviceOneInEachTurnAndNoRequestOvertakesThem) {
  sends_many();
  auto& laptop = town.available("bob", "laptop");
  phone.leaves([&] {
    EXPECT_GE(home().bytes_to_begin_again(), (many - 1) * large);
    laptop.says_here("<iq type='get' id='q' to='" + laptop.jid() + "'><query xmlns='urn:x'/></iq>");
  });
  for (int i = 0; i < many; ++i) gets(laptop, {name(i)});
  laptop.receives({"<iq", " id='q'"});
  laptop.receives_no({" id='m"});
  EXPECT_EQ(laptop.most_in_a_turn(), 1u);
  EXPECT_EQ(home().bytes_to_begin_again(), 0u);
  EXPECT_EQ(town.waiting_bytes("bob"), 0u);
}

TEST_F(DeadReader, LeavesItsMessagesBeforeWhatIsSaidMeanwhile) {
  sends_many();
  auto& laptop = town.available("bob", "laptop");
  phone.leaves([&] {
    laptop.says_here(chat("bob@x.org", "late"));
    laptop.says_here("<message type='chat' to='bob@x.org' id='now'><no-store xmlns='urn:xmpp:hints'/></message>");
  });
  gets_all(laptop, {"late", "now"});
  EXPECT_EQ(town.waiting_bytes("bob"), 0u);
}

TEST_F(DeadReader, WhatItLeavesWaitsForTheNextLogInBeforeWhatCameMeanwhile) {
  sends_many();
  auto& other = neighbour();
  phone.leaves([&] {
    other.says_here(chat("bob@x.org", "late1"));
    other.says_here(chat("bob@x.org/phone", "late2"));
  });
  all_wait({"late1", "late2"});
}

TEST_F(DeadReader, WhatIsBeingCommittedForItsAccountHoldsTheRestUp) {
  sends_many();
  auto& laptop = town.available("bob", "laptop");
  town.gate.close();
  phone.leaves([&] {
    laptop.says_here(roster_set("x@x.org"));  // begins now, and its commit does not end
    laptop.says_here(chat("bob@x.org", "late"));
  });
  town.gate.waits_for(1);
  EXPECT_EQ(laptop.count({" id='m"}), 1u) << "the one that began in the same turn";
  town.gate.open();
  for (int i = 0; i < many; ++i) laptop.receives({"<message", " id='" + name(i) + "'"});
  laptop.receives({"<message", " id='late'"});
  EXPECT_EQ(town.waiting_bytes("bob"), 0u);
}

TEST_F(DeadReader, WhatWasBeingCommittedBeforeComesBefore) {
  sends_many();
  auto& laptop = town.available("bob", "laptop");
  town.gate.close();
  laptop.sends(roster_set("x@x.org"));
  town.gate.waits_for(1);
  phone.leaves([&] { laptop.says_here(chat("bob@x.org", "late")); });
  EXPECT_EQ(laptop.count({" id='m"}), 0u);
  town.gate.open();
  for (int i = 0; i < many; ++i) gets(laptop, {name(i)});
  laptop.receives({"<iq", "type='result'", " id='r'"});
  gets(laptop, {"late"});
  laptop.receives_no({" id='m"});
}

TEST_F(DeadReader, AnotherDeviceThatEndsMeanwhileGivesBackWhatIsOlder) {
  sends_many();
  auto& laptop = town.available("bob", "laptop");
  laptop.reads = false;
  phone.leaves([&] { laptop.leaves_here(); });
  all_wait();
}

TEST_F(DeadReader, BeforeTheServerEndsAllThatWaitsHasBegun) {
  sends_many();
  phone.leaves([&] {
    EXPECT_GT(home().bytes_to_begin_again(), 0u);
    home().stop_modules();
    EXPECT_EQ(home().bytes_to_begin_again(), 0u);
  });
  town.restart();
  all_wait();
}

TEST_F(DeadReader, OfAnAccountThatIsDisabledAllThatWaitsBeginsBefore) {
  sends_many();
  phone.leaves([&] {
    home().account_changed(*core::Jid::parse("bob@x.org"), storage::AccountState::disabled);
    EXPECT_EQ(home().bytes_to_begin_again(), 0u);
    home().account_changed(*core::Jid::parse("bob@x.org"), storage::AccountState::active);
  });
  all_wait();
  alice.receives_no({"type='error'", " id='m"});
}

TEST_F(DeadReader, OfAnAccountThatWasRemovedTheSendersGetErrors) {
  sends_many();
  phone.leaves([&] {
    auto* bob = home().find_account("bob@x.org");
    bob->exists = false;
    bob->state = storage::AccountState::removing;
  });
  for (int i = 3; i < many; ++i) alice.receives({"type='error'", " id='" + name(i) + "'"});
}

}  // namespace
}  // namespace valise::town
