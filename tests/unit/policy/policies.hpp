#pragma once

#include <gmock/gmock.h>

#include <lua.hpp>

#include "policy/policy_set.hpp"

namespace valise::policy::test {

inline std::unique_ptr<PolicySet> loaded(std::string_view source, const PolicyOptions& options = {}) {
  auto set = PolicySet::load(source, "p.lua", options);
  EXPECT_TRUE(set) << set.error().message();
  return set ? std::move(*set) : nullptr;
}

// The error of loading, or "".
inline std::string fault(std::string_view source) {
  const auto set = PolicySet::load(source, "p.lua");
  return set ? std::string() : set.error().message();
}

// alice at home writes to bob, sealed, on Monday at 10:30.
inline Facts message() {
  Facts facts;
  facts.event = Event::message;
  facts.direction = Direction::out;
  facts.host = "example.org";
  facts.from = {"alice@example.org", "example.org", "phone"};
  facts.to = {"bob@example.org", "example.org", ""};
  facts.type = "chat";
  facts.size = 900;
  facts.sealed = true;
  facts.omemo = Omemo::legacy;
  facts.sid = 27183;
  facts.keys = 3;
  facts.ip = *IpAddress::parse("192.0.2.7");
  facts.mechanism = "SCRAM-SHA-256";
  facts.tls = "1.3";
  facts.language = "fr";
  facts.minute_of_week = 10 * 60 + 30;
  facts.now_ms = 1'000'000;
  return facts;
}

// Whether a rule with this matcher denies `facts`.
inline bool matches(const std::string& matcher, const Facts& facts = message()) {
  const auto set = loaded("rule{ name = 'r', match = " + matcher + ", action = Deny('forbidden') }");
  if (!set) return false;
  const auto decision = set->decide(facts);
  EXPECT_NE(decision.reason, Reason::policy_failed) << set->last_error();
  return decision.verdict == Verdict::deny;
}

}  // namespace valise::policy::test
