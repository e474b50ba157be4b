// When somebody was last there: what is kept of it, and what it costs the store.
#include "modules/last_activity/last_activity.hpp"

#include "../roster/town.hpp"

namespace {

using valise::town::Town;
using Rows = std::vector<valise::storage::AccountData>;

Town town_of(const std::vector<std::string>& names) {
  return Town(names, 1'000, false, {&valise::modules::last_activity_manifest()});
}
Rows rows_of(Town& town, const std::string& user) {
  return town.data_of(user, valise::storage::DataKind::last_activity);
}
std::string stamp_in(const std::string& presence) {
  const auto at = presence.find("stamp='");
  return at == std::string::npos ? std::string() : presence.substr(at, presence.find('\'', at + 7) - at);
}

TEST(LastActivity, ManyLogInsAndLogOutsCostTheStoreAFewTransactions) {
  std::vector<std::string> names;
  for (int i = 0; i < 60; ++i) names.push_back("u" + std::to_string(i));
  auto town = town_of(names);
  for (const auto& name : names) town.device(name, "d").leaves();
  for (const auto& name : names) town.device(name, "d");
  EXPECT_LT(town.kernel().committer->stats().store_batches, 20u) << "of 180 changes; 120 if each were written at once";
  town.restart();
  for (const auto& name : names)
    EXPECT_EQ(rows_of(town, name).size(), 1u) << name << ": the end writes what was gathered";
}

TEST(LastActivity, ARowDoesNotComeBackBehindTheEndOfItsAccount) {
  auto town = town_of({"alice", "bob"});
  town.device("alice", "a");
  town.device("bob", "b");
  const auto alice = *valise::core::Jid::parse("alice@x.org");
  auto& shard = town.kernel().home(alice.full());
  std::promise<void> done;
  shard.post([&] {
    shard.account_changed(alice, valise::storage::AccountState::removing);
    done.set_value();
  });
  done.get_future().wait();
  town.restart();
  EXPECT_TRUE(rows_of(town, "alice").empty());
  EXPECT_EQ(rows_of(town, "bob").size(), 1u);
}

TEST(LastActivity, WhoIsDisabledIsWrittenAtOnce) {
  auto town = town_of({"alice"});
  auto& device = town.device("alice", "a");
  const auto alice = *valise::core::Jid::parse("alice@x.org");
  auto& shard = town.kernel().home(alice.full());
  town.gate.close();
  shard.post([&] { shard.account_changed(alice, valise::storage::AccountState::disabled); });
  device.leaves();
  town.gate.waits_for(1);
  town.gate.open();
}

// RFC 6121 §4.3.2.
TEST(LastActivity, AProbeTellsWhenTheLastDeviceStoppedBeingAvailableRestartOrNot) {
  auto town = town_of({"alice", "bob"});
  {
    auto& alice = town.available("alice", "a");
    auto& quiet = town.device("alice", "quiet");
    auto& bob = town.available("bob", "b");
    town.befriend(alice, bob);
    const auto asked = [&] {
      bob.sends("<presence type='probe' to='alice@x.org'/>");
      return stamp_in(bob.receives({"type='unavailable'", "from='alice@x.org'"}));
    };
    alice.sends("<presence type='unavailable'/>");
    bob.receives({"type='unavailable'", "from='alice@x.org/a'"});
    const auto since = asked();
    EXPECT_NE(since, "");
    alice.leaves();
    EXPECT_EQ(asked(), since) << "one is connected still";
    quiet.leaves();
    EXPECT_GE(asked(), since);
  }
  town.restart();
  auto& bob = town.available("bob", "b");
  bob.sends("<presence type='probe' to='alice@x.org'/>");
  const auto kept = rows_of(town, "alice");
  ASSERT_EQ(kept.size(), 1u);
  const auto told = stamp_in(bob.receives({"type='unavailable'", "from='alice@x.org'"}));
  EXPECT_EQ(told, "stamp='" + valise::format_utc(std::stoll(kept[0].value) * 1'000'000));
}

}  // namespace
