#include "stream/authenticate.hpp"

#include <gtest/gtest.h>

namespace valise::stream {
namespace {

using core::auth::Condition;

core::auth::Outcome<Authenticate> parse(const std::string& inner, const std::string& attributes = "mechanism='M'") {
  const auto document =
      xml::parse_element("<authenticate xmlns='urn:xmpp:sasl:2' " + attributes + ">" + inner + "</authenticate>");
  return parse_authenticate(document->root());
}

const std::string id = "d4565fa7-4d72-4749-b3d3-740edbf87770";
const std::string agent = "<user-agent id='" + id + "'/>";

void expect_malformed(const std::string& inner) {
  const auto parsed = parse(inner);
  ASSERT_FALSE(parsed) << inner;
  EXPECT_EQ(parsed.error().condition, Condition::malformed_request);
}

TEST(Authenticate, MayHaveAnEmptyInitialResponseOrNone) {  // XEP-0388 §2.2
  EXPECT_EQ(parse("")->initial_response, std::nullopt);
  EXPECT_EQ(parse("<initial-response/>")->initial_response, "");
  EXPECT_EQ(parse("<initial-response>\n  YQ==\n</initial-response>")->initial_response, "YQ==");
}

TEST(Authenticate, TakesAUuidOfVersionFourInLowerCase) {
  EXPECT_EQ(parse("<user-agent id='D4565FA7-4D72-4749-B3D3-740EDBF87770'/>")->agent, id);
  EXPECT_EQ(parse("<user-agent/>")->agent, "");
  for (const auto* wrong : {"", "x", "d4565fa7-4d72-1749-b3d3-740edbf87770", "d4565fa7-4d72-4749-73d3-740edbf87770",
                            "d4565fa7-4d72-4749-b3d3-740edbf8777", "d4565fa7-4d72-4749-b3d3-740edbf877700",
                            "d4565fa7+4d72-4749-b3d3-740edbf87770", "g4565fa7-4d72-4749-b3d3-740edbf87770"}) {
    expect_malformed(std::string("<user-agent id='") + wrong + "'/>");
  }
}

TEST(Authenticate, CutsWhatAClientCallsItselfBetweenCharacters) {
  std::string name;
  for (int i = 0; i < 100; ++i) name += "é";
  const auto parsed = parse("<user-agent><software> " + name + "</software><device>D</device></user-agent>");
  EXPECT_EQ(parsed->software, name.substr(0, 128));
  EXPECT_EQ(parsed->device, "D");
  EXPECT_EQ(parse("<user-agent><device>x" + name + "</device></user-agent>")->device, "x" + name.substr(0, 126));
}

TEST(Authenticate, ReadsATokensUse) {  // XEP-0484 §3.4, §3.6
  const auto parsed = parse(agent + "<fast xmlns='urn:xmpp:fast:0' count='3' invalidate='1'/>");
  EXPECT_TRUE(parsed->fast && parsed->invalidate);
  EXPECT_EQ(parsed->count, 3U);
  EXPECT_FALSE(parse(agent + "<fast xmlns='urn:xmpp:fast:0' invalidate='no'/>")->invalidate);
  expect_malformed("<fast xmlns='urn:xmpp:fast:0'/>");  // for which client?
  for (const auto* count : {"", "0", "-1", "1.5", "4294967296"}) {
    expect_malformed(agent + "<fast xmlns='urn:xmpp:fast:0' count='" + count + "'/>");
  }
}

TEST(Authenticate, AsksForATokenWithAMechanismAndAnId) {  // XEP-0484 §3.2
  EXPECT_EQ(parse(agent + "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT'/>")->wants_token, "HT");
  expect_malformed(agent + "<request-token xmlns='urn:xmpp:fast:0'/>");
  expect_malformed("<request-token xmlns='urn:xmpp:fast:0' mechanism='HT'/>");
}

TEST(Authenticate, HasAFewUpgrades) {
  std::string upgrades;
  for (int i = 0; i < 8; ++i) upgrades += "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>U</upgrade>";
  EXPECT_EQ(parse(upgrades)->upgrades.size(), 8U);
  expect_malformed(upgrades + "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>U</upgrade>");
}

// ---- XEP-0386 §3.2.1

std::string resource(std::string_view agent_id, std::string_view tag, std::string_view account = "alice@example.org") {
  return generate_resource("secret", *core::Jid::parse(account), agent_id, tag);
}

TEST(Resource, IsTheSameForTheSameClientAndTag) {
  EXPECT_EQ(resource(id, "Tag"), resource(id, "Tag"));
  EXPECT_NE(resource(id, "Tag"), resource(id, "Gat"));
  EXPECT_NE(resource(id, "Tag"), resource(id, "Tag", "bob@example.org"));
  EXPECT_NE(resource("", "Tag"), resource("", "Tag"));
}

TEST(Resource, HasTheTagInFrontIfItFits) {
  EXPECT_TRUE(resource(id, "Tag").starts_with("Tag/"));
  EXPECT_TRUE(resource(id, std::string(64, 'x')).starts_with("xxxx"));
  EXPECT_EQ(resource(id, std::string(65, 'x')).size(), 16U);
  EXPECT_EQ(resource(id, "").size(), 16U);
  EXPECT_EQ(resource(id, "\x01").size(), 16U);
}

}  // namespace
}  // namespace valise::stream
