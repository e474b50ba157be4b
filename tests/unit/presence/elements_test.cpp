#include "modules/presence/elements.hpp"

#include <gtest/gtest.h>

namespace {

using namespace valise;
using modules::presence::has_valid_show;
using modules::presence::parse_priority;
using modules::presence::priority_of;

TEST(Priority, IsAByte) {  // RFC 6121 §4.7.2.3
  EXPECT_EQ(parse_priority("0"), 0);
  EXPECT_EQ(parse_priority("127"), 127);
  EXPECT_EQ(parse_priority("-128"), -128);
  EXPECT_EQ(parse_priority("+5"), 5);
  EXPECT_EQ(parse_priority(" 7\n"), 7);
  for (const auto* bad : {"", " ", "128", "-129", "1.5", "x", "1 2", "+-1", "+", "-", "99999999999999999999", "0x1"}) {
    EXPECT_EQ(parse_priority(bad), std::nullopt) << bad;
  }
}

TEST(Priority, OfAPresenceIsItsOneElement) {
  const auto of = [](const char* xml) {
    const auto document = xml::parse_element(xml);
    EXPECT_TRUE(document) << xml;
    return priority_of(document->root());
  };
  EXPECT_EQ(of("<presence/>"), 0);
  EXPECT_EQ(of("<presence><show>away</show><priority>-1</priority></presence>"), -1);
  EXPECT_EQ(of("<presence><priority xmlns='urn:other'>9</priority></presence>"), 0);
  EXPECT_EQ(of("<presence><priority/></presence>"), std::nullopt);
  EXPECT_EQ(of("<presence><priority>1</priority><priority>1</priority></presence>"), std::nullopt);
}

TEST(Show, IsOneOfFourOrMissing) {  // RFC 6121 §4.7.2.1
  const auto valid = [](const char* xml) { return has_valid_show(xml::parse_element(xml)->root()); };
  EXPECT_TRUE(valid("<presence/>"));
  for (const auto* value : {"away", "chat", "dnd", "xa"}) {
    EXPECT_TRUE(valid(("<presence><show>" + std::string(value) + "</show></presence>").c_str())) << value;
  }
  for (const auto* value : {"", "Away", "online", "away "}) {
    EXPECT_FALSE(valid(("<presence><show>" + std::string(value) + "</show></presence>").c_str())) << value;
  }
  EXPECT_FALSE(valid("<presence><show>away</show><show>away</show></presence>"));
  EXPECT_TRUE(valid("<presence><show xmlns='urn:other'>x</show></presence>"));
}

}  // namespace
