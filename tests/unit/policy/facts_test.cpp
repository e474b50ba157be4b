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

TEST(Facts, AreReadOfWhatRecordsSay) {
  EXPECT_EQ(IpAddress::of_source("192.0.2.1:5").text(), "192.0.2.1");
  EXPECT_EQ(IpAddress::of_source("192.0.2.1").text(), "192.0.2.1");
  EXPECT_EQ(IpAddress::of_source("[2001:db8::1]:5").text(), "2001:db8::1");
  EXPECT_EQ(IpAddress::of_source("2001:db8::1").text(), "2001:db8::1") << "a proxy told no port";
  for (const auto* text : {"", "[", "[2001:db8::1", ":", "nowhere:5"}) {
    EXPECT_FALSE(IpAddress::of_source(text).known) << text;
  }
  EXPECT_EQ(party_of("bob@x.org", "phone").domain, "x.org");
  EXPECT_EQ(party_of("x.org", {}).domain, "x.org");
  EXPECT_EQ(tls_number("TLSv1.3"), "1.3");
  EXPECT_EQ(tls_number("1.2"), "1.2");
  EXPECT_EQ(lower_address("Bob@X.org/Phone"), "bob@x.org/Phone");
}

}  // namespace
}  // namespace valise::policy
