// docs/sealed.md D13: which devices of a published list others see, and what is news.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "modules/omemo_devices/known_devices.hpp"

namespace valise::modules::omemo_devices {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using What = KnownDevices::Keyed::What;

constexpr std::int64_t day = 24 * 3'600'000LL;
constexpr auto legacy = OmemoVersion::legacy;
constexpr auto omemo_2 = OmemoVersion::omemo_2;
constexpr Rules open_rules{.approval = Approval::none, .max_devices = 20};
constexpr Rules by_administrator{.approval = Approval::administrator, .max_devices = 20};
constexpr Rules by_rule{.approval = Approval::device, .max_devices = 20, .by_rule = true};
constexpr Rules by_device{.approval = Approval::device, .max_devices = 20};

Key key(unsigned char byte) {
  Key key{};
  key.fill(byte);
  return key;
}
pep::DeviceKeys keys(unsigned char identity, unsigned char signed_prekey = 1) {
  return {.identity = key(identity), .signed_prekey = key(signed_prekey)};
}

class Known : public testing::Test {
 protected:
  KnownDevices::Listed lists(const Ids& list, const Ids& before, const Rules& rules = open_rules) {
    return known.list_published(legacy, list, before, {}, rules, {.now_ms = now, .resource = "phone"});
  }
  KnownDevices::Keyed publishes(std::uint32_t id, const pep::DeviceKeys& what, const Rules& rules = open_rules,
                                std::array<bool, 2> listed = {}) {
    return known.keys_published(legacy, id, what, listed, rules, {.now_ms = now, .resource = "phone"});
  }
  State state(std::uint32_t id) { return known.find(id)->state; }

