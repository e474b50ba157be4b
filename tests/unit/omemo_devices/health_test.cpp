// docs/sealed.md D13: which devices are reported, and which are well.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "modules/omemo_devices/health.hpp"

namespace valise::modules::omemo_devices {
namespace {

using testing::ElementsAre;

constexpr std::int64_t day = 24 * 3'600'000LL;
constexpr auto legacy = OmemoVersion::legacy;
constexpr HealthTerms terms{.now_ms = 20'000 * day, .signed_prekey_ms = 365 * day, .silent_ms = 90 * day};
constexpr auto now = terms.now_ms;

Device seen(std::int64_t ms, std::int64_t since_ms = now) {
  Device device{.id = 5, .state = State::let_in, .first_ms = 1, .seen_ms = ms, .resource = {}};
  device.of(legacy).signed_prekey = "ab";
  device.of(legacy).signed_prekey_ms = since_ms;
  return device;
}
PublishedKeys with(std::size_t prekeys, std::string mark = "ab", std::int64_t published_ms = now) {
  return {.prekeys = prekeys, .signed_prekey = std::move(mark), .published_ms = published_ms};
}
std::vector<std::string_view> problems(OmemoVersion version, const Device* known,
                                       const std::optional<PublishedKeys>& keys, const HealthTerms& how = terms) {
  const auto found = ailment_of(5, version, known, keys, how);
  return found ? found->problems : std::vector<std::string_view>();
}

TEST(Health, TheWellAreNotReported) {
  const auto device = seen(now - 89 * day, now - 364 * day);
  EXPECT_FALSE(ailment_of(5, legacy, &device, with(20), terms));
  EXPECT_FALSE(ailment_of(5, legacy, nullptr, with(100), terms));  // nothing is known but its keys
}

TEST(Health, KeysThatRunDryAreReportedByTheVersionsBound) {
  EXPECT_THAT(problems(legacy, nullptr, std::nullopt), ElementsAre("no-bundle"));
  EXPECT_THAT(problems(legacy, nullptr, with(19)), ElementsAre("few-prekeys"));
  EXPECT_THAT(problems(OmemoVersion::omemo_2, nullptr, with(24)), ElementsAre("few-prekeys"));
  EXPECT_FALSE(ailment_of(5, OmemoVersion::omemo_2, nullptr, with(25), terms));
}

TEST(Health, AnOldSignedPrekeyIsAsOldAsItIsAndNotAsItsLastPublication) {
  const auto device = seen(now, now - 365 * day);
  EXPECT_THAT(problems(legacy, &device, with(100)), ElementsAre("old-signed-prekey"));
  EXPECT_FALSE(ailment_of(5, legacy, &device, with(100, "other"), terms));  // it was replaced
  EXPECT_THAT(problems(legacy, nullptr, with(100, "ab", now - 365 * day)), ElementsAre("old-signed-prekey"));
}

TEST(Health, SilenceIsReportedAndWaiting) {
  auto device = seen(now - 90 * day);
  EXPECT_THAT(problems(legacy, &device, with(100)), ElementsAre("silent"));
  device.state = State::waiting;
  EXPECT_THAT(problems(legacy, &device, std::nullopt), ElementsAre("waiting", "no-bundle", "silent"));
}

TEST(Health, ATermOfNothingReportsNothing) {
  const auto device = seen(1, 1);
  EXPECT_FALSE(ailment_of(5, legacy, &device, with(100), {.now_ms = now}));
}

}  // namespace
}  // namespace valise::modules::omemo_devices
