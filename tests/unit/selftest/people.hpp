// Two devices; their keys are made once for all tests of a suite.
#pragma once

#include <gtest/gtest.h>

#include "selftest/device.hpp"

namespace valise::ctl::selftest {

inline std::unique_ptr<Device> device_of(const std::string& jid) {
  auto device = Device::make(jid);
  return device ? std::move(*device) : nullptr;
}

class TwoDevices : public testing::TestWithParam<Version> {
 protected:
  static void SetUpTestSuite() {
    alice = device_of("alice@example.org");
    bob = device_of("bob@example.org");
    ASSERT_TRUE(alice && bob);
  }
  static void TearDownTestSuite() {
    alice.reset();
    bob.reset();
  }
  static inline std::unique_ptr<Device> alice, bob;

  [[nodiscard]] static Version version() { return GetParam(); }
  // Alice begins a session with bob.
  static void begin() {
    const auto begun = alice->begin(version(), bob->jid(), bob->id(), bob->bundle(version()));
    ASSERT_TRUE(begun) << begun.error().text;
  }
};

inline std::string version_name(const testing::TestParamInfo<Version>& info) {
  return info.param == Version::legacy ? "legacy" : "omemo_2";
}

}  // namespace valise::ctl::selftest
