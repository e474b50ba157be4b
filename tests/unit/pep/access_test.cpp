#include "modules/pep/access.hpp"

#include <gtest/gtest.h>

namespace valise::modules::pep {
namespace {

const std::vector<std::string> friends{"Friends"};

std::string condition(AccessModel model, const Requester& requester, NodeConfig config = {}) {
  config.access = model;
  const auto error = read_refusal(config, requester);
  return error ? std::string(error->condition) + " " + error->application : "allowed";
}
std::string refused(std::string_view condition, std::string_view pubsub) {
  return std::string(condition) + " <" + std::string(pubsub) + " xmlns='http://jabber.org/protocol/pubsub#errors'/>";
}

TEST(PepAccess, ModelsDecideAsXep0060Says) {  // §4.5, §6.5.9
  const Requester owner{.owner = true};
  const Requester contact{.sees_presence = true, .groups = friends, .bare = "bob@example.org"};
  const Requester stranger{.insider = true, .bare = "eve@example.org"};
  for (const auto model : {AccessModel::open, AccessModel::presence, AccessModel::roster, AccessModel::whitelist}) {
    EXPECT_EQ(condition(model, owner), "allowed");
  }
  EXPECT_EQ(condition(AccessModel::open, stranger), "allowed");
  EXPECT_EQ(condition(AccessModel::presence, contact), "allowed");
  EXPECT_EQ(condition(AccessModel::presence, stranger), refused("not-authorized", "presence-subscription-required"));
  EXPECT_EQ(condition(AccessModel::whitelist, contact), refused("not-allowed", "closed-node"));
}

TEST(PepAccess, RosterNodesAskForAGroupAndPresence) {
  NodeConfig config;
  config.groups = {"Friends", "Work"};
  const Requester inside{.sees_presence = true, .groups = friends};
  const Requester unsubscribed{.groups = friends};
  const Requester outside{.sees_presence = true};
  EXPECT_EQ(condition(AccessModel::roster, inside, config), "allowed");
  EXPECT_EQ(condition(AccessModel::roster, unsubscribed, config), refused("not-authorized", "not-in-roster-group"));
  EXPECT_EQ(condition(AccessModel::roster, outside, config), refused("not-authorized", "not-in-roster-group"));
}

TEST(PepAccess, AffiliationsWinOverTheModel) {
  NodeConfig config;
  config.affiliations = {{"bob@example.org", Affiliation::member}, {"eve@example.org", Affiliation::outcast}};
  EXPECT_EQ(condition(AccessModel::whitelist, {.bare = "bob@example.org"}, config), "allowed");
  EXPECT_EQ(condition(AccessModel::open, {.sees_presence = true, .bare = "eve@example.org"}, config), "forbidden ");
}

TEST(PepAccess, WhatIsTheOwnersAloneIsSharedByNothing) {
  NodeConfig config{.access = AccessModel::open};
  config.affiliations = {{"bob@example.org", Affiliation::member}};
  EXPECT_FALSE(read_refusal(config, {.bare = "bob@example.org"}));
  EXPECT_TRUE(read_refusal(config, {.sees_presence = true, .bare = "bob@example.org"}, true));
  EXPECT_FALSE(read_refusal(config, {.owner = true}, true));
}

TEST(PepAccess, AnAccountIsKnownToWhoSeesItAndByWhatItOpens) {
  EXPECT_TRUE(account_is_visible({.owner = true}, false));
  EXPECT_TRUE(account_is_visible({.sees_presence = true}, false));
  EXPECT_TRUE(account_is_visible({}, true));
  EXPECT_TRUE(account_is_visible({.insider = true}, false));
  EXPECT_FALSE(account_is_visible({}, false));
}

}  // namespace
}  // namespace valise::modules::pep
