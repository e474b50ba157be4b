// Sealed only (XEP-0384 as a rule): no user content passes unencrypted. One idea: nothing is filtered, everything is
// rebuilt from an allow-list, so that what the table does not name does not exist behind this room.
#include "modules/omemo/omemo.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/log.hpp"
#include "core/namespaces.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/omemo/allow_list.hpp"
#include "modules/omemo/client_hints.hpp"
#include "modules/omemo/cut.hpp"
#include "modules/omemo/departures.hpp"
#include "modules/omemo/leniency.hpp"
#include "modules/omemo/mode_options.hpp"
#include "modules/omemo/questions.hpp"
#include "modules/omemo/replay.hpp"
#include "modules/omemo/table/options.hpp"
#include "modules/omemo/values.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace {
using namespace omemo;

config::Choice<Check> check_option(std::string_view name, std::string_view reason) {
  config::Declaration<std::string_view> declared{name, "enforce", reason};
  declared.scope = config::Scope::host;
  declared.reload = config::Reload::live;
  return {std::move(declared), {{"enforce", Check::enforce}, {"record", Check::record}, {"off", Check::off}}};
}
const auto sid_option = check_option(
    "sealed.sid", "whether the sending device has to be in its account's device list; record: only said in the log");
const auto identity_option = check_option(
    "sealed.identity", "whether sessions have to begin with the identity key that the device has published");
const auto recipients_option =
    check_option("sealed.recipients", "whether a message has to be sealed for a listed device of its recipient");

constexpr std::int64_t notice_every_ms = 3'600'000;
constexpr std::size_t notices_kept = 10'000;

// docs/sealed.md D3. Null: it is none.
const char* replay_of(Replay& replay, const core::Stanza& stanza, std::span<const Envelope> seals,
                      std::int64_t now_ms) {
  const auto account = stanza.from.bare();
  return replay.check(account, stanza.to ? stanza.to->full() : account, stanza.id, seals, now_ms);
}

// Written anew from the allow-list (null), or refused and as it came. `replay`: null for what was sent earlier, and
// looked at then.
core::Verdict rewrite_or_refuse(core::Stanza& stanza, core::Switches switches, Replay* replay, std::int64_t now_ms) {
  canonicalise(stanza);
  if (stanza.is_error()) {
    stanza.rewrite(rebuild_error(stanza));
    return nullptr;
  }
  if (stanza.kind == core::Kind::presence) {
    stanza.rewrite(rebuild_presence(stanza, switches));
    return nullptr;
  }
  auto rebuilt = rebuild_message(stanza, switches);
  stanza.seal = rebuilt.seal;
  if (!rebuilt.refused && replay != nullptr) {
    if (const auto* why = replay_of(*replay, stanza, rebuilt.seals(), now_ms)) {
      rebuilt.detail = why;
      rebuilt.refused = Reason::malformed;
    }
  }
  if (!rebuilt.detail.empty()) log::debug("omemo", "a seal of {}: {}", stanza.from.bare(), rebuilt.detail);
  if (rebuilt.refused) return refuse(*rebuilt.refused);
  stanza.rewrite(std::move(rebuilt.children));
  return nullptr;
}

class Omemo final : public core::Module, public core::SealedContent {
 public:
  explicit Omemo(core::Shard& shard)
      : shard_(shard), leniency_(shard), departures_(shard, [this](core::Flow& flow, Reason reason) {
          return leniency_.decide_sealed(flow, refuse(reason));
        }) {}

  void start(core::Registrar& registrar) override {
    registrar.at(core::Stage::sealed, core::Kind::message, [this](core::Flow& flow) { return message(flow); });
    registrar.at(core::Stage::sealed, core::Kind::presence, [this](core::Flow& flow) { return presence(flow); });
    registrar.at(core::Stage::sealed, core::Kind::iq, [this](core::Flow& flow) { return request(flow); });
    registrar.at(core::Stage::blocking, core::Kind::iq, [this](core::Flow& flow) { return answer(flow); });
    registrar.at(core::Stage::blocking, core::Kind::message, [this](core::Flow& flow) { return still_passes(flow); });
    registrar.at(core::Stage::blocking, core::Kind::message, [this](core::Flow& flow) { return address(flow); });
    for (const auto kind : {core::Kind::message, core::Kind::iq}) {
      registrar.at(core::Stage::blocking, kind, [this](core::Flow& flow) { return recipients(flow); });
    }
    registrar.departures([this](core::Session& session, core::Flow& flow) {
      return flow.sealing.looked_at && departures_.take(session, flow, checks(*flow.stanza));
    });
    questions_slot_ = registrar.session_part();
    shard_.publish<core::SealedContent>(*this);
    shard_.publish<Leniency>(leniency_);
    replay_.limit(Replay::process_memory / std::max<std::size_t>(shard_.kernel().shards.size(), 1));
  }

