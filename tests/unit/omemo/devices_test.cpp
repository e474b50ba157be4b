// docs/sealed.md 3.7-8 to 10: what is read of devices in an <encrypted/>.
#include "modules/omemo/devices.hpp"

#include <gtest/gtest.h>

#include "samples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;

constexpr std::uint32_t none[] = {0};

std::string raw(const omemo_keys::Key& key) { return {key.begin(), key.end()}; }

Legacy legacy(std::string keys, std::string_view sid = "27183") {
  Legacy sample;
  sample.header_attributes = " sid='" + std::string(sid) + "'";
  sample.keys = std::move(keys);
  return sample;
}

Second second(std::string groups, std::string_view sid = "27183") {
  Second sample;
  sample.header_attributes = " sid='" + std::string(sid) + "'";
  sample.groups = std::move(groups);
  return sample;
}

// As rebuild_message leaves it, with so many keys that begin a session.
core::StanzaPtr counted(std::string_view children, std::uint32_t prekeys) {
  auto message = message_of(children);
  message->seal.prekeys = prekeys;
  return message;
}

std::string group(std::string_view jid, std::string_view keys) {
  return "<keys jid='" + std::string(jid) + "'>" + std::string(keys) + "</keys>";
}

TEST(Claims, AreOneAVersionWithItsSender) {
  const auto message = message_of(legacy(key("1", Signal().text()), "7").text() +
                                  second(group("b@b.example", key("1", Message2().text())), "2147483647").text());
  const auto claims = claims_of(*message);
  ASSERT_EQ(claims.count, 2u);
  EXPECT_EQ(claims.list[0].version, OmemoVersion::legacy);
  EXPECT_EQ(claims.list[0].device, 7u);
  EXPECT_EQ(claims.list[1].version, OmemoVersion::omemo_2);
  EXPECT_EQ(claims.list[1].device, 2147483647u);
  EXPECT_FALSE(claims.list[0].identity || claims.list[1].identity);
}

TEST(Claims, OfWhatIsNotSealedThereAreNone) {
  EXPECT_EQ(claims_of(*message_of("<body>Hello</body><encrypted xmlns='urn:example:other'/>")).count, 0u);
}

TEST(Claims, AnElementForNobodyClaimsNothing) {  // Converse: left out when the message is rebuilt
  const auto message = message_of(
      "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='9'><keys jid='b@b.example'/>"
      "</header></encrypted>" +
      legacy(key("1", Signal().text())).text());
  const auto claims = claims_of(*message);
  ASSERT_EQ(claims.count, 1u);
  EXPECT_EQ(claims.list[0].device, 27183u);
}

TEST(Claims, ALegacyIdentityHasNoTypeByte) {
  const auto identity = noise(32);
  PreKeySignal begins;
  begins.identity = bytes(3, "\x05" + identity);
  for (const auto* flag : {" prekey='true'", " prekey='1'"}) {
    const auto message = counted(
        legacy(key("1", Signal().text(), " prekey='false'") + key("2", Signal().text()) + key("3", begins.text(), flag))
            .text(),
        1);
    const auto claims = claims_of(*message);
    ASSERT_TRUE(claims.list[0].identity) << flag;
    EXPECT_EQ(raw(*claims.list[0].identity), identity);
  }
}

TEST(Claims, ASecondVersionSaysItsIdentityInAnyGroup) {
  const auto identity = noise(32);
  Exchange2 begins;
  begins.identity = bytes(3, identity);
  const auto message = counted(second(group("a@a.example", key("1", Message2().text())) +
                                      group("b@b.example", key("2", begins.text(), " kex='true'")))
                                   .text(),
                               1);
  const auto claims = claims_of(*message);
  ASSERT_TRUE(claims.list[0].identity);
  EXPECT_EQ(raw(*claims.list[0].identity), identity);
}

TEST(Claims, BlanksAroundAKeyAreNoPartOfIt) {
  const auto identity = noise(32);
  PreKeySignal begins;
  begins.identity = bytes(3, "\x05" + identity);
  const auto message = counted(legacy("<key rid='1' prekey='true'>\n " + b64(begins.text()) + "\t</key>").text(), 1);
  const auto claims = claims_of(*message);
  ASSERT_TRUE(claims.list[0].identity);
  EXPECT_EQ(raw(*claims.list[0].identity), identity);
}

TEST(IsForDeviceOf, OneOfTheListedIsEnough) {
  const auto message = message_of(legacy(key("1", Signal().text()) + key("2", Signal().text())).text());
  constexpr std::uint32_t theirs[] = {5, 2};
  constexpr std::uint32_t others[] = {3, 12};
  EXPECT_TRUE(is_for_device_of(*message, "b@b.example", theirs, none));
  EXPECT_FALSE(is_for_device_of(*message, "b@b.example", others, none));
  EXPECT_FALSE(is_for_device_of(*message, "b@b.example", {}, theirs)) << "a list of the other version";
}

TEST(IsForDeviceOf, TheSecondVersionSaysWhoseDeviceItIs) {
  const auto message = message_of(
      second(group("a@a.example", key("2", Message2().text())) + group("b@b.example", key("3", Message2().text())))
          .text());
  constexpr std::uint32_t theirs[] = {2};
  constexpr std::uint32_t too[] = {3};
  EXPECT_FALSE(is_for_device_of(*message, "b@b.example", theirs, theirs)) << "the sender's own";
  EXPECT_TRUE(is_for_device_of(*message, "b@b.example", {}, too));
  EXPECT_TRUE(is_for_device_of(*message, "a@a.example", {}, theirs)) << "to oneself";
}

TEST(IsForDeviceOf, EitherVersionReaches) {
  const auto message = message_of(legacy(key("1", Signal().text())).text() +
                                  second(group("b@b.example", key("4", Message2().text()))).text());
  constexpr std::uint32_t first[] = {1};
  constexpr std::uint32_t fourth[] = {4};
  EXPECT_TRUE(is_for_device_of(*message, "b@b.example", first, {}));
  EXPECT_TRUE(is_for_device_of(*message, "b@b.example", {}, fourth));
  EXPECT_FALSE(is_for_device_of(*message, "b@b.example", fourth, first));
}

}  // namespace
}  // namespace valise::modules::omemo
