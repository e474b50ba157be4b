// libomemo-c with our callbacks: sessions in both versions, and what must not open.
#include "people.hpp"

namespace valise::ctl::selftest {
namespace {

class DeviceTest : public TwoDevices {};

TEST_P(DeviceTest, HasABundleOfItsVersion) {
  const auto& bundle = alice->bundle(version());
  const bool legacy = version() == Version::legacy;
  EXPECT_EQ(bundle.identity_key.size(), legacy ? 33U : 32U);
  EXPECT_EQ(bundle.signed_prekey.size(), legacy ? 33U : 32U);
  EXPECT_EQ(bundle.signature.size(), 64U);
  ASSERT_EQ(bundle.prekeys.size(), 100U);
  for (const auto& [id, key] : bundle.prekeys) {
    EXPECT_GE(id, 1U);
    EXPECT_EQ(key.size(), bundle.signed_prekey.size());
    if (legacy) {
      EXPECT_EQ(key[0], 5);
    }
  }
  EXPECT_GE(alice->id(), 1U);
  EXPECT_LE(alice->id(), 2'147'483'646U);
}

TEST_P(DeviceTest, ExchangesMessagesBothWays) {
  const auto before = bob->prekeys_left(version());
  begin();
  const auto first = alice->seal(version(), bob->jid(), bob->id(), "Bonjour");
  ASSERT_TRUE(first);
  ASSERT_EQ(first->keys.size(), 1U);
  EXPECT_TRUE(first->keys[0].begins);
  EXPECT_EQ(bob->open(version(), alice->jid(), *first).value_or("closed"), "Bonjour");
  EXPECT_EQ(bob->prekeys_left(version()), before - 1) << "a prekey serves once";

  const auto answer = bob->seal(version(), alice->jid(), alice->id(), "Bonsoir");
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->keys[0].begins);
  EXPECT_EQ(alice->open(version(), bob->jid(), *answer).value_or("closed"), "Bonsoir");

  const auto next = alice->seal(version(), bob->jid(), bob->id(), "Bonne nuit");
  ASSERT_TRUE(next);
  EXPECT_FALSE(next->keys[0].begins) << "the answer confirmed the session";
  EXPECT_EQ(bob->open(version(), alice->jid(), *next).value_or("closed"), "Bonne nuit");
}

TEST_P(DeviceTest, OpensNothingThatWasAltered) {
  begin();
  const auto sealed = alice->seal(version(), bob->jid(), bob->id(), "Bonjour");
  ASSERT_TRUE(sealed);
  auto payload = *sealed;
  payload.payload[3] ^= 1;
  const auto mac = sealed->keys[0].bytes.size() - (version() == Version::legacy ? 20 : 5);
  auto key = *sealed;
  key.keys[0].bytes[mac] ^= 1;
  auto cut = *sealed;
  cut.keys[0].bytes.resize(40);
  auto empty = *sealed;
  empty.keys[0].bytes.clear();
  for (const auto* bent : {&key, &cut, &empty}) EXPECT_FALSE(bob->open(version(), alice->jid(), *bent));
  EXPECT_FALSE(bob->open(version(), alice->jid(), payload)) << "the last: its key is good and is used up";
}

TEST_P(DeviceTest, OpensNothingThatIsForAnother) {
  begin();
  auto sealed = alice->seal(version(), bob->jid(), bob->id(), "Bonjour");
  ASSERT_TRUE(sealed);
  sealed->keys[0].device = bob->id() == 1 ? 2 : 1;
  EXPECT_FALSE(bob->open(version(), alice->jid(), *sealed));
  sealed->keys.clear();
  EXPECT_FALSE(bob->open(version(), alice->jid(), *sealed));
}

TEST_P(DeviceTest, BeginsNoSessionWithASignatureThatDoesNotHold) {
  auto bundle = bob->bundle(version());
  bundle.signature[5] ^= 1;
  const auto begun = alice->begin(version(), bob->jid(), bob->id(), bundle);
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().condition, "omemo");
  EXPECT_NE(begun.error().text.find("a key or its signature does not hold"), std::string::npos) << begun.error().text;
}

TEST_P(DeviceTest, BeginsNoSessionWithKeysThatAreNone) {
  for (const auto part : {&Bundle::identity_key, &Bundle::signed_prekey}) {
    auto bundle = bob->bundle(version());
    (bundle.*part).pop_back();
    EXPECT_FALSE(alice->begin(version(), bob->jid(), bob->id(), bundle));
  }
  auto bundle = bob->bundle(version());
  for (auto& prekey : bundle.prekeys) prekey.key += 'x';
  EXPECT_FALSE(alice->begin(version(), bob->jid(), bob->id(), bundle));
  bundle.prekeys.clear();
  EXPECT_FALSE(alice->begin(version(), bob->jid(), bob->id(), bundle));
}

// Whose bundle was read is known by its identity key: another one that writes in his name is refused.
TEST_P(DeviceTest, KnowsWhomItReadFromTheBundle) {
  const auto mallory = device_of(alice->jid());
  const auto reader = device_of("carol@example.org");
  ASSERT_TRUE(mallory && reader);
  ASSERT_TRUE(reader->trust(version(), alice->jid(), mallory->id(), alice->bundle(version())));
  ASSERT_TRUE(mallory->begin(version(), reader->jid(), reader->id(), reader->bundle(version())));
  const auto sealed = mallory->seal(version(), reader->jid(), reader->id(), "Bonjour");
  ASSERT_TRUE(sealed);
  const auto opened = reader->open(version(), alice->jid(), *sealed);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().text.find("identity key"), std::string::npos) << opened.error().text;
}

// libomemo-c tells its callbacks no version: the two have stores of their own.
TEST(Device, KeepsTheSessionsOfBothVersionsApart) {
  const auto alice = device_of("alice@example.org");
  const auto bob = device_of("bob@example.org");
  ASSERT_TRUE(alice && bob);
  for (const auto version : versions) {
    ASSERT_TRUE(alice->begin(version, bob->jid(), bob->id(), bob->bundle(version)));
  }
  for (const auto version : versions) {
    const auto sealed = alice->seal(version, bob->jid(), bob->id(), name_of(version));
    ASSERT_TRUE(sealed);
    EXPECT_EQ(bob->open(version, alice->jid(), *sealed).value_or("closed"), name_of(version));
  }
}

INSTANTIATE_TEST_SUITE_P(BothVersions, DeviceTest, testing::ValuesIn(versions), &version_name);

}  // namespace
}  // namespace valise::ctl::selftest