  void configure(const config::Snapshot& snapshot) override {
    leniency_.configure(snapshot);
    checks_.clear();
    for (const auto& host : snapshot.hosts()) {
      checks_[host] = {.sid = snapshot.get(sid_option, host),
                       .identity = snapshot.get(identity_option, host),
                       .recipients = snapshot.get(recipients_option, host)};
    }
  }

  core::Verdict recheck(core::Stanza& kept) const override {
    const bool by_service = !kept.from.has_local() && shard_.host(kept.from.domain()) != nullptr;  // Shard::say
    if (by_service) return nullptr;
    if (kept.kind == core::Kind::presence)
      return has_sealed_host(kept) ? rewrite_or_refuse(kept, switches(kept), nullptr, 0) : nullptr;
    if (leniency_.look_at_kept(kept) == Leniency::Look::none) return nullptr;
    const auto* host = shard_.host(kept.from.domain());
    kept.label = core::label_of_kept(kept.root(), host == nullptr ? nullptr : host->labels.get());
    const auto id = kept.id;
    auto refusal = rewrite_or_refuse(kept, switches(kept), nullptr, 0);
    if (!refusal) return nullptr;
    refusal = leniency_.decide_kept(kept, std::move(refusal));
    if (!refusal) {  // it passes as it came
      kept.id = id;
      kept.seal = {};
    }
    return refusal;
  }

 private:
  [[nodiscard]] bool has_sealed_host(const core::Stanza& stanza) const {
    const auto* host = shard_.host(stanza.from.domain());
    return host == nullptr || host->sealed;
  }
  [[nodiscard]] core::Switches switches(const core::Stanza& stanza) const {
    const auto* host = shard_.host(stanza.from.domain());
    return host == nullptr ? core::Switches() : host->switches;
  }

  core::Verdict message(core::Flow& flow) {
    auto& stanza = *flow.stanza;
    const auto look = leniency_.look(flow);
    if (look == Leniency::Look::none) return nullptr;
    core::Verdict refusal;
    if (look == Leniency::Look::verdict) {
      const auto refused = stanza.is_error() ? std::nullopt : rebuild_message(stanza, switches(stanza)).refused;
      if (refused) refusal = refuse(*refused);
    } else {
      auto wrong = is_token(stanza.id) ? std::string() : stanza.id;  // which does not pass
      refusal = rewrite_or_refuse(stanza, switches(stanza), &replay_, shard_.loop().now_ms());
      if (refusal && !wrong.empty()) stanza.id = std::move(wrong);  // RFC 6120 §8.3.1: by it the sender knows which one
    }
    if (refusal) refusal = leniency_.decide(flow, std::move(refusal));
    if (refusal && refusal->reason == code_of(Reason::plaintext)) {
      refusal->error.text = text_for_client(client_of(flow));
      add_notice(flow, *refusal);
    }
    const bool rewritten = look == Leniency::Look::whole && flow.sealing.unsealed.empty();
    if (!refusal && rewritten && flow.sender != nullptr) cut(stanza, flow.sender->account);
    return refusal;
  }

  // What the sender's software is called by its capabilities; empty: it has not said so.
  std::string_view client_of(const core::Flow& flow) {
    if (capabilities_ == nullptr) capabilities_ = shard_.service<core::Capabilities>();
    if (flow.sender == nullptr || capabilities_ == nullptr) return {};
    return capabilities_->node(*flow.sender);
  }

