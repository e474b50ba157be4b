// The way of a sealed message through its checks takes no memory, however many keys it has.
#include "../count_allocations.hpp"

#include <gtest/gtest.h>

#include "modules/omemo/replay.hpp"
#include "samples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;

#ifdef COUNTS_ALLOCATIONS

std::string legacy_of(int devices, std::size_t payload) {
  Legacy sample;
  sample.keys.clear();
  for (int i = 1; i <= devices; ++i) sample.keys += key(std::to_string(i), Signal().text());
  sample.payload = "<payload>" + b64(noise(payload)) + "</payload>";
  return sample.text();
}

std::string second_of(int devices) {
  std::string one, other;
  for (int i = 1; i <= devices; ++i) {
    (i % 2 == 0 ? one : other) += key(std::to_string(i), Message2().text());
  }
  Second sample;
  sample.groups = "<keys jid='juliet@a.example'>" + one + "</keys><keys jid='romeo@a.example'>" + other + "</keys>";
  return sample.text();
}

std::string prekeys() {
  PreKeySignal message;
  std::string keys;
  for (int i = 1; i <= 4; ++i) {
    message.message = bytes(4, Signal().text());
    keys += key(std::to_string(i), message.text(), " prekey='true'");
  }
  Legacy sample;
  sample.keys = keys;
  return sample.text();
}

std::size_t taken_by(const core::Stanza& message, Replay& replay) {
  std::size_t before = 0;
  for (int i = 0; i < 2; ++i) {  // the first time the thread's own tables grow
    before = allocations;
    Envelope envelope;
    const auto* why = check_envelope(message.payload(), {}, parties_of(message), envelope);
    EXPECT_EQ(why, nullptr) << why;
    EXPECT_EQ(replay.check(message.from.bare(), message.to->full(), message.id, {&envelope, 1}, 1'000), nullptr);
  }
  return allocations - before;
}

TEST(Allocation, a_seal_is_checked_without_any) {
  Replay replay;
  for (const auto& seal :
       {legacy_of(3, 30), legacy_of(100, 30), legacy_of(1'000, 65'536), second_of(3), second_of(100), prekeys()}) {
    EXPECT_EQ(taken_by(*message_of(seal), replay), 0u) << seal.substr(0, 200);
  }
}

TEST(Allocation, and_a_device_that_has_sent_much_takes_no_more) {
  Replay replay;
  for (std::size_t i = 0; i <= Replay::most; ++i) {
    const auto message = message_of(legacy_of(3, 30));
    Envelope envelope;
    ASSERT_EQ(check_envelope(message->payload(), {}, parties_of(*message), envelope), nullptr);
    const std::size_t before = allocations;
    ASSERT_EQ(replay.check("romeo@a.example", "juliet@a.example", "m1", {&envelope, 1}, 1'000), nullptr);
    EXPECT_TRUE(i < Replay::most || allocations == before);
  }
}

#endif

}  // namespace
}  // namespace valise::modules::omemo
