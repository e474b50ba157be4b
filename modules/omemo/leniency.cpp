#include "modules/omemo/leniency.hpp"

#include <fmt/core.h>

#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "modules/omemo/mode_options.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo {
namespace {

constexpr std::int64_t log_every_ms = 10'000;

core::Sealing sealing_of(const Holding& holding) {
  return {.mode = holding.mode, .looked_at = !holding.ordinary, .exempt = holding.exempt, .unsealed = {}};
}

// The code in the record of what passes: by what, and why it would not.
std::string code_of(const core::Sealing& sealing, std::string_view reason) {
  const auto* by = sealing.mode == Mode::warn ? "warned" : sealing.exempt ? "exempt" : "off";
  return fmt::format("{}:{}", by, reason);
}

}  // namespace

void Leniency::configure(const config::Snapshot& snapshot) {
  modes_.clear();
  for (const auto& host : snapshot.hosts()) modes_[host] = host_modes(snapshot, host);
  warn_of_missing_exempt(shard_, snapshot);
}

// The host of the sender counts; of a stranger's everything has to be sealed.
const HostModes& Leniency::modes_of(const core::Stanza& stanza) const {
  static const HostModes strict;
  const auto found = modes_.find(stanza.from.domain());
  return found == modes_.end() ? strict : found->second;
}

Holding Leniency::holding(const core::Stanza& stanza) const {
  const auto& modes = modes_of(stanza);
  const auto now_ms = modes.is_timed() ? utc_now_ms() : 0;
  return modes.of(stanza.from, stanza.to ? &*stanza.to : nullptr, now_ms);
}

core::Rules* Leniency::rules_about(bool arriving) const {
  auto* rules = shard_.service<core::Rules>();
  return rules != nullptr && rules->ask_about_unsealed(arriving) ? rules : nullptr;
}

Leniency::Look Leniency::look(core::Flow& flow) {
  flow.sealing = sealing_of(holding(*flow.stanza));
  if (flow.sealing.looked_at) return Look::whole;
  return rules_about(false) != nullptr ? Look::verdict : Look::none;
}

Leniency::Look Leniency::look_at_kept(const core::Stanza& kept) const {
  return holding(kept).ordinary ? Look::none : Look::whole;
}

core::Verdict Leniency::ask_rules(const core::UnsealedQuestion& question, std::vector<std::string>& tags,
                                  core::Sealing& sealing, std::string& rule) const {
  auto* rules = rules_about(question.arriving);
  if (rules == nullptr) return nullptr;
  auto answer = rules->ask(question, tags);
  if (answer.refusal) return std::move(answer.refusal);
  if (!answer.mode || *answer.mode == sealing.mode) return nullptr;
  if (*answer.mode > sealing.mode && !modes_of(question.stanza).laxer_rules) {
    const auto now_ms = shard_.loop().now_ms();
    if (logged_ms_ == 0 || now_ms - logged_ms_ >= log_every_ms) {
      logged_ms_ = now_ms;
      log::warning("omemo",
                   "rule \"{}\" asks for Seal(\"{}\"), which is less than what holds: sealed.rules does not allow it",
                   answer.rule, core::name_of(*answer.mode));
    }
    return nullptr;
  }
  sealing.mode = *answer.mode;
  sealing.exempt = false;
  sealing.looked_at = true;
  rule = std::move(answer.rule);
  return nullptr;
}

void Leniency::record_passed(core::Flow& flow) {
  describe(flow);
  auto record = flow.record;
  record.kind = core::audit::Kind::passed;
  record.verdict = core::audit::Outcome::delivered;
  shard_.record(std::move(record));
}

core::Verdict Leniency::decide(core::Flow& flow, core::Verdict refusal) {
  return settle(flow, std::move(refusal), false);
}

core::Verdict Leniency::decide_sealed(core::Flow& flow, core::Verdict refusal) {
  return settle(flow, std::move(refusal), true);
}

core::Verdict Leniency::settle(core::Flow& flow, core::Verdict refusal, bool sealed) {
  auto& stanza = *flow.stanza;
  auto sealing = sealing_of(holding(stanza));  // what a rule said of another reason is not of this one
  const auto holds = sealing;
  std::string rule;
  auto tags = flow.sender != nullptr ? flow.sender->tags : flow.tags;  // what rules add holds for this question
  const core::UnsealedQuestion question{.stanza = stanza,
                                        .sealing = holds,
                                        .reason = refusal->reason,
                                        .arriving = flow.recipient != nullptr,
                                        .sender = flow.sender,
                                        .language = flow.language};
  if (auto denied = ask_rules(question, tags, sealing, rule)) return denied;
  if (sealing.mode == Mode::required) {
    refusal->rule = std::move(rule);
    return refusal;
  }
  if (!sealing.looked_at) return nullptr;
  flow.sealing = std::move(sealing);
  if (!sealed) {
    flow.sealing.unsealed = refusal->reason;
    stanza.seal = {};  // what was read of it is not valid
  }
  if (flow.record.reason.find(':') == std::string::npos) {  // the first that let it pass, not what is only noted
    flow.record.reason = code_of(flow.sealing, refusal->reason);
    flow.record.rule = std::move(rule);
    if (stanza.kind == core::Kind::iq) record_passed(flow);  // which has no record of its own
  }
  if (flow.sealing.mode == Mode::warn) warn(flow, refusal->reason);
  return nullptr;
}

core::Verdict Leniency::decide_kept(const core::Stanza& kept, core::Verdict refusal) const {
  auto sealing = sealing_of(holding(kept));
  const auto holds = sealing;
  std::string rule;
  std::vector<std::string> tags;
  const core::UnsealedQuestion question{
      .stanza = kept, .sealing = holds, .reason = refusal->reason, .arriving = true, .sender = nullptr};
  if (auto denied = ask_rules(question, tags, sealing, rule)) return denied;
  return sealing.mode == Mode::required ? std::move(refusal) : nullptr;
}

// To the client that sent it, once a day and account: his account's home knows whether he was told.
void Leniency::warn(const core::Flow& flow, std::string_view reason) {
  const auto& stanza = *flow.stanza;
  if (stanza.kind != core::Kind::message || (stanza.to && !stanza.to->has_local())) return;
  const auto holds = holding(stanza);
  std::optional<std::int64_t> from_ms;
  if (holds.mode == Mode::warn && holds.until_ms) {
    const auto next = modes_of(stanza).of(stanza.from, stanza.to ? &*stanza.to : nullptr, *holds.until_ms);
    if (next.mode == Mode::required) from_ms = holds.until_ms;
  }
  auto text = warning_text(reason, from_ms, flow.language);
  if (flow.recipient == nullptr) return tell(stanza.from, text, flow.language);
  shard_.on_home(stanza.from.to_bare(), [sender = stanza.from, text = std::move(text), language = flow.language](
                                            core::Shard& there, core::Account* account) {
    auto* leniency = there.service<Leniency>();
    if (account != nullptr && leniency != nullptr) leniency->tell(sender, text, language);
  });
}

void Leniency::tell(const core::Jid& sender, const std::string& text, core::Language language) {
  if (!warned_.due(sender.bare(), shard_.loop().now_ms())) return;
  std::string body;
  xml::Writer(body).element("body", {}, text);
  auto message = core::make_message("chat", sender.to_domain(), sender, std::move(body));
  message->lang = core::tag_of(language);
  shard_.route(std::move(message));
}

}  // namespace valise::modules::omemo