  core::Verdict presence(core::Flow& flow) {
    if (!has_sealed_host(*flow.stanza)) return nullptr;
    return rewrite_or_refuse(*flow.stanza, switches(*flow.stanza), nullptr, 0);
  }

  static bool is_question(const core::Stanza& iq) { return iq.type == "get" || iq.type == "set"; }

  static core::Verdict not_offered(std::string_view reason) {
    return core::make_refusal(core::service_unavailable, reason);
  }

  // Requests to the server and to one's own account have handlers of their own; between two devices little passes,
  // whether or not they are one person's.
  core::Verdict request(core::Flow& flow) {
    auto& stanza = *flow.stanza;
    const bool to_server = !stanza.to || !stanza.to->has_local();
    if (to_server || (stanza.to->is_bare() && stanza.to->same_bare(stanza.from))) return nullptr;
    if (const auto look = leniency_.look(flow); look != Leniency::Look::none) {
      auto rebuilt = is_question(stanza) ? rebuild_request(stanza) : rebuild_answer(stanza);
      const bool whole = look == Leniency::Look::whole;
      if (!rebuilt || (whole && replays(stanza))) {
        if (auto refusal = leniency_.decide(flow, not_offered("request-not-offered"))) return refusal;
      } else if (whole) {
        canonicalise(stanza);
        stanza.rewrite(std::move(*rebuilt));
        if (flow.sender != nullptr) cut(stanza, flow.sender->account);
      }
    }
    // What is asked of an account, the server answers.
    if (is_question(stanza) && !stanza.to->is_bare() && flow.sender != nullptr) {
      auto& questions = flow.sender->ensure_part<Questions>(questions_slot_);
      questions.ask(stanza.to->full(), stanza.id, stanza.payload().ns(), shard_.loop().now_ms());
    }
    return nullptr;
  }

  // Of an iq that was found valid.
  bool replays(const core::Stanza& iq) {
    Envelope envelope;
    const auto payload = iq.payload();
    if (iq.is_error() || !payload.is("encrypted", core::ns::omemo_2)) return false;
    return check_envelope(payload, {}, parties_of(iq), envelope) == nullptr &&
           replay_of(replay_, iq, {&envelope, 1}, shard_.loop().now_ms()) != nullptr;
  }

  // RFC 6121 §8.5.3.2.1: what is for a device that is not there goes to the others as if it were for the account. A
  // name that is a sentence is no device's.
  core::Verdict address(core::Flow& flow) const {
    auto& stanza = *flow.stanza;
    const bool elsewhere = stanza.type == "chat" && stanza.to && !stanza.to->is_bare() &&
                           flow.recipient->find(stanza.to->resource()) == nullptr && !is_token(stanza.to->resource());
    if (elsewhere && has_sealed_host(stanza)) stanza.to = stanza.to->to_bare();
    return nullptr;
  }

  [[nodiscard]] DeviceChecks checks(const core::Stanza& stanza) const {
    const auto found = checks_.find(stanza.from.domain());
    return found == checks_.end() ? DeviceChecks{} : found->second;
  }

  // docs/sealed.md D13: nobody writes to a device that its account's list must not name, whatever his client remembers.
  void cut(core::Stanza& stanza, const core::Account& account) {
    if (gate_ == nullptr) gate_ = shard_.service<DeviceGate>();
    const auto out = gate_ == nullptr ? std::span<const std::uint32_t>() : gate_->kept_out(account);
    if (out.empty()) return;
    if (auto rest = without_keys_for(stanza, account.jid.full(), out)) stanza.rewrite(std::move(*rest));
  }

  // What begins again was let pass by a mode that may hold no more.
  core::Verdict still_passes(const core::Flow& flow) const {
    if (!flow.again || flow.sealing.unsealed.empty()) return nullptr;
    auto refusal = leniency_.decide_kept(*flow.stanza, not_offered(flow.sealing.unsealed));
    if (refusal) refusal->silent = true;  // its sender was told that it was accepted, and would learn when
    return refusal;
  }

