// docs/sealed.md D3: a header serves one payload, under one id and to one address.
#include "modules/omemo/replay.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "samples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;

constexpr std::int64_t hour_ms = 3'600'000;

struct Post {
  std::string account = "romeo@a.example", to = "juliet@a.example", id = "m1";
  std::int64_t now_ms = 1'000;
};

// "" if it may pass.
std::string sent(Replay& replay, std::string_view seals, const Post& post = {}) {
  const auto message = message_of(seals);
  const auto result = rebuild_message(*message);
  EXPECT_FALSE(result.refused) << result.detail;
  const auto* why = replay.check(post.account, post.to, post.id, result.seals(), post.now_ms);
  return why == nullptr ? "" : why;
}

std::string payload() { return "<payload>" + b64(noise(30)) + "</payload>"; }
std::string iv() { return "<iv>" + b64(noise(12)) + "</iv>"; }

Legacy with_keys(int count) {
  Legacy sample;
  sample.keys.clear();
  for (int i = 1; i <= count; ++i) sample.keys += key(std::to_string(i), Signal().text());
  return sample;
}

TEST(Replay, a_header_serves_one_payload) {
  for (const int keys : {1, 3, 4, 5, 40}) {
    Replay replay;
    auto sample = with_keys(keys);
    EXPECT_EQ(sent(replay, sample.text()), "");
    sample.payload = payload();
    sample.iv = iv();
    EXPECT_EQ(sent(replay, sample.text(), {.id = "m2"}), "a header that was used before") << keys;
    EXPECT_EQ(sent(replay, sample.text()), "a header that was used before") << "under its own id " << keys;
    EXPECT_EQ(sent(replay, with_keys(keys).text(), {.id = "m3"}), "") << keys;
  }
}

TEST(Replay, one_key_of_it_is_enough_wherever_it_stands) {
  Replay replay;
  const auto old = with_keys(1);
  EXPECT_EQ(sent(replay, old.text()), "");
  for (const int others : {1, 7, 100}) {
    auto sample = with_keys(others);
    const auto copied = "<key rid='4711'" + old.keys.substr(old.keys.find('>'));
    for (const auto& keys : {copied + sample.keys, sample.keys + copied}) {
      auto forged = sample;
      forged.keys = keys;
      EXPECT_EQ(sent(replay, forged.text(), {.id = "m2"}), "a header that was used before") << others;
    }
  }
}

TEST(Replay, the_same_message_may_come_again_and_again) {
  Replay replay;
  for (const auto& seal : {with_keys(3).text(), Second().text(), with_keys(2).text() + Second().text()}) {
    for (int i = 0; i < 4; ++i) EXPECT_EQ(sent(replay, seal), "") << i;
  }
  EXPECT_EQ(replay.devices(), 2u);
}

TEST(Replay, but_not_under_another_id_or_to_somebody_else) {
  Replay replay;
  for (const auto& seal : {with_keys(3).text(), Second().text()}) {
    EXPECT_EQ(sent(replay, seal), "");
    EXPECT_NE(sent(replay, seal, {.id = "m2"}), "");
    EXPECT_NE(sent(replay, seal, {.id = ""}), "");
    EXPECT_NE(sent(replay, seal, {.to = "tybalt@a.example"}), "");
    EXPECT_EQ(sent(replay, seal), "") << "what was refused changes nothing";
  }
}

TEST(Replay, without_id_or_payload_the_keys_alone_tell) {
  Replay replay;
  auto empty = with_keys(2);
  empty.payload.clear();
  EXPECT_EQ(sent(replay, empty.text(), {.id = ""}), "");
  EXPECT_EQ(sent(replay, empty.text(), {.id = ""}), "");
  EXPECT_EQ(sent(replay, empty.text(), {.id = "m2"}), "") << "twomemo's";
  EXPECT_NE(sent(replay, empty.text(), {.to = "tybalt@a.example", .id = ""}), "");
  empty.payload = payload();
  EXPECT_NE(sent(replay, empty.text(), {.id = ""}), "") << "a payload is added";
  auto full = with_keys(2);
  EXPECT_EQ(sent(replay, full.text()), "");
  full.payload.clear();
  EXPECT_NE(sent(replay, full.text()), "") << "it is taken away";
}

TEST(Replay, an_iv_is_used_once_by_a_device) {
  Replay replay;
  auto sample = with_keys(2);
  EXPECT_EQ(sent(replay, sample.text()), "");
  auto other = with_keys(2);
  other.iv = sample.iv;
  EXPECT_EQ(sent(replay, other.text(), {.id = "m2"}), "an iv that was used before");
  other.header_attributes = " sid='27184'";
  EXPECT_EQ(sent(replay, other.text(), {.id = "m2"}), "");
}

TEST(Replay, devices_and_accounts_have_their_own) {
  Replay replay;
  auto sample = with_keys(2);
  EXPECT_EQ(sent(replay, sample.text()), "");
  sample.payload = payload();
  EXPECT_EQ(sent(replay, sample.text(), {.account = "tybalt@a.example"}), "");
  sample.header_attributes = " sid='1'";
  EXPECT_EQ(sent(replay, sample.text()), "");
  EXPECT_EQ(replay.devices(), 3u);
}

TEST(Replay, of_two_seals_each_counts_and_a_refused_message_is_not_remembered) {
  Replay replay;
  auto legacy = with_keys(2);
  EXPECT_EQ(sent(replay, legacy.text() + Second().text()), "");
  const auto fresh = Second();
  legacy.payload = payload();
  legacy.iv = iv();
  EXPECT_NE(sent(replay, legacy.text() + fresh.text(), {.id = "m2"}), "");
  EXPECT_NE(sent(replay, fresh.text() + legacy.text(), {.id = "m2"}), "");
  EXPECT_EQ(sent(replay, fresh.text(), {.id = "m3"}), "");
}

