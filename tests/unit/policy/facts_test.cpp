#include "policy/facts.hpp"

#include <gtest/gtest.h>

#include "policy/decision.hpp"

namespace valise::policy {
namespace {

TEST(IpAddress, ParsesBothFamiliesAndGivesThemBack) {
  for (const char* text : {"192.0.2.1", "2001:db8::1", "::", "255.255.255.255"}) {
    EXPECT_EQ(IpAddress::parse(text).value().text(), text);
  }
  EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.1").value().text(), "192.0.2.1");
  for (const char* text : {"", "localhost", "192.0.2", "192.0.2.1.", "1:2:3", "fe80::1%eth0"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string(100, '1')));
  EXPECT_EQ(IpAddress{}.text(), "");
}

TEST(Decision, KeepsEachTagOnceAndEightAtMost) {
  Decision decision;
  EXPECT_TRUE(decision.add_tag("a"));
  EXPECT_TRUE(decision.add_tag("a"));
  EXPECT_EQ(decision.tag_count, 1u);
  const std::string names = "bcdefgh";
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_TRUE(decision.add_tag(std::string_view(names).substr(i, 1)));
  EXPECT_FALSE(decision.add_tag("z"));
  EXPECT_TRUE(decision.add_tag("h"));
}

TEST(StanzaErrors, HaveTheTypesOfTheRfc) {  // RFC 6120 §8.3.3
  for (const auto& error : stanza_errors()) {
    EXPECT_TRUE(error.type == "auth" || error.type == "cancel" || error.type == "modify" || error.type == "wait");
    if (error.condition == "forbidden") {
      EXPECT_EQ(error.type, "auth");
    }
    if (error.condition == "service-unavailable") {
      EXPECT_EQ(error.type, "cancel");
    }
  }
}

}  // namespace
}  // namespace valise::policy
