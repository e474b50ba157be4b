#include "modules/policy/policy.hpp"

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/findings.hpp"
#include "config/options.hpp"
#include "core/jid/uri.hpp"
#include "core/record_id.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/policy/carry_out.hpp"
#include "modules/policy/directories.hpp"
#include "modules/policy/group_keeper.hpp"
#include "modules/policy/in_force.hpp"
#include "modules/policy/keeper.hpp"
#include "modules/policy/label_names.hpp"
#include "modules/policy/prepared.hpp"
#include "modules/policy/record_facts.hpp"
#include "modules/policy/stanza_facts.hpp"
#include "modules/policy/stored_groups.hpp"
#include "modules/policy/surroundings.hpp"
#include "modules/policy/unknown_devices.hpp"
#include "policy/check.hpp"
#include "policy/memories.hpp"
#include "policy/policy_set.hpp"

namespace valise::modules {
namespace {

using policy::Facts;

policy::Event event_asked(core::RuleQuestion::Event event) {
  using enum core::RuleQuestion::Event;
  switch (event) {
    case login:
      return policy::Event::login;
    case session:
      return policy::Event::session;
    case registration:
      return policy::Event::registration;
    case publish:
      return policy::Event::publish;
    case invitation:
      return policy::Event::invitation;
  }
  return policy::Event::login;
}

core::StanzaError::Type error_type(std::string_view name) {
  using enum core::StanzaError::Type;
  if (name == "auth") return auth;
  if (name == "modify") return modify;
  if (name == "wait") return wait;
  return cancel;
}

class Policy final : public core::Module, public core::Rules, public RulesInForce, public StoredGroups {
 public:
  explicit Policy(core::Shard& shard) : shard_(shard), surroundings_(shard) {
    if (shard.index() != 0) return;
    keeper_ = std::make_unique<Keeper>(shard, kept_by_rules());
    group_keeper_ = std::make_unique<GroupKeeper>(shard, live_groups());
    directories_ = std::make_unique<Directories>();
  }

  void start(core::Registrar& registrar) override {
    shard_.publish<core::Rules>(*this);
    shard_.publish<RulesInForce>(*this);
    shard_.publish<StoredGroups>(*this);
    for (const auto kind : {core::Kind::message, core::Kind::presence, core::Kind::iq}) {
      registrar.at(core::Stage::policy_out, kind,
                   [this](core::Flow& flow) { return decide(flow, policy::Direction::out); });
      registrar.at(core::Stage::policy_in, kind,
                   [this](core::Flow& flow) { return decide(flow, policy::Direction::in); });
    }
    shard_.on_record([this](const core::audit::Record& record) { look_at(record); });
  }

  void stop() override {
    shard_.on_record(nullptr);
    if (!keeper_) return;
    keeper_->stop();
    group_keeper_->stop();
    directories_->stop();
  }

  void configure(const config::Snapshot& config) override {
    auto made = prepared().take(config);
    // A check comes before each configuration. Without one the old rules stay; without any, nothing may pass.
    if (!made.rules) return log::error("policy", "no rules were made for this configuration");
    if (rules_ && shard_.index() == 0) tell_of_lost_memories(*rules_, *made.rules);
    rules_ = std::move(made.rules);
    source_ = std::move(made.source);
    ++number_;
    told_ms_ = 0;
    if (directories_) directories_->ask(rules_->groups());
  }

  core::RuleAnswer ask(const core::RuleQuestion& question, std::vector<std::string>& tags) override {
    Facts facts;
    facts.event = event_asked(question.event);
    facts.direction = policy::Direction::out;
    facts.from = party(question.who);
    facts.host = question.who.domain();
    if (facts.event == policy::Event::publish) facts.to = {question.who.bare(), question.who.domain(), {}};
    if (facts.event == policy::Event::publish || facts.event == policy::Event::registration) facts.type = "set";
    facts.payload = question.node;
    facts.size = question.size;
    facts.devices = question.devices;
    facts.new_devices = question.new_devices;
    facts.uses = question.uses;
    if (facts.event == policy::Event::session) {
      if (const auto* account = shard_.find_account(question.who.bare())) {
        facts.sessions = static_cast<std::uint32_t>(account->sessions.size());
      }
    }
    if (rules_) surroundings_.fill_parties(facts, question.who, nullptr, *rules_);
    fill_session(facts, question.peer_address, question.mechanism, question.tls_version);
    facts.language = core::tag_of(question.language);
    policy::Decision decision;
    core::RuleAnswer answer{.refusal = judge(facts, tags, decision)};
    if (!decision.shadow.empty()) record_shadow(decision, record_of(question));
    answer.needs_approval = decision.needs_approval;
    answer.pace = {.bytes_per_second = decision.pace.rate,
                   .burst_bytes = decision.pace.rate_burst,
                   .stanzas_per_second = decision.pace.stanzas_per_s,
                   .burst_stanzas = decision.pace.stanzas_burst};
    return answer;
  }