TEST(Replay, it_remembers_256_messages_of_a_device) {
  Replay replay;
  auto first = with_keys(2);
  auto second = with_keys(2);
  EXPECT_EQ(sent(replay, first.text(), {.id = "first"}), "");
  EXPECT_EQ(sent(replay, second.text(), {.id = "second"}), "");
  for (std::size_t i = 2; i <= Replay::most; ++i) {
    EXPECT_EQ(sent(replay, with_keys(2).text(), {.id = std::to_string(i)}), "");
  }
  first.payload = second.payload = payload();
  EXPECT_EQ(sent(replay, second.text(), {.id = "n"}), "a header that was used before");
  EXPECT_EQ(sent(replay, first.text(), {.id = "n"}), "");
}

TEST(Replay, and_24_hours) {
  Replay replay;
  auto sample = with_keys(2);
  EXPECT_EQ(sent(replay, sample.text()), "");
  sample.payload = payload();
  EXPECT_NE(sent(replay, sample.text(), {.now_ms = 24 * hour_ms}), "");
  EXPECT_EQ(sent(replay, sample.text(), {.now_ms = 24 * hour_ms + 2'000}), "");
  // What is over makes room first, in the order of sending.
  for (int i = 0; i < 5; ++i) {
    const Post post{.id = std::to_string(i), .now_ms = (30 + 10 * i) * hour_ms};
    EXPECT_EQ(sent(replay, with_keys(1).text(), post), "");
  }
  auto last = with_keys(1);
  EXPECT_EQ(sent(replay, last.text(), {.id = "a", .now_ms = 71 * hour_ms}), "");
  EXPECT_EQ(sent(replay, with_keys(1).text(), {.id = "b", .now_ms = 94 * hour_ms}), "");
  last.payload = payload();
  EXPECT_NE(sent(replay, last.text(), {.id = "c", .now_ms = 94 * hour_ms}), "");
}

TEST(Replay, the_third_printable_iv_in_a_row_is_a_text) {
  auto send = [n = 0](Replay& replay, std::string_view twelve) mutable {
    auto sample = with_keys(1);
    sample.iv = "<iv>" + b64(twelve) + "</iv>";
    return sent(replay, sample.text(), {.id = std::to_string(++n)});
  };
  Replay replay;
  EXPECT_EQ(send(replay, "the merger i"), "");
  EXPECT_EQ(send(replay, "s on friday."), "");
  EXPECT_EQ(send(replay, "Burn this le"), "printable ivs in a row");
  EXPECT_EQ(send(replay, "Burn this\tle"), "printable ivs in a row");
  EXPECT_EQ(send(replay, noise(11) + '\x01'), "");
  EXPECT_EQ(send(replay, "Burn this le"), "");
  EXPECT_EQ(send(replay, "tter. xxxxxx"), "");
  EXPECT_NE(send(replay, "tter. yyyyyy"), "");
}

TEST(Replay, memory_is_bounded_and_the_quietest_device_makes_room) {
  Replay replay(40'000);
  const auto of_device = [&](int device, int message) {
    auto sample = with_keys(1);
    EXPECT_EQ(sent(replay, sample.text(), {.account = std::to_string(device), .id = std::to_string(message)}), "");
    EXPECT_LE(replay.memory(), 40'000u);
    return sample;
  };
  auto first = of_device(1, 0);
  auto second = of_device(2, 0);
  EXPECT_EQ(sent(replay, first.text(), {.account = "1", .id = "0"}), "") << "a re-send";
  for (int i = 0; i < 10; ++i) of_device(1, 1 + i);
  for (int device = 3; replay.devices() == static_cast<std::size_t>(device) - 1; ++device) of_device(device, 0);
  first.payload = second.payload = payload();
  EXPECT_NE(sent(replay, first.text(), {.account = "1", .id = "n"}), "");
  EXPECT_EQ(sent(replay, second.text(), {.account = "2", .id = "n"}), "");
  for (std::size_t i = 0; i < 3 * Replay::most; ++i) of_device(1, static_cast<int>(i));
  EXPECT_GE(replay.devices(), 1u);
}

TEST(Replay, an_account_that_makes_devices_up_makes_none_of_others_forgotten) {
  Replay replay;
  const auto of_device = [&](const std::string& account, std::size_t device) {
    auto sample = with_keys(1);
    sample.header_attributes = " sid='" + std::to_string(device + 1) + "'";
    EXPECT_EQ(sent(replay, sample.text(), {.account = account}), "");
    return sample;
  };
  auto juliets = of_device("juliet@a.example", 0);
  auto first = of_device("romeo@a.example", 0);
  auto second = of_device("romeo@a.example", 1);
  for (std::size_t device = 2; device <= Replay::most_devices; ++device) of_device("romeo@a.example", device);
  EXPECT_EQ(replay.devices(), 1 + Replay::most_devices);
  juliets.payload = first.payload = second.payload = payload();
  EXPECT_NE(sent(replay, juliets.text(), {.account = "juliet@a.example"}), "");
  EXPECT_NE(sent(replay, second.text()), "");
  EXPECT_EQ(sent(replay, first.text()), "") << "the first of its own";
  EXPECT_EQ(replay.devices(), 1 + Replay::most_devices);
}

TEST(Replay, one_device_takes_less_than_20_kib) {
  Replay replay;
  for (std::size_t i = 0; i < 2 * Replay::most; ++i) {
    EXPECT_EQ(sent(replay, with_keys(1).text(), {.id = std::to_string(i)}), "");
  }
  EXPECT_LE(replay.memory(), 20u * 1'024);
}

}  // namespace
}  // namespace valise::modules::omemo
