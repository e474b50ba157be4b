// What becomes of that which is not sealed as it has to be: refused, or let pass by the mode that holds, an exemption
// or a rule, with a record, and a warning to its sender (docs/sealed.md 3.6, D16). One object a shard.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/omemo/modes.hpp"
#include "modules/omemo/warnings.hpp"

namespace valise::modules::omemo {

class Leniency final {
 public:
  // How a stanza is to be looked at:
  //   what holds                       looked at  what is good      what would be refused
  //   required                         whole      written anew      is refused
  //   warn                             whole      written anew      passes as it came, `warned:`, its sender is told
  //   off by a group, exemption, rule  whole      written anew      passes as it came, `off:` or `exempt:`
  //   off by the host                  none       as it came        is not known; `verdict` where a rule may refuse it
  enum class Look : std::uint8_t {
    none,     // the host is an ordinary server
    verdict,  // the same, but a rule may want to refuse it: what is good stays as it came
    whole,    // what is good is written anew
  };

  explicit Leniency(core::Shard& shard) : shard_(shard) {}

  void configure(const config::Snapshot& snapshot);

  // At the stage `sealed`, of a message or of a request to another device. Sets flow.sealing.
  [[nodiscard]] Look look(core::Flow& flow);
  // It would be refused. Null: it passes; flow.sealing and the record say by what.
  [[nodiscard]] core::Verdict decide(core::Flow& flow, core::Verdict refusal);
  // The same of what is sealed, by a device or for devices that don't fit: it stays sealed.
  [[nodiscard]] core::Verdict decide_sealed(core::Flow& flow, core::Verdict refusal);

  // Of what was kept: how it is to be looked at now, and whether it passes though it would be refused.
  [[nodiscard]] Look look_at_kept(const core::Stanza& kept) const;
  [[nodiscard]] core::Verdict decide_kept(const core::Stanza& kept, core::Verdict refusal) const;

 private:
  [[nodiscard]] Holding holding(const core::Stanza& stanza) const;
  [[nodiscard]] const HostModes& modes_of(const core::Stanza& stanza) const;
  [[nodiscard]] core::Rules* rules_about(bool arriving) const;
  // What the rules want changes `sealing`. Otherwise their refusal.
  [[nodiscard]] core::Verdict ask_rules(const core::UnsealedQuestion& question, std::vector<std::string>& tags,
                                        core::Sealing& sealing, std::string& rule) const;
  [[nodiscard]] core::Verdict settle(core::Flow& flow, core::Verdict refusal, bool sealed);
  void record_passed(core::Flow& flow);
  void warn(const core::Flow& flow, std::string_view reason);
  void tell(const core::Jid& sender, const std::string& text, core::Language language);

  core::Shard& shard_;
  core::TextMap<HostModes> modes_;  // by host
  DailyWarnings warned_;            // of accounts whose home this shard is
  mutable std::int64_t logged_ms_ = 0;
};

}  // namespace valise::modules::omemo