  KnownDevices known;
  std::int64_t now = 20'000 * day;
};

TEST_F(Known, AnOpenHostLetsAllIn) {
  const auto first = lists({5, 3}, {});
  EXPECT_THAT(first.shown, ElementsAre(5, 3));
  EXPECT_THAT(first.entered, ElementsAre(5, 3));
  EXPECT_THAT(first.waits, IsEmpty());
  EXPECT_EQ(known.find(5)->news, News::none);  // there was nobody to be told
  const auto again = lists({5, 3}, {5, 3});
  EXPECT_THAT(again.shown, ElementsAre(5, 3));
  EXPECT_THAT(again.entered, IsEmpty());
  EXPECT_THAT(again.changed, IsEmpty());
  const auto more = lists({5, 3, 9}, {5, 3});
  EXPECT_THAT(more.entered, ElementsAre(9));
  EXPECT_EQ(known.find(9)->news, News::device);
}

TEST_F(Known, WhatARuleMakesWaitWaitsUntilAnAdministratorLetsItIn) {
  EXPECT_THAT(lists({5}, {}, by_rule).waits, ElementsAre(5)) << "the first one, too";
  EXPECT_THAT(lists({5}, {}).shown, IsEmpty()) << "although the rule is gone";
  const auto stored = decode("5", encode(*known.find(5)));
  ASSERT_TRUE(stored);
  EXPECT_EQ(*stored, *known.find(5));
  EXPECT_TRUE(stored->by_rule);
  known.approve(*known.find(5));
  EXPECT_FALSE(known.find(5)->by_rule);
  EXPECT_THAT(lists({5}, {5}, by_rule).shown, ElementsAre(5)) << "it is let in";
  (void)publishes(5, keys(1), by_rule);
  EXPECT_EQ(state(5), State::let_in);
  EXPECT_TRUE(publishes(5, keys(2), by_rule, {true, false}).put_out);
  EXPECT_EQ(state(5), State::waiting);
  EXPECT_TRUE(known.find(5)->by_rule);
}

TEST_F(Known, WhoComesBackIsNoNews) {
  (void)lists({5, 3}, {});
  (void)lists({5}, {5, 3});
  now += 40 * day;
  const auto back = lists({5, 3}, {5});
  EXPECT_THAT(back.entered, IsEmpty());
  EXPECT_THAT(back.changed, ElementsAre(3));
  EXPECT_EQ(known.find(3)->seen_ms, now);
  EXPECT_EQ(known.find(5)->seen_ms, now - 40 * day);
  EXPECT_EQ(known.find(3)->news, News::none);
}

TEST_F(Known, WithAnAdministratorEachOneWaits) {
  const auto first = lists({5}, {}, by_administrator);
  EXPECT_THAT(first.shown, IsEmpty());
  EXPECT_THAT(first.waits, ElementsAre(5));
  EXPECT_THAT(known.kept_out(), ElementsAre(5));
  const auto again = lists({5}, {}, by_administrator);
  EXPECT_THAT(again.waits, IsEmpty());
  EXPECT_THAT(again.changed, IsEmpty());
  EXPECT_THAT(known.approve(*known.find(5)), ElementsAre(true, false));
  EXPECT_THAT(known.kept_out(), IsEmpty());
  EXPECT_THAT(lists({5}, {5}, by_administrator).shown, ElementsAre(5));
}

TEST_F(Known, WithDevicesTheFirstOfAllNeedsNobody) {
  const auto first = lists({5, 3}, {}, by_device);
  EXPECT_THAT(first.shown, ElementsAre(5));
  EXPECT_THAT(first.entered, ElementsAre(5));
  EXPECT_THAT(first.waits, ElementsAre(3));
  // Neither an empty list nor a revocation makes another one the first.
  (void)lists({}, {5}, by_device);
  EXPECT_THAT(lists({9}, {}, by_device).waits, ElementsAre(9));
  known.revoke(*known.find(5), {});
  EXPECT_THAT(lists({10}, {}, by_device).waits, ElementsAre(10));
}

TEST_F(Known, WhatWaitsIsLetInWhereNobodyApprovesAnyMore) {
  (void)lists({5}, {}, by_administrator);
  const auto now_open = lists({5}, {}, open_rules);
  EXPECT_THAT(now_open.shown, ElementsAre(5));
  EXPECT_THAT(now_open.entered, ElementsAre(5));
  EXPECT_FALSE(known.find(5)->of(legacy).named);
}

TEST_F(Known, ARevokedOneStaysOutUnderAnyRule) {
  (void)lists({5, 3}, {});
  known.revoke(*known.find(3), {true, false});
  for (const auto& rules : {open_rules, by_administrator, by_device}) {
    const auto again = lists({5, 3}, {5}, rules);
    EXPECT_THAT(again.shown, ElementsAre(5));
    EXPECT_THAT(again.waits, IsEmpty());
    EXPECT_EQ(state(3), State::revoked);
  }
}

TEST_F(Known, ARevocationThatIsTakenBackListsOnlyWhatHasKeys) {
  (void)publishes(3, keys(7));
  (void)lists({5, 3}, {});
  known.revoke(*known.find(3), {true, false});
  EXPECT_THAT(known.approve(*known.find(3)), ElementsAre(false, false));
  known.revoke(*known.find(3), {true, false});
  (void)publishes(3, keys(7));
  EXPECT_EQ(state(3), State::revoked);
  EXPECT_THAT(known.approve(*known.find(3)), ElementsAre(true, false));
}

TEST_F(Known, KeysAreFirstOnceAVersionAndThenTheSame) {
  EXPECT_EQ(publishes(3, keys(7)).what, What::first);
  EXPECT_EQ(state(3), State::heard_of);
  EXPECT_EQ(publishes(3, keys(7)).what, What::same);
  EXPECT_FALSE(publishes(3, keys(7)).changed);
  const auto other = known.keys_published(omemo_2, 3, keys(7), {}, open_rules, {.now_ms = now, .resource = "phone"});
  EXPECT_EQ(other.what, What::first);
  EXPECT_EQ(publishes(3, keys(8)).what, What::other);
  EXPECT_EQ(known.find(3)->identity, key(8));
}

TEST_F(Known, ASignedPrekeyHasItsAge) {
  (void)publishes(3, keys(7, 1));
  now += 10 * day;
  EXPECT_TRUE(publishes(3, keys(7, 1)).changed);  // seen on another day
  EXPECT_EQ(known.find(3)->of(legacy).signed_prekey_ms, now - 10 * day);
  EXPECT_TRUE(publishes(3, keys(7, 2)).changed);
  EXPECT_EQ(known.find(3)->of(legacy).signed_prekey_ms, now);
}

TEST_F(Known, OtherKeysAreNewsAndWaitWhereSomebodyApproves) {
  (void)lists({5, 3}, {});
  (void)publishes(3, keys(7));
  const auto open_host = publishes(3, keys(8), open_rules, {true, false});
  EXPECT_FALSE(open_host.put_out);
  EXPECT_EQ(known.find(3)->news, News::keys);
  const auto waits = publishes(3, keys(9), by_device, {true, false});
  EXPECT_TRUE(waits.put_out);
  EXPECT_EQ(state(3), State::waiting);
  EXPECT_THAT(known.approve(*known.find(3)), ElementsAre(true, false));
}

TEST_F(Known, TheOnlyDeviceHasNobodyWhoCouldApproveItsOtherKeys) {
  (void)lists({5}, {});
  (void)publishes(5, keys(7));
  EXPECT_FALSE(publishes(5, keys(8), by_device, {true, false}).put_out);
  EXPECT_EQ(known.find(5)->news, News::none);
  EXPECT_TRUE(publishes(5, keys(9), by_administrator, {true, false}).put_out);
}

TEST_F(Known, OtherKeysOfOneThatWaitsAreToldAnew) {
  lists({5}, {}, by_device);
  publishes(5, keys(1), by_device);
  lists({5, 9}, {5}, by_device);
  publishes(9, keys(2), by_device);
  EXPECT_EQ(known.find(9)->news, News::device);
  known.find(9)->news = News::none;  // they were told
  EXPECT_EQ(publishes(9, keys(3), by_device).what, What::other);
  EXPECT_EQ(known.find(9)->news, News::keys);
  EXPECT_EQ(state(9), State::waiting);
}

TEST_F(Known, WhoIsNewMakesRoomWhateverTheClockSays) {
  for (std::uint32_t id = 1; id <= max_heard_of; ++id) publishes(id, keys(1));
  now -= 10 * day;
  const auto keyed = publishes(100, keys(2));
  EXPECT_EQ(keyed.gone.size(), 1u);
  EXPECT_NE(known.find(100), nullptr);
}

TEST_F(Known, KeysThatGoAreFirstAgainLater) {
  (void)publishes(3, keys(7));
  (void)publishes(4, keys(7));
  EXPECT_THAT(known.keys_removed(legacy, 3), ElementsAre(3));
  EXPECT_THAT(known.keys_removed(legacy, 3), IsEmpty());
  EXPECT_THAT(known.keys_removed(legacy, 0), ElementsAre(4));
  EXPECT_EQ(publishes(3, keys(7)).what, What::first);
}

TEST_F(Known, TheOneSilentForLongestMakesRoom) {
  for (std::uint32_t id = 1; id <= max_heard_of; ++id) {
    now += 1;
    EXPECT_THAT(publishes(id, keys(7)).gone, IsEmpty());
  }
  EXPECT_THAT(publishes(1'000, keys(7)).gone, ElementsAre(1));
  EXPECT_EQ(known.all().size(), max_heard_of);
  EXPECT_EQ(known.find(1), nullptr);
}

TEST_F(Known, NoMoreWaitThanAListMayHold) {
  const Rules two{.approval = Approval::administrator, .max_devices = 2};
  (void)lists({1, 2}, {}, two);
  now += 1;
  const auto third = lists({3}, {}, two);
  EXPECT_THAT(third.waits, ElementsAre(3));
  EXPECT_THAT(third.gone, ElementsAre(1));
  now += 1;
  const auto many = lists({11, 12, 13}, {}, two);
  EXPECT_EQ(many.waits.size(), 2U);  // and of those that went nothing is recorded
  EXPECT_EQ(known.all().size(), 2U);
}

TEST_F(Known, RevokedAndListedOnesMakeNoRoom) {
  (void)lists({500}, {});
  known.revoke(*known.find(500), {true, false});
  Ids all;
  for (std::uint32_t id = 1; id <= max_unlisted + 20; ++id) {
    now += 1;
    (void)lists({id, 501}, all.empty() ? all : Ids{all.back(), 501});
    all.push_back(id);
  }
  EXPECT_NE(known.find(500), nullptr);
  EXPECT_NE(known.find(501), nullptr);
  EXPECT_EQ(known.find(1), nullptr);
  EXPECT_LE(known.all().size(), max_unlisted + 3);
}

TEST_F(Known, TheSilentLeaveButNeverAll) {
  (void)lists({1, 2, 3}, {});
  known.find(1)->seen_ms = now - 31 * day;
  known.find(2)->seen_ms = now - 29 * day;
  EXPECT_THAT(known.silent(Ids{1, 2, 3}, now, 30 * day), ElementsAre(1));
  EXPECT_THAT(known.silent(Ids{2, 3}, now, 30 * day), IsEmpty());  // who is in no list can't leave one
  EXPECT_THAT(known.silent(Ids{1, 2, 3}, now + 400 * day, 30 * day), ElementsAre(1, 2));
  EXPECT_THAT(known.silent(Ids{1}, now + 400 * day, 30 * day), IsEmpty());
  EXPECT_THAT(known.silent(Ids{}, now, 30 * day), IsEmpty());
}

TEST_F(Known, ARowSaysAllThatIsKnown) {
  Device device{.id = 27'183,
                .state = State::waiting,
                .news = News::device,
                .first_ms = 1'700'000'000'000,
                .seen_ms = 1'700'000'100'000,
                .resource = "a<b>\"c'&é",
                .identity = key(9),
                .in = {}};
  device.of(legacy) = {.named = true, .keys = true, .signed_prekey = "0102030405060708", .signed_prekey_ms = 5};
  EXPECT_EQ(decode("27183", encode(device)), device);
  const Device bare{.id = 1, .first_ms = 1, .seen_ms = 1, .resource = {}};
  EXPECT_EQ(decode("1", encode(bare)), bare);
}

TEST_F(Known, WhatIsNoRowIsNothing) {
  const Device device{.id = 1, .first_ms = 1, .seen_ms = 1, .resource = {}, .identity = key(9)};
  const auto row = encode(device);
  const auto with = [&row](std::string_view before, std::string_view after) {
    auto changed = row;
    const auto at = changed.find(before);
    EXPECT_NE(at, changed.npos) << before;
    return changed.replace(at, before.size(), after);
  };
  EXPECT_TRUE(decode("1", row));
  for (const auto name : {"0", "01", "-1", "x", "", "2147483648"}) EXPECT_FALSE(decode(name, row)) << name;
  for (const auto& value : {std::string(), std::string("<device"), std::string("<other/>"), with("heard-of", "emperor"),
                            with("first", "last"), with("0909", "xx09"), with("0909", "")}) {
    EXPECT_FALSE(decode("1", value)) << value;
  }
}

TEST_F(Known, PeopleSeeTheKeyAndTheLogItsHash) {
  Device device{.id = 1, .resource = {}};
  EXPECT_EQ(fingerprint(device), "");
  EXPECT_EQ(identity_hash(device), "");
  device.identity = key(0xab);
  EXPECT_EQ(fingerprint(device), "abababab abababab abababab abababab abababab abababab abababab abababab");
  // printf 'ab%.0s' $(seq 32) | xxd -r -p | sha256sum
  EXPECT_EQ(identity_hash(device), "9a2db2e23f1504cd056606553ac049c5e718e8f9ce9233876df1a7a1821af885");
}

}  // namespace
}  // namespace valise::modules::omemo_devices
