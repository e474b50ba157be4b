// What rules may ask of accounts, sessions and contact lists beside the stanza itself: looked up only where some rule
// asks. One object a shard.
#pragma once

#include <vector>

#include "core/flow.hpp"
#include "core/shard.hpp"
#include "modules/omemo_devices/devices.hpp"
#include "policy/policy_set.hpp"

namespace valise::modules {

class Surroundings {
 public:
  explicit Surroundings(core::Shard& shard) : shard_(shard) {}
  // Of a stanza whose addresses the facts have. Views live until the next call, or as long as the flow.
  void fill(policy::Facts& facts, const core::Flow& flow, const core::Jid* to, const policy::PolicySet& rules);
  // The same of a message that `sender` has not written.
  void fill(policy::Facts& facts, const core::Session& sender, const core::Jid& to, const policy::PolicySet& rules);
  // Whether the two are of this server, and administer the host; `to` may be null.
  void fill_parties(policy::Facts& facts, const core::Jid& from, const core::Jid* to, const policy::PolicySet& rules);

 private:
  void fill_relation(policy::Facts& facts, const core::Account& account, const core::Jid& other,
                     const policy::PolicySet& rules) const;
  void fill_sender(policy::Facts& facts, const core::Session& sender, const policy::PolicySet& rules) const;

  core::Shard& shard_;
  std::vector<policy::ElementName> children_;  // of the running decision
};

}  // namespace valise::modules
