// What is in memory of an account says what its row says, also when the row changes while it is being read.
#include "core/auth/password.hpp"
#include "town.hpp"

namespace valise::town {
namespace {

TEST(AccountChanged, WhileItIsBeingLoadedIsNotForgotten) {
  Town town({"alice"});
  const auto alice = *core::Jid::parse("alice@x.org");
  auto& home = town.kernel().home(alice.full());
  const auto keys = *core::auth::make_keys("pencil", core::auth::min_iterations);
  std::promise<void> told;
  bool was_stale = false;
  home.post([&] {
    home.with_account(alice, [&](core::Account* account) {
      was_stale = account != nullptr && account->state == storage::AccountState::active;
    });
    town.reads_are_done();  // the row has been read, and this shard has not seen it yet
    town.write(storage::PutAccount{{.jid = "alice@x.org", .state = storage::AccountState::disabled, .keys = keys}});
    home.refresh_account(alice, [&] { told.set_value(); });
  });
  ASSERT_EQ(told.get_future().wait_for(patience), std::future_status::ready);
  std::promise<std::pair<storage::AccountState, std::uint64_t>> seen;
  home.post([&] {
    home.with_account(alice, [&](core::Account* account) { seen.set_value({account->state, account->credentials}); });
  });
  auto result = seen.get_future();
  ASSERT_EQ(result.wait_for(patience), std::future_status::ready);
  const auto [state, credentials] = result.get();
  EXPECT_TRUE(was_stale) << "or nothing is shown by this";
  EXPECT_EQ(state, storage::AccountState::disabled);
  EXPECT_EQ(credentials, core::auth::fingerprint(keys));
}

TEST(AccountChanged, ANewPasswordHasAnotherFingerprint) {
  const auto one = *core::auth::make_keys("pencil", core::auth::min_iterations);
  const auto again = *core::auth::make_keys("pencil", core::auth::min_iterations);
  EXPECT_EQ(core::auth::fingerprint(one), core::auth::fingerprint(one));
  EXPECT_NE(core::auth::fingerprint(one), core::auth::fingerprint(again)) << "another salt: it was set anew";
  EXPECT_EQ(core::auth::fingerprint({}), 0u);
  EXPECT_NE(core::auth::fingerprint(one), 0u);
}

}  // namespace
}  // namespace valise::town