  [[nodiscard]] bool ask_about_unsealed(bool arriving) const override {
    const auto direction = arriving ? policy::Direction::in : policy::Direction::out;
    return !rules_ || rules_->concerns(policy::Event::unsealed, direction);
  }

  core::UnsealedAnswer ask(const core::UnsealedQuestion& question, std::vector<std::string>& tags) override {
    Facts facts;
    fill(facts, question.stanza, to_of(question.stanza),
         question.arriving ? policy::Direction::in : policy::Direction::out, question.language);
    facts.event = policy::Event::unsealed;
    facts.sealed_mode = name_of(question.sealing.mode);
    facts.unsealed = question.reason;
    if (question.sender != nullptr) fill_session(facts, *question.sender);
    if (rules_) surroundings_.fill_parties(facts, question.stanza.from, to_of(question.stanza), *rules_);
    policy::Decision decision;
    core::UnsealedAnswer answer{
        .refusal = judge(facts, tags, decision), .mode = {}, .rule = std::string(decision.rule)};
    if (!decision.shadow.empty()) record_shadow(decision, record_of(question));
    const auto wanted = std::ranges::find(policy::mode_names, decision.seal);
    if (wanted != policy::mode_names.end()) {
      answer.mode = static_cast<core::Sealing::Mode>(wanted - policy::mode_names.begin());
    }
    return answer;
  }

  [[nodiscard]] bool would_pass(const core::LabelQuestion& question) override {
    if (!rules_) return false;
    const auto& [sender, to, label] = question;
    Facts facts;
    facts.from = party(sender.jid);
    facts.to = party(to);
    facts.host = sender.jid.domain();
    facts.type = "chat";
    facts.sealed = true;
    facts.omemo = policy::Omemo::legacy;
    facts.keys = 1;
    facts.sealed_length = 1;
    facts.label = label;
    facts.language = core::tag_of(sender.language);
    tags_.assign(sender.tags.begin(), sender.tags.end());
    facts.tags = tags_;
    facts.now_ms = shard_.loop().now_ms();
    fill_time(facts);
    auto arriving = facts;  // of the sender's session nothing is known there
    fill_session(facts, sender);
    surroundings_.fill(facts, sender, to, *rules_);
    if (policy::foresee(*rules_, facts) != policy::Verdict::allow) return false;
    // What rules ask of the recipient's account is known on his shard alone.
    const bool is_here = to.has_local() && shard_.host(to.domain()) != nullptr;
    if (!is_here) return true;
    constexpr std::string_view of_recipient[] = {"subscription",  "asked", "pending",
                                                 "roster_groups", "shown", "sessions"};
    arriving.direction = policy::Direction::in;
    arriving.host = to.domain();
    surroundings_.fill_parties(arriving, sender.jid, &to, *rules_);
    return policy::foresee(*rules_, arriving, of_recipient).value_or(policy::Verdict::allow) == policy::Verdict::allow;
  }

  [[nodiscard]] std::optional<std::uint32_t> keep_days(const core::Jid& account) override {
    if (!fewest_keep_days()) return std::nullopt;
    Facts facts;
    facts.event = policy::Event::archive;
    facts.direction = policy::Direction::out;
    facts.from = party(account);
    facts.host = account.domain();
    surroundings_.fill_parties(facts, account, nullptr, *rules_);
    std::vector<std::string> tags;
    policy::Decision decision;
    (void)judge(facts, tags, decision);
    if (decision.reason == policy::Reason::policy_failed) return 0;
    return decision.keep_days;
  }
  [[nodiscard]] std::optional<std::uint32_t> fewest_keep_days() const override {
    if (!rules_ || !rules_->concerns(policy::Event::archive, policy::Direction::out)) return std::nullopt;
    return rules_->fewest_keep_days();
  }

