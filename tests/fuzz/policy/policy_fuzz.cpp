// A policy's source, then decisions over facts made from its bytes. What must hold: nothing crashes, every load and
// decision ends within its budget, and the same facts get the same decision from a second set.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/log.hpp"
#include "policy/policy_set.hpp"

namespace {

using namespace valise::policy;

Facts facts_from(std::string_view bytes, unsigned salt) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>(bytes.empty() ? 0 : bytes[(i + salt) % bytes.size()]);
  };
  Facts facts;
  facts.event = static_cast<Event>(byte(0) % event_names.size());
  facts.direction = static_cast<Direction>(byte(1) % 2);
  facts.from = {bytes.substr(0, byte(2)), bytes.substr(0, byte(3) / 2), bytes.substr(0, byte(4) / 8)};
  facts.to = {"bob@example.org", "example.org", ""};
  facts.type = bytes.substr(0, byte(5) % 12);
  facts.size = byte(6) * 1000u;
  facts.sealed = byte(7) % 2 == 0;
  facts.omemo = static_cast<Omemo>(byte(8) % 3);
  facts.keys = byte(9);
  facts.ip.known = byte(10) % 2 == 0;
  for (std::size_t i = 0; i < facts.ip.bytes.size(); ++i) facts.ip.bytes[i] = byte(11 + i);
  facts.minute_of_week = static_cast<std::uint16_t>(byte(12) * 39u);
  facts.now_ms = salt * 100;
  return facts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool quiet = (valise::log::open(valise::log::Level::error, "/dev/null"), true);
  (void)quiet;
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  PolicyOptions options;
  options.budgets.load_us = 20'000;
  options.budgets.heap = 4u << 20;
  options.budgets.call_instructions = 5'000;
  options.budgets.call_memory = 32u << 10;
  auto one = PolicySet::load(source, "f.lua", options);
  if (!one) {
    if (one.error().text.empty()) std::abort();
    return 0;
  }
  const auto other = PolicySet::load(source, "f.lua", options);
  for (unsigned salt = 0; salt < 4; ++salt) {
    const auto facts = facts_from(source, salt);
    const auto decision = (*one)->decide(facts);
    if (decision.verdict == Verdict::deny && (decision.text_fr.empty() || decision.error.condition.empty()))
      std::abort();
    if (decision.reason == Reason::policy_failed && decision.verdict != Verdict::deny) std::abort();
    if (!other) continue;  // a load near its time limit may end either way
    const auto again = (*other)->decide(facts);
    // Time is the one thing that two runs do not share; it can only turn a decision into a failure.
    if (decision.reason == Reason::policy_failed || again.reason == Reason::policy_failed) continue;
    if (decision.verdict != again.verdict && (*one)->counters().overruns == 0 && (*other)->counters().overruns == 0 &&
        source.find("pairs") == std::string_view::npos && source.find("next") == std::string_view::npos) {
      std::abort();
    }
  }
  (void)(*one)->describe();
  return 0;
}