  // docs/sealed.md 3.7-10, D6: a message that none of them can read comes back. What begins again was let in before.
  core::Verdict recipients(core::Flow& flow) {
    const auto& stanza = *flow.stanza;
    const bool sealed = stanza.kind == core::Kind::message
                            ? stanza.seal.form != core::Seal::Form::none && stanza.type != "groupchat"
                            : stanza.payload().is("encrypted", core::ns::omemo_2);
    const bool is_there = flow.recipient->exists && flow.recipient->state == storage::AccountState::active;
    const bool looked_at = flow.sealing.looked_at && flow.sealing.unsealed.empty();
    if (!sealed || flow.again || !is_there || !looked_at) return nullptr;
    auto refusal = readable(flow);
    if (!refusal) cut(*flow.stanza, *flow.recipient);
    return refusal;
  }

  core::Verdict readable(core::Flow& flow) {
    const auto& stanza = *flow.stanza;
    const auto check = checks(stanza).recipients;
    if (lists_ == nullptr) lists_ = shard_.service<DeviceLists>();
    if (check == Check::off || lists_ == nullptr) return nullptr;
    const auto list = [&](OmemoVersion version) {
      return lists_->devices(*flow.recipient, version).value_or(std::span<const std::uint32_t>());
    };
    const auto& recipient = flow.recipient->jid.full();
    if (is_for_device_of(stanza, recipient, list(OmemoVersion::legacy), list(OmemoVersion::omemo_2))) return nullptr;
    if (check == Check::enforce) return leniency_.decide_sealed(flow, refuse(Reason::no_device));
    note(flow, Reason::no_device);
    return nullptr;
  }

  // Where it arrives, an answer of another device has to be one to a question of this session.
  core::Verdict answer(core::Flow& flow) {
    const auto& stanza = *flow.stanza;
    if (is_question(stanza) || !flow.sealing.looked_at) return nullptr;
    const auto* session = flow.recipient->find(stanza.to->resource());
    if (session == nullptr) return nullptr;  // nobody gets it
    auto* questions = session->part<Questions>(questions_slot_);
    const auto ns = stanza.is_error() ? std::string_view() : stanza.payload().ns();
    const auto now = shard_.loop().now_ms();
    if (questions != nullptr && questions->answer(stanza.from.full(), stanza.id, ns, now)) return nullptr;
    return flow.sealing.unsealed.empty() ? leniency_.decide(flow, not_offered("answer-not-asked")) : nullptr;
  }

  // Some clients show that a message was not delivered, but not why: once a chat and hour the sentence follows as a
  // message of the server.
  void add_notice(const core::Flow& flow, core::Refusal& refusal) {
    const auto& stanza = *flow.stanza;
    std::string chat(stanza.from.bare());
    chat += ' ';
    if (stanza.to) chat += stanza.to->bare();
    const auto now = shard_.loop().now_ms();
    if (noticed_.size() >= notices_kept) noticed_.clear();
    auto [entry, is_new] = noticed_.try_emplace(std::move(chat), now);
    if (!is_new && now - entry->second < notice_every_ms) return;
    entry->second = now;
    xml::Writer(refusal.notice).element("body", {}, refusal.error.text.in(flow.language));
  }

  core::Shard& shard_;
  Leniency leniency_;
  Departures departures_;
  DeviceLists* lists_ = nullptr;                // looked up when first wanted: modules/pep starts later
  const DeviceGate* gate_ = nullptr;            // likewise
  core::Capabilities* capabilities_ = nullptr;  // likewise, modules/caps
  core::TextMap<DeviceChecks> checks_;          // by host
  unsigned questions_slot_ = 0;
  Replay replay_;
  std::unordered_map<std::string, std::int64_t> noticed_;  // chat → when
};

}  // namespace

const core::Manifest& omemo_manifest() {
  static const core::Manifest manifest{
      .name = "omemo",
      .summary = "Lets only sealed (OMEMO) content pass and says so to people in words they understand.",
      .implements = {{"XEP-0384", "0.9.1", core::Completeness::partial}},
      .options =
          [](config::Registry& registry) {
            registry.add(sid_option);
            registry.add(identity_option);
            registry.add(recipients_option);
            registry.add(table::allow_option);
            registry.add(table::deny_option);
            add_mode_options(registry);
          },
      .check = &check_modes,
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> { return std::make_unique<Omemo>(shard); },
  };
  return manifest;
}

}  // namespace valise::modules