  [[nodiscard]] std::optional<policy::Explanation> explain(const policy::Question& question) override {
    if (!rules_) return std::nullopt;
    auto facts = question.facts(shard_.loop().now_ms());
    // Of what is looked up for an event, that which hangs on no account.
    if (const auto from = core::Jid::parse(facts.from.bare)) {
      const auto to = core::Jid::parse(facts.to.bare);
      Facts known = facts;
      surroundings_.fill_parties(known, *from, to ? &*to : nullptr, *rules_);
      facts.from_local = facts.from_local || known.from_local;
      facts.to_local = facts.to_local || known.to_local;
      facts.from_admin = facts.from_admin || known.from_admin;
      facts.to_admin = facts.to_admin || known.to_admin;
    }
    return policy::explain(*rules_, facts);
  }

  [[nodiscard]] std::shared_ptr<const PolicySource> source() const override { return source_; }
  [[nodiscard]] const policy::PolicySet* rules() const override { return rules_.get(); }

  [[nodiscard]] std::vector<policy::GroupInfo> groups() const override {
    return rules_ ? rules_->groups() : std::vector<policy::GroupInfo>();
  }

  // ---- StoredGroups

  void change(GroupChange change, std::move_only_function<void(Result<GroupChanged>)> done) override {
    if (!group_keeper_) return done(fail(ErrorCode::internal, "groups are changed on the first shard"));
    group_keeper_->change(std::move(change), std::move(done));
  }

  [[nodiscard]] const Groups* stored() const override { return group_keeper_ ? group_keeper_->groups() : nullptr; }

  void forget(const core::Jid& account, std::move_only_function<void(bool)> done) override {
    auto& first = *shard_.kernel().shards.front();
    first.post([&first, &here = shard_, address = std::string(account.bare()), done = std::move(done)]() mutable {
      auto back = [&here, done = std::move(done)](bool is_done) mutable {
        here.post([done = std::move(done), is_done]() mutable { done(is_done); });
      };
      static_cast<Policy*>(first.service<StoredGroups>())->group_keeper_->forget(address, std::move(back));
    });
  }

  [[nodiscard]] std::vector<policy::RuleInfo> infos() const override {
    return rules_ ? rules_->describe(shard_.loop().now_ms()) : std::vector<policy::RuleInfo>();
  }

 private:
  // A memory goes with the rules that name it, durable or not.
  void tell_of_lost_memories(const policy::PolicySet& before, const policy::PolicySet& after) const {
    const auto kept = policy::Memories(after).list(shard_.loop().now_ms());
    for (const auto& memory : policy::Memories(before).list(shard_.loop().now_ms())) {
      if (memory.used == 0 || std::ranges::find(kept, memory.name, &policy::MemoryInfo::name) != kept.end()) continue;
      log::warning("policy", "memory \"{}\" is named by no rule any more: what it held ({}) is gone", memory.name,
                   memory.used);
    }
  }

  // It has happened: a rule may tell of it or count it.
  void look_at(const core::audit::Record& record) {
    if (!rules_ || !rules_->concerns(policy::Event::record, policy::Direction::out)) return;
    auto facts = record_facts_.of(record);
    std::vector<std::string> tags;
    policy::Decision decision;
    (void)judge(facts, tags, decision);
  }

  core::Verdict decide(core::Flow& flow, policy::Direction direction) {
    if (direction == policy::Direction::out && flow.sender != nullptr) flow.tags = flow.sender->tags;
    if (direction == policy::Direction::in) {
      // They let it in, and counted it.
      const bool was_asked = flow.held != nullptr || (flow.again && flow.rules == number_);
      flow.rules = number_;
      if (was_asked) return nullptr;
    }
    if (rules_ && !rules_->concerns(event_of(*flow.stanza), direction)) return nullptr;
    Facts facts;
    // One of a presence to many has no address of its own.
    const auto* to = flow.stanza->to || flow.recipient == nullptr ? to_of(*flow.stanza) : &flow.recipient->jid;
    fill(facts, *flow.stanza, to, direction, flow.language);
    if (flow.sender != nullptr) fill_session(facts, *flow.sender);
    if (flow.sealing.looked_at || flow.sealing.mode == core::Sealing::Mode::off) {
      facts.sealed_mode = name_of(flow.sealing.mode);
      facts.unsealed = flow.sealing.unsealed;
    }
    if (rules_) {
      surroundings_.fill(facts, flow, to, *rules_);
      if (facts.sealed && rules_->counts_unknown_devices()) count_devices(facts, flow, direction);
    }
    policy::Decision decision;
    auto refused = judge(facts, flow.tags, decision);
    carry_out(shard_, flow, decision, refused.get());
    if (!decision.shadow.empty()) {
      core::describe(flow);
      record_shadow(decision, flow.record);
    }
    return refused;
  }

