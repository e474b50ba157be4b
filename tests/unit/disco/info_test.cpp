#include "modules/disco/info.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "modules/pep/pep.hpp"

namespace valise::modules::disco {
namespace {

const core::Manifest first{.name = "first", .server_features = {"urn:b", "urn:a"}, .account_features = {"urn:c"}};
const core::Manifest second{.name = "second",
                            .server_features = {"urn:a"},
                            .account_features = {},
                            .account_identities = {{"pubsub", "pep", ""}}};

TEST(DiscoInfo, ComesFromTheManifestsSortedAndOnce) {
  const auto info = server_info({&first, &second}, {});
  EXPECT_EQ(info.features, (std::vector<std::string>{"http://jabber.org/protocol/disco#info",
                                                     "http://jabber.org/protocol/disco#items", "urn:a", "urn:b"}));
  EXPECT_TRUE(std::ranges::is_sorted(info.identities));
}

TEST(DiscoInfo, TheDomainIsAServerAndAnAccountIsRegistered) {
  const auto server = to_xml(server_info({&second}, {}), {});
  EXPECT_NE(server.find("<identity category='server' type='im' name='Valise'/>"), std::string::npos);
  EXPECT_NE(server.find("<identity category='pubsub' type='pep'/>"), std::string::npos);
  const auto account = to_xml(account_info({&second}, {}), "n");
  EXPECT_NE(account.find("<identity category='account' type='registered'/>"), std::string::npos);
  EXPECT_NE(account.find("node='n'"), std::string::npos);
  EXPECT_EQ(account.find("category='server'"), std::string::npos);
}

// OMEMO clients look for these before they publish a key; without publish-options Profanity stays silent.
TEST(DiscoInfo, PepIsAnnouncedWithEverythingThatOmemoClientsAskFor) {
  for (const auto& info : {account_info({&pep_manifest()}, {}), server_info({&pep_manifest()}, {})}) {
    for (const std::string feature : {"publish-options",
                                      "filtered-notifications",
                                      "publish",
                                      "subscribe",
                                      "create-nodes",
                                      "delete-items",
                                      "delete-nodes",
                                      "persistent-items",
                                      "retrieve-items",
                                      "auto-create",
                                      "item-ids",
                                      "multi-items",
                                      "config-node-max",
                                      "config-node",
                                      "create-and-configure",
                                      "access-open",
                                      "access-presence",
                                      "access-whitelist",
                                      "access-roster",
                                      "auto-subscribe",
                                      "last-published",
                                      "retract-items",
                                      "meta-data"}) {
      EXPECT_TRUE(std::ranges::binary_search(info.features, "http://jabber.org/protocol/pubsub#" + feature)) << feature;
    }
  }
}

TEST(DiscoInfo, ContactAddressesAreOfRegisteredKinds) {  // XEP-0157 §2
  EXPECT_TRUE(is_contact_address("abuse-addresses=mailto:abuse@example.org"));
  EXPECT_TRUE(is_contact_address("support-addresses=xmpp:help@example.org"));
  EXPECT_TRUE(is_contact_address("status-addresses=https://status.example.org"));
  EXPECT_FALSE(is_contact_address("abuse=mailto:abuse@example.org"));
  EXPECT_FALSE(is_contact_address("abuse-addresses=call us"));
  EXPECT_FALSE(is_contact_address(""));
  const auto info = server_info({}, {"abuse-addresses=mailto:a@example.org", "nonsense",
                                     "abuse-addresses=xmpp:a@example.org", "admin-addresses=mailto:b@example.org"});
  ASSERT_EQ(info.forms.size(), 1u);
  EXPECT_EQ(info.forms[0].type, "http://jabber.org/network/serverinfo");
  ASSERT_EQ(info.forms[0].fields.size(), 2u);
  EXPECT_EQ(info.forms[0].fields[0].second, (std::vector<std::string>{"mailto:a@example.org", "xmpp:a@example.org"}));
}

}  // namespace
}  // namespace valise::modules::disco
