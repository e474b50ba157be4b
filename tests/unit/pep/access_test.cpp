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

std::string subscribing(AccessModel model, const Requester& requester, NodeConfig config = {}) {
  config.access = model;
  const auto error = subscribe_refusal(config, requester);
  if (error) return std::string(error->condition) + " " + error->application;
  return needs_approval(config, requester) ? "pending" : "subscribed";
}

TEST(PepAccess, WhereTheOwnerApprovesSubscribersRead) {  // §4.5, §6.1.4, §6.5.9.3
  const Requester contact{.sees_presence = true, .groups = friends, .bare = "bob@example.org"};
  NodeConfig config;
  EXPECT_EQ(subscribing(AccessModel::authorize, contact), "pending");
  EXPECT_EQ(subscribing(AccessModel::authorize, {.owner = true}), "subscribed");
  EXPECT_EQ(condition(AccessModel::authorize, contact), refused("not-authorized", "not-subscribed"));
  config.pending = {"bob@example.org"};
  EXPECT_EQ(condition(AccessModel::authorize, contact, config), refused("not-authorized", "not-subscribed"));
  config.subscribers = {"bob@example.org/phone"};
  EXPECT_EQ(condition(AccessModel::authorize, contact, config), "allowed");
  config.affiliations = {{"bob@example.org", Affiliation::member}};
  EXPECT_EQ(subscribing(AccessModel::authorize, contact, config), "subscribed");
  config.affiliations = {{"bob@example.org", Affiliation::outcast}};
  EXPECT_EQ(subscribing(AccessModel::authorize, contact, config), "forbidden ");
  EXPECT_EQ(condition(AccessModel::authorize, contact, config), "forbidden ");
}

TEST(PepAccess, PublishingIsForWhomAffiliationOrModelLet) {  // §4.1, §4.5
  const Requester bob{.sees_presence = true, .bare = "bob@example.org"};
  NodeConfig config{.access = AccessModel::open};
  EXPECT_FALSE(publish_refusal(config, {.owner = true}));
  EXPECT_EQ(publish_refusal(config, bob)->condition, "forbidden");
  config.publish = PublishModel::subscribers;
  EXPECT_TRUE(publish_refusal(config, bob));
  config.subscribers = {"bob@example.org/phone"};
  EXPECT_FALSE(publish_refusal(config, bob));
  config.publish = PublishModel::open;
  EXPECT_FALSE(publish_refusal(config, {.bare = "eve@example.org"}));
  config.affiliations = {{"eve@example.org", Affiliation::outcast},
                         {"pub@example.org", Affiliation::publisher},
                         {"po@example.org", Affiliation::publish_only},
                         {"m@example.org", Affiliation::member}};
  EXPECT_TRUE(publish_refusal(config, {.bare = "eve@example.org"}));
  config.publish = PublishModel::publishers;
  EXPECT_FALSE(publish_refusal(config, {.bare = "pub@example.org"}));
  EXPECT_FALSE(publish_refusal(config, {.bare = "po@example.org"}));
  EXPECT_TRUE(publish_refusal(config, {.bare = "m@example.org"}));
  EXPECT_FALSE(read_refusal(config, {.bare = "pub@example.org"}));
  EXPECT_EQ(read_refusal(config, {.bare = "po@example.org"})->condition, "forbidden");
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