  static core::audit::Record record_of(const core::UnsealedQuestion& question) {
    core::audit::Record record;
    const auto& stanza = question.stanza;
    record.origin = make_ref<core::audit::Origin>(core::audit::Origin::Members{.jid = stanza.from.bare(),
                                                                               .resource = stanza.from.resource(),
                                                                               .session = {},
                                                                               .source = {},
                                                                               .tls = {},
                                                                               .cipher = {},
                                                                               .mechanism = {}});
    if (stanza.to) record.recipient = stanza.to->bare();
    record.type = core::audit::stanza_type_of(stanza.type);
    record.size = stanza.size;
    record.stanza_id = core::id_for_record(stanza);
    return record;
  }

  static core::audit::Record record_of(const core::RuleQuestion& question) {
    core::audit::Record record;
    const bool stranger = question.event == core::RuleQuestion::Event::registration;  // nobody acts under that name yet
    record.origin = make_ref<core::audit::Origin>(
        core::audit::Origin::Members{.jid = stranger ? std::string_view() : question.who.bare(),
                                     .resource = question.who.resource(),
                                     .session = {},
                                     .source = question.peer_address,
                                     .tls = question.tls_version,
                                     .cipher = {},
                                     .mechanism = question.mechanism});
    if (stranger) record.recipient = question.who.bare();
    record.size = static_cast<std::uint32_t>(question.size);
    return record;
  }

  static const core::Jid* to_of(const core::Stanza& stanza) { return stanza.to ? &*stanza.to : nullptr; }

  // The lists of the sender are known on his shard only, those of the recipient on the recipient's.
  void count_devices(Facts& facts, core::Flow& flow, policy::Direction direction) {
    if (lists_ == nullptr) lists_ = shard_.service<DeviceLists>();
    if (lists_ == nullptr) return;
    if (direction == policy::Direction::out) {
      if (flow.sender != nullptr) note_foreign_devices(flow, *lists_);
    } else if (flow.recipient != nullptr) {
      facts.unknown_devices = count_unknown_devices(flow, *lists_);
    }
  }

  // That something passed which a rule in shadow would have refused. `like`: who it was and what. Bounded: a flood
  // would fill the log, and `policy list` counts all.
  void record_shadow(const policy::Decision& decision, core::audit::Record like) {
    if (decision.shadow.empty() || !may_record()) return;
    like.kind = core::audit::Kind::passed;
    like.verdict = core::audit::Outcome::none;
    like.reason = decision.shadow_verdict == policy::Verdict::drop   ? "would-drop"
                  : decision.shadow_verdict == policy::Verdict::deny ? "would-deny"
                                                                     : "would-delay";
    like.rule = decision.shadow;
    shard_.record(std::move(like));
  }

  bool may_record() {
    const auto now = shard_.loop().now_ms();
    const auto earned = static_cast<double>(now - shadow_at_ms_) * shadow_records_a_second / 1000;
    shadow_records_ = std::min<double>(most_shadow_records, shadow_records_ + earned);
    shadow_at_ms_ = now;
    if (shadow_records_ < 1) return false;
    shadow_records_ -= 1;
    return true;
  }

