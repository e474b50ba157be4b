#include "modules/policy/policy.hpp"

#include <ctime>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/options.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "policy/policy_set.hpp"

namespace valise::modules {
namespace {

using policy::Facts;

policy::PolicyOptions policy_options() {
  policy::PolicyOptions options;
  options.normalise = [](std::string_view text) -> std::optional<std::string> {
    auto jid = core::Jid::parse(text);
    if (!jid) return std::nullopt;
    return jid->str();
  };
  return options;
}

policy::PolicySet::Loaded load(const config::Snapshot& config) {
  const auto& file = config.get(config::options::policy_file);
  if (file.empty()) return policy::PolicySet::load(policy::PolicySet::stock(), "stock.lua", policy_options());
  return policy::PolicySet::load_file(file, policy_options());
}

policy::Party party(const core::Jid& jid) { return {jid.bare(), jid.domain(), jid.resource()}; }

policy::Event event_of(core::Kind kind) {
  switch (kind) {
    case core::Kind::message: return policy::Event::message;
    case core::Kind::presence: return policy::Event::presence;
    case core::Kind::iq: return policy::Event::iq;
  }
  return policy::Event::message;
}

std::string_view default_type(core::Kind kind) {
  return kind == core::Kind::message ? "normal" : kind == core::Kind::presence ? "available" : "";
}

core::StanzaError::Type error_type(std::string_view name) {
  using enum core::StanzaError::Type;
  if (name == "auth") return auth;
  if (name == "modify") return modify;
  if (name == "wait") return wait;
  return cancel;
}

class Policy final : public core::Module, public core::Rules {
 public:
  explicit Policy(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar& registrar) override {
    shard_.publish<core::Rules>(*this);
    for (const auto kind : {core::Kind::message, core::Kind::presence, core::Kind::iq}) {
      registrar.at(core::Stage::policy_out, kind,
                   [this](core::Flow& flow) { return decide(flow, policy::Direction::out); });
      registrar.at(core::Stage::policy_in, kind,
                   [this](core::Flow& flow) { return decide(flow, policy::Direction::in); });
    }
  }

  void configure(const config::Snapshot& config) override {
    auto loaded = load(config);
    if (loaded) {
      rules_ = std::move(*loaded);
    } else {
      // check() passed a moment ago: the file changed meanwhile. The old rules stay; without any, nothing may pass.
      log::error("policy", "{}", loaded.error().message());
    }
  }

  [[nodiscard]] std::vector<core::RuleLine> rules() const override {
    std::vector<core::RuleLine> lines;
    if (!rules_) return lines;
    for (auto& rule : rules_->describe()) {
      lines.push_back({rule.name, rule.line, rule.match, rule.action, rule.shadow, rule.hits, rule.errors});
    }
    return lines;
  }

 private:
  core::Verdict decide(core::Flow& flow, policy::Direction direction) {
    if (!rules_) return refusal("policy-failed", {});
    if (!rules_->concerns(event_of(flow.stanza->kind), direction)) return nullptr;
    Facts facts;
    fill(facts, flow, direction);
    const auto decision = rules_->decide(facts);
    for (const auto tag : decision.added_tags()) flow.tags.emplace_back(tag);
    if (decision.verdict == policy::Verdict::allow) return nullptr;
    auto refused = refusal(decision.reason == policy::Reason::policy_failed ? "policy-failed" : "policy", decision.rule);
    refused->silent = decision.verdict == policy::Verdict::drop;
    if (decision.verdict == policy::Verdict::deny) {
      // A failed rule keeps policy-violation/modify: clients close chats on conditions of type cancel.
      if (decision.reason == policy::Reason::rule) {
        refused->error.condition = condition_of(decision.error.condition);
        refused->error.type = error_type(decision.error.type);
      }
      refused->error.text_fr = decision.text_fr;
      refused->error.text_en = decision.text_en;
    }
    return refused;
  }

  // The views of a decision live as long as the rules; an error may live longer.
  static std::string_view condition_of(std::string_view name) {
    for (const auto& known : policy::stanza_errors()) {
      if (known.condition == name) return known.condition;
    }
    return "policy-violation";
  }

  static core::Verdict refusal(std::string_view reason, std::string_view rule) {
    auto refused = std::make_unique<core::Refusal>();
    refused->error.condition = "policy-violation";
    refused->error.type = core::StanzaError::Type::modify;
    refused->reason = reason;
    refused->rule = rule;
    return refused;
  }

  void fill(Facts& facts, const core::Flow& flow, policy::Direction direction) {
    const auto& stanza = *flow.stanza;
    facts.event = event_of(stanza.kind);
    facts.direction = direction;
    facts.from = party(stanza.from);
    // One of a presence to many has no address of its own.
    const auto* to = stanza.to ? &*stanza.to : flow.recipient != nullptr ? &flow.recipient->jid : nullptr;
    if (to != nullptr) facts.to = party(*to);
    facts.host = direction == policy::Direction::in && to != nullptr ? to->domain() : stanza.from.domain();
    facts.type = stanza.type.empty() ? default_type(stanza.kind) : std::string_view(stanza.type);
    if (stanza.kind == core::Kind::iq) facts.payload = stanza.payload().ns();
    facts.size = stanza.size;
    facts.sealed = stanza.seal.form != core::Seal::Form::none;
    facts.omemo = !facts.sealed                                     ? policy::Omemo::none
                  : stanza.seal.form == core::Seal::Form::legacy ? policy::Omemo::legacy
                                                                  : policy::Omemo::v2;
    facts.sid = stanza.seal.sender_device;
    facts.keys = stanza.seal.keys;
    if (flow.sender != nullptr) {
      if (const auto ip = policy::IpAddress::parse(flow.sender->peer_address)) facts.ip = *ip;
      facts.mechanism = flow.sender->mechanism;
      facts.tls = flow.sender->tls_version;
      if (facts.tls.starts_with("TLSv")) facts.tls.remove_prefix(4);
    }
    facts.language = core::tag_of(flow.language);
    tags_.assign(flow.tags.begin(), flow.tags.end());
    facts.tags = tags_;
    facts.now_ms = shard_.loop().now_ms();
    facts.minute_of_week = minute_of_week();
  }

  // Local time of the server's place, looked up once a minute.
  std::uint16_t minute_of_week() {
    const auto now = shard_.loop().now_ms();
    if (now - minute_read_ms_ < 1000 && minute_read_ms_ != 0) return minute_;
    minute_read_ms_ = now;
    const std::time_t seconds = utc_now_ns() / 1'000'000'000;
    std::tm local{};
    localtime_r(&seconds, &local);
    minute_ = static_cast<std::uint16_t>(((local.tm_wday + 6) % 7 * 24 + local.tm_hour) * 60 + local.tm_min);
    return minute_;
  }

  core::Shard& shard_;
  std::unique_ptr<policy::PolicySet> rules_;
  std::vector<std::string_view> tags_;
  std::int64_t minute_read_ms_ = 0;
  std::uint16_t minute_ = 0;
};

Result<> check(const config::Snapshot& config) {
  if (auto loaded = load(config); !loaded) return fail(ErrorCode::invalid, loaded.error().message());
  return {};
}

}  // namespace

const core::Manifest& policy_manifest() {
  static const core::Manifest manifest{
      .name = "policy",
      .summary = "Asks the administrator's Lua rules about every stanza, at its sender and at its recipient.",
      .check = &check,
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> { return std::make_unique<Policy>(shard); },
  };
  return manifest;
}

}  // namespace valise::modules
