// The end of an account where a step of it fails: what was promised stays, and the rest is done later.
#include "core/services.hpp"
#include "modules/registration/registration.hpp"
#include "town.hpp"

namespace {

using valise::Result;
using valise::storage::AccountState;
using valise::storage::Subscription;
using valise::town::Device;
using valise::town::patience;
using valise::town::Town;

struct Removal {
  std::promise<Result<>> removed;
  std::promise<bool> wiped;
};

void remove(Town& town, const std::string& user, Removal& removal) {
  const auto bare = *valise::core::Jid::parse(user + "@x.org");
  auto& shard = town.kernel().home(bare.full());
  shard.post([&shard, &removal, bare] {
    shard.with_account(bare, [&shard, &removal](valise::core::Account* account) {
      valise::core::audit::Record record;
      shard.service<valise::core::Registration>()->remove(
          *account, record, [&removal](Result<> done) { removal.removed.set_value(std::move(done)); },
          [&removal](bool all) { removal.wiped.set_value(all); });
    });
  });
}

template <class T>
T outcome(std::promise<T>& promise) {
  auto future = promise.get_future();
  EXPECT_EQ(future.wait_for(patience), std::future_status::ready);
  return future.get();
}

// Nobody is told when a resumed removal is through.
bool comes_true(const std::function<bool()>& fact) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!fact()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(Removal, OneThatTheStoreRefusesChangesNothing) {
  Town town({"alice", "bob"}, 1'000, false, {&valise::modules::registration_manifest()});
  auto& alice = town.available("alice", "phone");
  auto& bob = town.available("bob", "phone");
  town.befriend(alice, bob);
  town.store_fails = true;
  Removal removal;
  remove(town, "alice", removal);
  EXPECT_FALSE(outcome(removal.removed));
  town.store_fails = false;
  EXPECT_EQ(alice.ended(), "");
  bob.receives_no({"unsubscribe"});
  EXPECT_EQ(town.roster_of("bob").items.at(0).subscription, Subscription::both);
  Removal again;
  remove(town, "alice", again);
  EXPECT_TRUE(outcome(again.removed));
  EXPECT_TRUE(outcome(again.wiped));
}

TEST(Removal, AContactThatCannotBeWrittenKeepsTheRowsAndTheNextStartGoesOn) {
  Town town({"alice", "bob"}, 1'000, false, {&valise::modules::registration_manifest()});
  {
    auto& alice = town.available("alice", "phone");
    auto& bob = town.available("bob", "phone");
    town.befriend(alice, bob);
    town.gate.close();
    Removal removal;
    remove(town, "alice", removal);
    town.gate.waits_for(1);  // the account's own row
    town.gate.lets_one_through();
    EXPECT_TRUE(outcome(removal.removed));
    EXPECT_EQ(alice.ended(), "not-authorized");
    town.gate.waits_for(2);  // bob's
    town.store_fails = true;
    town.gate.open();
    EXPECT_FALSE(outcome(removal.wiped));
    town.store_fails = false;
    bob.receives_no({"type='unsubscribed'", "alice"});
    EXPECT_EQ(town.roster_of("bob").items.at(0).subscription, Subscription::both);
    EXPECT_EQ(town.roster_of("alice").items.size(), 1u) << "what is left to do was forgotten";
  }
  town.restart();
  EXPECT_TRUE(comes_true([&] { return town.roster_of("alice").version == 0; }));
  const auto bobs = town.roster_of("bob");
  EXPECT_EQ(bobs.items.at(0).subscription, Subscription::none);
  EXPECT_EQ(bobs.items.at(0).ask, false);
}

TEST(Removal, ManyContactsOnBothShardsAreAllTold) {
  std::vector<std::string> names{"alice"};
  for (int i = 0; i < 80; ++i) names.push_back("friend" + std::to_string(i));
  Town town(names, 1'000, false, {&valise::modules::registration_manifest()});
  for (std::size_t i = 1; i < names.size(); ++i) {
    town.write(valise::storage::PutRosterItem{"alice@x.org",
                                              {.jid = names[i] + "@x.org", .subscription = Subscription::both}});
    town.write(valise::storage::PutRosterItem{names[i] + "@x.org",
                                              {.jid = "alice@x.org", .name = "A", .subscription = Subscription::both}});
  }
  auto& last = town.device("friend79", "phone");
  last.asks("get", "<query xmlns='jabber:iq:roster'/>");
  Removal removal;
  remove(town, "alice", removal);
  EXPECT_TRUE(outcome(removal.removed));
  EXPECT_TRUE(outcome(removal.wiped));
  for (std::size_t i = 1; i < names.size(); ++i) {
    const auto roster = town.roster_of(names[i]);
    ASSERT_EQ(roster.items.size(), 1u);
    EXPECT_EQ(roster.items[0].subscription, Subscription::none) << names[i];
    EXPECT_EQ(roster.items[0].name, "A");
  }
  last.receives({"type='unsubscribe'", "alice@x.org"});
  last.receives({"type='unsubscribed'", "alice@x.org"});
  last.receives({"subscription='none'"});
  EXPECT_EQ(town.roster_of("alice").version, 0u);
}

}  // namespace