  // `tags`: what it carries so far; gets what the rules add.
  core::Verdict judge(Facts& facts, std::vector<std::string>& tags, policy::Decision& decision) {
    if (!rules_) return refusal("policy-failed", {});
    tags_.assign(tags.begin(), tags.end());
    facts.tags = tags_;
    facts.now_ms = shard_.loop().now_ms();
    fill_time(facts);
    decision = rules_->decide(facts);
    tell_administrators(shard_, facts, decision);
    if (decision.reason == policy::Reason::policy_failed) tell_of(decision.rule, facts);
    for (const auto tag : decision.added_tags()) {
      if (std::ranges::find(tags, tag) == tags.end()) tags.emplace_back(tag);
    }
    if (decision.verdict == policy::Verdict::allow) return nullptr;
    auto refused =
        refusal(decision.reason == policy::Reason::policy_failed ? "policy-failed" : "policy", decision.rule);
    refused->silent = decision.verdict == policy::Verdict::drop;
    if (decision.verdict == policy::Verdict::deny) {
      // A failed rule keeps policy-violation/modify: clients close chats on conditions of type cancel.
      if (decision.reason == policy::Reason::rule) {
        refused->error.condition = condition_of(decision.error.condition);
        const auto to = core::Jid::parse(decision.redirect);
        if (!decision.redirect.empty() && to) {
          refused->error.condition = "redirect";
          refused->error.address = core::xmpp_uri(to->local(), to->domain());
        }
        refused->error.type = error_type(decision.error.type);
      }
      refused->error.text_fr = decision.text_fr;
      refused->error.text_en = decision.text_en;
    }
    return refused;
  }

  // The administrators hear of a rule that fails; of one that goes on failing again after a while.
  void tell_of(std::string_view rule, const Facts& facts) {
    constexpr std::int64_t every_ms = 600'000;
    if (told_ms_ != 0 && facts.now_ms - told_ms_ < every_ms) return;
    told_ms_ = facts.now_ms;
    tell_of_failure(shard_, facts, rule, rules_->last_error());
  }

  // The views of a decision live as long as the rules; an error may live longer.
  static std::string_view condition_of(std::string_view name) {
    for (const auto& known : policy::stanza_errors()) {
      if (known.condition == name) return known.condition;
    }
    return "policy-violation";
  }

  static core::Verdict refusal(std::string_view reason, std::string_view rule) {
    auto refused = core::make_refusal(
        {.type = core::StanzaError::Type::modify, .condition = "policy-violation", .text = {}}, reason);
    refused->rule = rule;
    return refused;
  }

  // Local time of the server's place, looked up once a second.
  void fill_time(Facts& facts) {
    const auto now = shard_.loop().now_ms();
    if (now - time_read_ms_ >= 1000 || time_read_ms_ == 0) {
      time_read_ms_ = now;
      time_ = policy::local_time(utc_now_ns() / 1'000'000'000);
    }
    facts.minute_of_week = time_.minute_of_week;
    facts.day = time_.day;
  }

  core::Shard& shard_;
  std::unique_ptr<policy::PolicySet> rules_;
  std::shared_ptr<const PolicySource> source_;  // of rules_
  std::uint64_t number_ = 0;                    // of rules_: each reload makes new ones
  DeviceLists* lists_ = nullptr;                // looked up when first wanted: modules/pep starts later
  std::vector<std::string_view> tags_;
  Surroundings surroundings_;
  RecordFacts record_facts_;
  // -- on the first shard
  std::unique_ptr<Keeper> keeper_;
  std::unique_ptr<GroupKeeper> group_keeper_;
  std::unique_ptr<Directories> directories_;
  // --
  std::int64_t time_read_ms_ = 0;
  policy::LocalTime time_;
  static constexpr int most_shadow_records = 100;  // at once
  static constexpr int shadow_records_a_second = 10;
  double shadow_records_ = most_shadow_records;
  std::int64_t told_ms_ = 0;  // when the administrators last heard of a rule that failed; 0: never
  std::int64_t shadow_at_ms_ = 0;
};

void check(const config::Snapshot& config, config::Findings& findings) {
  if (const auto made = prepared().make(config); !made) {
    findings.error(config::options::policy_file, made.error().text);
  } else {
    prepared().look([&](const policy::PolicySet& rules) {
      warn_of_labels(rules, config, findings);
      for (const auto& idle : policy::find_oddities(rules)) {
        findings.warning(config::options::policy_file, idle.message());
      }
    });
  }
}

}  // namespace

const core::Manifest& policy_manifest() {
  static const core::Manifest manifest{
      .name = "policy",
      .summary =
          "Asks the administrator's Lua rules about stanzas, log-ins, sessions, new accounts, publications and "
          "invitations.",
      .check = &check,
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> { return std::make_unique<Policy>(shard); },
  };
  return manifest;
}

}  // namespace valise::modules
