// `valisectl policy replay`: what the events of a metadata log would have become under a policy. Reads the log's files,
// asks no server.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "policy/policy_set.hpp"

namespace valise::ctl {

struct Replay {
  std::string folder;         // audit.path
  std::int64_t since_ns = 0;  // UTC; records before it are passed over
};

// The answer's members: "records" read, "events" of them that rules are asked about, of these "same", "newly_refused",
// "newly_allowed", "other_rule" and "undecidable"; what was passed over, by reason; "rules", a row each; "first",
// "last"; "not_held", the facts that no record holds. Errors: not_found, corrupt, unavailable (the log).
[[nodiscard]] Result<nlohmann::json> replay(policy::PolicySet& set, const Replay& what);

// For people.
[[nodiscard]] std::string shown_replay(const nlohmann::json& answer);

// "24h", "30m", "7d", or an XEP-0082 DateTime: nanoseconds UTC. Errors: invalid.
[[nodiscard]] Result<std::int64_t> since_of(const std::string& text, std::int64_t now_ns);

}  // namespace valise::ctl
