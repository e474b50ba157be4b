// What a decision asks for beside its verdict.
#pragma once

#include "core/flow.hpp"
#include "core/shard.hpp"
#include "policy/policy_set.hpp"

namespace valise::modules {

// Strip, Record, Quiet, Delay, Disconnect, Unsubscribe, for a stanza. `refused`, if it does not go on: only what ends
// is left to do, the session once its user has the error, or the subscription. What is stripped is taken from a new
// stanza: others may hold the one that came.
void carry_out(core::Shard& shard, core::Flow& flow, const policy::Decision& decision, core::Refusal* refused);

// Notify: a message of the host to each of its administrators, in the next turn.
void tell_administrators(core::Shard& shard, const policy::Facts& facts, const policy::Decision& decision);

// The same of a rule that failed: `why` says file and line.
void tell_of_failure(core::Shard& shard, const policy::Facts& facts, std::string_view rule, const std::string& why);

}  // namespace valise::modules
