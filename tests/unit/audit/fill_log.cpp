// fill_log FOLDER RECORDS [HOURS]: a log as a day of a thousand people leaves it: mostly sealed messages, some
// presence, log-ins and refusals, spread evenly over the hours before now (24). The same arguments give the same
// people.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <fmt/core.h>

#include "base/clock.hpp"
#include "core/audit/log.hpp"

namespace {

using namespace valise;
using namespace valise::core::audit;

constexpr std::size_t people = 1000;
constexpr std::size_t batch = 4096;

std::string person(std::size_t number) {
  return fmt::format("user{}@{}", number % people, number % 10 == 0 ? "guests.example" : "example.org");
}

std::vector<Ref<const Origin>> origins() {
  std::vector<Ref<const Origin>> out;
  for (std::size_t i = 0; i < people; ++i) {
    const auto jid = person(i);
    const auto session = fmt::format("{:016x}", i + 1), source = fmt::format("10.{}.{}.7:5{:04}", i / 256, i % 256, i);
    out.push_back(make_ref<Origin>(Origin::Members{.jid = jid,
                                                   .resource = "phone",
                                                   .session = session,
                                                   .source = source,
                                                   .tls = "TLSv1.3",
                                                   .cipher = "TLS_AES_256_GCM_SHA384",
                                                   .mechanism = "SCRAM-SHA-512-PLUS"}));
  }
  return out;
}

Record record(std::uint64_t number, const std::vector<Ref<const Origin>>& who) {
  Record made;
  const auto sender = number * 7919 % people;
  made.id = number + 1;
  made.origin = who[sender];
  if (number % 50 == 0) {
    made.kind = Kind::login;
    return made;
  }
  made.recipient = person(number * 104'729 % people + number % 13);
  made.stanza_id = fmt::format("{:08x}-0000-4000-8000-{:012x}", number * 2'654'435'761u % 0xffffffffu, number);
  made.size = static_cast<std::uint32_t>(400 + number * 31 % 3000);
  if (number % 10 == 1) {
    made.kind = Kind::presence;
    made.type = number % 100 == 1 ? StanzaType::subscribe : StanzaType::none;
    return made;
  }
  made.type = StanzaType::chat;
  made.encryption = number % 3 == 0 ? Encryption::omemo2 : Encryption::legacy;
  made.sender_device = static_cast<std::uint32_t>(1000 + sender);
  made.recipient_keys = static_cast<std::uint32_t>(2 + number % 7);
  made.verdict = number % 4 == 0 ? Outcome::stored : Outcome::delivered;
  if (number % 200 == 3) {
    made.kind = Kind::denied;
    made.verdict = Outcome::refused;
    made.reason = number % 400 == 3 ? "policy" : "plaintext";
    if (number % 400 == 3) made.rule = "an earlier rule";
  }
  return made;
}

int fill(const std::string& folder, std::uint64_t count, std::int64_t hours) {
  auto log = Log::open({.folder = folder, .settle_ms = 3'600'000});
  if (!log) return std::fprintf(stderr, "fill_log: %s\n", log.error().text.c_str()), 1;
  const auto who = origins();
  const auto span_ns = hours * 3'600'000'000'000, end_ns = utc_now_ns();
  for (std::uint64_t done = 0; done < count;) {
    std::vector<Record> records;
    for (; records.size() < batch && done < count; ++done) {
      records.push_back(record(done, who));
      records.back().time_ns = end_ns - span_ns +
                               static_cast<std::int64_t>(static_cast<double>(done) / static_cast<double>(count) *
                                                         static_cast<double>(span_ns));
    }
    std::vector<const Record*> pointers;
    for (const auto& one : records) pointers.push_back(&one);
    if (auto written = (*log)->append(pointers); !written)
      return std::fprintf(stderr, "fill_log: %s\n", written.error().text.c_str()), 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "fill_log FOLDER RECORDS [HOURS]\n"), 2;
  return fill(argv[1], std::strtoull(argv[2], nullptr, 10), argc > 3 ? std::strtoll(argv[3], nullptr, 10) : 24);
}
