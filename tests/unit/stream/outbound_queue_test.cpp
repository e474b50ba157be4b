// XEP-0198 §4, §5: what was sent and not acknowledged.
#include "stream/outbound_queue.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace valise::stream {
namespace {

struct Note final : core::Custody {
  void settled(bool) override {}
  void stranded() override {}
  [[nodiscard]] std::uint64_t row() const override { return 0; }
};

core::Jid jid(std::string_view text) { return core::Jid::parse(text).value(); }

Outbound message(std::string id = "m") {
  auto made = core::make_message("chat", jid("alice@x/a"), jid("bob@x/b"), "<body/>");
  made->id = std::move(id);
  return {.stanza = std::move(made)};
}

Outbound presence(std::string_view from, std::string type = {}) {
  return {.stanza = core::make_presence(std::move(type), jid(from), jid("bob@x"))};
}

std::size_t send_all(OutboundQueue& queue) {
  std::size_t count = 0;
  while (queue.send_next() != nullptr) ++count;
  return count;
}

std::vector<std::string> ids(const OutboundQueue& queue) {
  std::vector<std::string> all;
  queue.each([&](const Outbound& one) { all.push_back(one.stanza->id); });
  return all;
}

TEST(OutboundQueue, KeepsWhatIsNotAcknowledgedAndSendsItAgainInOrder) {
  OutboundQueue queue;
  std::vector<core::Custody*> received;
  for (const auto* id : {"1", "2", "3"}) queue.push(message(id));
  EXPECT_EQ(send_all(queue), 3U);
  EXPECT_EQ(queue.acknowledge(1, received), OutboundQueue::Answer::good);
  queue.push(message("4"));  // it is detached: this one was never sent
  EXPECT_EQ(queue.unacknowledged(), 2U);
  EXPECT_EQ(queue.sent_count(), 3U);
  EXPECT_EQ(queue.acknowledge(2, received), OutboundQueue::Answer::good);
  queue.rewind();
  EXPECT_EQ(ids(queue), (std::vector<std::string>{"3", "4"}));
  EXPECT_EQ(queue.send_next()->stanza->id, "3");
  EXPECT_EQ(queue.send_next()->stanza->id, "4");
  EXPECT_EQ(queue.send_next(), nullptr);
  EXPECT_EQ(queue.sent_count(), 4U);
}

TEST(OutboundQueue, NamesTheCustodiesOfWhatWasAcknowledged) {
  OutboundQueue queue;
  Note one, two;
  std::vector<core::Custody*> received;
  for (auto* note : {&one, &two}) {
    auto entry = message();
    entry.custody = note;
    queue.push(std::move(entry));
    queue.push(message());
  }
  send_all(queue);
  EXPECT_EQ(queue.acknowledge(2, received), OutboundQueue::Answer::good);
  EXPECT_EQ(received, std::vector<core::Custody*>{&one});
  EXPECT_EQ(queue.take_all().front().custody, &two);
  EXPECT_EQ(queue.bytes(), 0U);
  EXPECT_EQ(queue.size(), 0U);
}

TEST(OutboundQueue, NobodyAcknowledgesWhatWasNotSent) {
  OutboundQueue queue;
  std::vector<core::Custody*> received;
  EXPECT_EQ(queue.acknowledge(0, received), OutboundQueue::Answer::good);
  for (const auto h : {1U, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
    EXPECT_EQ(queue.acknowledge(h, received), OutboundQueue::Answer::too_high) << h;
  }
  queue.push(message());
  EXPECT_EQ(queue.acknowledge(1, received), OutboundQueue::Answer::too_high) << "it waits unsent";
  send_all(queue);
  EXPECT_EQ(queue.acknowledge(2, received), OutboundQueue::Answer::too_high);
  EXPECT_EQ(queue.acknowledge(1, received), OutboundQueue::Answer::good);
  EXPECT_EQ(queue.acknowledge(0, received), OutboundQueue::Answer::good) << "said before";
  EXPECT_EQ(queue.sent_count(), 1U);
}

TEST(OutboundQueue, GoesRoundAfterTwoToThe32) {
  OutboundQueue queue((std::uint64_t{1} << 32) - 2);
  std::vector<core::Custody*> received;
  for (int i = 0; i < 4; ++i) queue.push(message());
  send_all(queue);
  EXPECT_EQ(queue.sent_count(), 2U);
  EXPECT_EQ(queue.acknowledge(3, received), OutboundQueue::Answer::too_high);
  EXPECT_EQ(queue.acknowledge(0xffffffffU, received), OutboundQueue::Answer::good);
  EXPECT_EQ(queue.unacknowledged(), 3U);
  EXPECT_EQ(queue.acknowledge(0xfffffff0U, received), OutboundQueue::Answer::good) << "said before";
  EXPECT_EQ(queue.unacknowledged(), 3U);
  EXPECT_EQ(queue.acknowledge(1, received), OutboundQueue::Answer::good);
  EXPECT_EQ(queue.unacknowledged(), 1U);
  EXPECT_EQ(queue.acknowledge(2, received), OutboundQueue::Answer::good);
  EXPECT_EQ(queue.size(), 0U);
}

TEST(OutboundQueue, FoldsPresenceThatWaitsAndNoOther) {
  OutboundQueue queue;
  queue.push(presence("carol@x/1"), true);
  send_all(queue);
  queue.push(presence("carol@x/1"), true);  // the first was sent
  queue.push(presence("carol@x/2"), true);
  queue.push(message(), true);
  queue.push(presence("carol@x/1", "subscribe"), true);
  EXPECT_EQ(queue.size(), 5U);
  const auto before = queue.bytes();
  queue.push(presence("carol@x/1", "unavailable"), true);
  EXPECT_EQ(queue.size(), 5U);
  EXPECT_NEAR(static_cast<double>(queue.bytes()), static_cast<double>(before), 1.0);
  const auto all = queue.take_all();
  EXPECT_EQ(all.back().stanza->type, "unavailable");
}

// Against a list of numbers, over reconnections and across 2^32.
TEST(OutboundQueue, IsWhatAListWouldSay) {
  std::mt19937 random(2);
  for (int round = 0; round < 100; ++round) {
    const std::uint64_t begin = round % 2 == 0 ? 0 : (std::uint64_t{1} << 32) - 500;
    OutboundQueue queue(begin);
    std::deque<std::string> model;
    std::uint64_t acknowledged = begin;
    std::size_t sent = 0;
    bool carried = true;
    for (int step = 0; step < 2'000; ++step) {
      std::vector<core::Custody*> received;
      const auto chance = random() % 100;
      if (chance < 60) {
        model.push_back(std::to_string(step));
        queue.push(message(model.back()));
        if (carried) {
          ASSERT_EQ(queue.send_next()->stanza->id, model.back());
          ++sent;
        }
      } else if (chance < 80 && carried) {
        const auto count = sent == 0 ? 0 : random() % (sent + 1);
        ASSERT_EQ(queue.acknowledge(static_cast<std::uint32_t>(acknowledged + count), received),
                  OutboundQueue::Answer::good);
        model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(count));
        acknowledged += count;
        sent -= count;
      } else if (chance < 90) {
        ASSERT_EQ(queue.acknowledge(static_cast<std::uint32_t>(acknowledged + sent + 1 + random() % 1000), received),
                  OutboundQueue::Answer::too_high);
      } else if (carried) {
        carried = false;
      } else {
        const auto count = sent == 0 ? 0 : random() % (sent + 1);
        ASSERT_EQ(queue.acknowledge(static_cast<std::uint32_t>(acknowledged + count), received),
                  OutboundQueue::Answer::good);
        model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(count));
        acknowledged += count;
        queue.rewind();
        for (const auto& id : model) ASSERT_EQ(queue.send_next()->stanza->id, id);
        sent = model.size();
        carried = true;
      }
      ASSERT_EQ(queue.size(), model.size());
      ASSERT_EQ(queue.unacknowledged(), sent);
      ASSERT_EQ(queue.sent_count(), static_cast<std::uint32_t>(acknowledged + sent));
    }
    ASSERT_EQ(ids(queue), std::vector<std::string>(model.begin(), model.end()));
  }
}

}  // namespace
}  // namespace valise::stream
