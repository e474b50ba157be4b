// docs/sealed.md D6, D13: keys for devices that are kept out go, and nothing else does.
#include "modules/omemo/cut.hpp"

#include <gtest/gtest.h>

#include "samples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;

constexpr std::string_view bob = "bob@b.example";
using Devices = std::vector<std::uint32_t>;

Legacy legacy(std::string keys) {
  Legacy sample;
  sample.keys = std::move(keys);
  return sample;
}
Second second(std::string groups) {
  Second sample;
  sample.groups = std::move(groups);
  return sample;
}
std::string group(std::string_view jid, std::string_view keys) {
  return "<keys jid='" + std::string(jid) + "'>" + std::string(keys) + "</keys>";
}

// The message as it goes on; empty: as it came.
std::string cut(const std::string& children, const Devices& devices) {
  return without_keys_for(*message_of(children), bob, devices).value_or("");
}
std::size_t count(std::string_view text, std::string_view word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST(Cut, WhereThereIsNoneTheMessageGoesOnAsItIs) {
  const auto sealed = legacy(key("1", Signal().text()) + key("2", Signal().text())).text();
  EXPECT_EQ(cut(sealed, {3}), "");
  EXPECT_EQ(cut(sealed, {}), "");
  EXPECT_EQ(cut("<body>rid='3'</body><x xmlns='urn:example:x'><key rid='3'/></x>", {3}), "");
}

TEST(Cut, ALegacyHeaderLosesItsKeysForThemAndKeepsTheRest) {
  const auto first = key("1", Signal().text());
  const auto out = cut(
      "<body>b</body>" + legacy(first + key("2", Signal().text())).text() + "<store xmlns='urn:xmpp:hints'/>", {2, 9});
  EXPECT_NE(out.find(first), out.npos) << out;
  EXPECT_EQ(out.find("rid='2'"), out.npos) << out;
  EXPECT_EQ(count(out, "<iv>"), 1U);
  EXPECT_EQ(count(out, "<payload>"), 1U);
  EXPECT_EQ(count(out, "<body>b</body>"), 1U);
  EXPECT_EQ(count(out, "urn:xmpp:hints"), 1U);
  // What is left is valid as before.
  EXPECT_TRUE(rebuild_message(*message_of(out)).seal.has_payload) << out;
}

TEST(Cut, ANewerHeaderLosesOnlyTheKeysOfTheAccount) {
  const auto theirs = group("alice@a.example", key("2", Message2().text()));
  const auto own = group(bob, key("1", Message2().text()) + key("2", Message2().text()));
  const auto out = cut(second(theirs + own).text(), {2});
  EXPECT_EQ(count(out, "rid='2'"), 1U) << out;
  EXPECT_EQ(count(out, "rid='1'"), 1U) << out;
  EXPECT_NE(out.find(theirs), out.npos) << out;
}

TEST(Cut, WhatHasNoKeyLeftGoesWhole) {
  const auto own = group(bob, key("2", Message2().text()));
  const auto theirs = group("alice@a.example", key("2", Message2().text()));
  const auto without_group = cut(second(theirs + own).text(), {2});
  EXPECT_EQ(without_group.find(bob), without_group.npos) << without_group;
  EXPECT_EQ(count(without_group, "<keys "), 1U);
  const auto newer = second(group(bob, key("1", Message2().text()))).text();
  const auto one_version = cut(legacy(key("2", Signal().text())).text() + newer, {2});
  EXPECT_EQ(one_version, newer);
}

}  // namespace
}  // namespace valise::modules::omemo
