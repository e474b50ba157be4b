// A record is one event that was let through, or refused. Where its sender has a session it was asked about as "out";
// where its recipient is a person, as "in", with the tags that the rules had given. What a record does not hold is
// unknown, and a rule that needs it is undecidable (policy/partial.hpp).
#include "policy_replay.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/clock.hpp"
#include "core/audit/read_record.hpp"
#include "core/audit/verify.hpp"
#include "policy/partial.hpp"
#include "policy/question.hpp"
#include "show.hpp"

namespace valise::ctl {
namespace audit = core::audit;
namespace {

using Json = nlohmann::json;
using policy::Direction;
using policy::Event;
using policy::Facts;
using policy::PartialDecision;
using policy::Verdict;

// What no record of such an event holds.
constexpr std::array always_unknown = std::to_array<std::string_view>(
    {"to_resource",  "sealed_mode", "unsealed", "language",   "tag",           "children",     "device_age", "client",
     "subscription", "asked",       "pending",  "shown",      "roster_groups", "sessions",     "from_local", "to_local",
     "from_admin",   "to_admin",    "label",    "datacenter", "memory",        "group_members"});
constexpr std::array<std::string_view, 3> unknown_if_sealed{"prekeys", "sealed_length", "unknown_devices"};

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> some) {
  return std::ranges::find(some, text) != some.end();
}

// Records that are no event, or none that can be told.
struct Skipped {
  std::uint64_t other = 0;    // other things: logins that failed, what administrators did, …
  std::uint64_t before = 0;   // refused without a rule: not sealed, blocked, nobody there
  std::uint64_t unclear = 0;  // refused by a rule, and the record does not say what kind it was
  std::uint64_t damaged = 0;  // cut, erased or not readable
};

// Which event a record is of. Nothing: `skipped` is told why.
std::optional<Event> event_of(const audit::RecordView& record, Skipped& skipped) {
  if (record.reason == "delay-over") return ++skipped.other, std::nullopt;  // it was asked about when it was sent
  if (record.kind == "message") return Event::message;
  if (record.kind == "presence") return Event::presence;
  if (record.kind == "passed" && !record.reason.starts_with("would-")) return Event::iq;
  if (record.kind == "login") return Event::login;
  if (record.kind != "denied") return ++skipped.other, std::nullopt;
  if (!is_one_of(record.reason, {"policy", "policy-failed"})) return ++skipped.before, std::nullopt;
  if (is_one_of(record.type, {"chat", "normal", "groupchat", "headline"}) || !record.encryption.empty())
    return Event::message;
  if (is_one_of(record.type, {"unavailable", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe"})) {
    return Event::presence;
  }
  if (record.from.empty() && !record.to.empty()) return Event::registration;
  if (record.to.empty() && record.session.empty() && !record.source.empty()) {
    return record.resource.empty() ? Event::login : Event::session;
  }
  return ++skipped.unclear, std::nullopt;
}

class Replayer {
 public:
  explicit Replayer(policy::PolicySet& set) : decider_(set) {
    newly_.resize(decider_.rules().size());
    delays_.resize(newly_.size());
  }

  void see(const audit::Entry& entry) {
    ++records_;
    if (entry.erased || !reader_.read(entry.record, record_) || record_.cut) {
      ++skipped_.damaged;
      return;
    }
    const auto event = event_of(record_, skipped_);
    if (!event) return;
    ++events_;
    const auto decision = decide(*event, entry.time_ns);
    if (decision.delayed_by != PartialDecision::none) ++delays_[decision.delayed_by];
    compare(entry, decision);
  }

  [[nodiscard]] Json answer() const {
    Json rules = Json::array();
    const auto lines = decider_.rules();
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const auto& rule = lines[i];
      rules.push_back({{"name", rule.name},
                       {"line", rule.line},
                       {"shadow", rule.shadow},
                       {"allows", rule.allowed},
                       {"refuses", rule.refused},
                       {"newly_refuses", newly_[i].count},
                       {"delays", delays_[i]},
                       {"failed", rule.failed},
                       {"undecidable", rule.undecidable},
                       {"needs", rule.needs}});
      if (newly_[i].count != 0) rules.back()["first_entry"] = newly_[i].first_seq;
    }
    return {{"records", records_},
            {"events", events_},
            {"same", same_},
            {"newly_refused", newly_refused_},
            {"newly_allowed", newly_allowed_},
            {"other_rule", other_rule_},
            {"undecidable", undecidable_},
            {"passed_over",
             {{"other", skipped_.other},
              {"before_rules", skipped_.before},
              {"unclear", skipped_.unclear},
              {"damaged", skipped_.damaged}}},
            {"not_held", not_held()},
            {"rules", std::move(rules)}};
  }

 private:
  static Json not_held() {
    Json out = Json::array();
    for (const auto fact : always_unknown) out.push_back(fact);
    for (const auto fact : unknown_if_sealed) out.push_back(fact);
    return out;
  }

  PartialDecision decide(Event event, std::int64_t time_ns) {
    Facts facts = facts_of(event, time_ns);
    unknown_.assign(always_unknown.begin(), always_unknown.end());
    if (facts.sealed) unknown_.insert(unknown_.end(), unknown_if_sealed.begin(), unknown_if_sealed.end());
    if (event == Event::iq) unknown_.emplace_back("payload");
    if (!facts.ip.known) unknown_.emplace_back("ip");
    if (event == Event::login) return log_in(facts);
    PartialDecision sent;
    if (!record_.session.empty() || event == Event::registration || event == Event::session) {
      std::erase(unknown_, "unknown_devices");  // none are counted yet
      sent = decider_.decide(facts, unknown_);
      if (facts.sealed) unknown_.emplace_back("unknown_devices");
    }
    const bool arrives = facts.to.bare.find('@') != std::string_view::npos && event != Event::registration;
    if (!arrives || (sent.certain && sent.verdict != Verdict::allow)) return sent;
    facts.direction = Direction::in;
    facts.host = facts.to.domain;
    facts.ip = {};
    facts.mechanism = facts.tls = {};
    facts.tags = sent.tags;
    // There the server does not know them, either.
    std::erase_if(unknown_, [](auto fact) { return is_one_of(fact, {"ip", "client", "device_age"}); });
    auto received = decider_.decide(facts, unknown_);
    if (received.certain && received.verdict != Verdict::allow) return received;
    if (received.rule == PartialDecision::none) received.rule = sent.rule;
    received.certain &= sent.certain;
    if (received.delayed_by == PartialDecision::none) received.delayed_by = sent.delayed_by;
    if (!received.certain) received.delayed_by = PartialDecision::none;
    return received;
  }

  // A log-in is asked about with the account, then the session with its full address.
  PartialDecision log_in(Facts& facts) {
    const auto resource = std::exchange(facts.from.resource, {});
    auto entered = decider_.decide(facts, unknown_);
    if ((entered.certain && entered.verdict != Verdict::allow) || record_.reason == "resumed" || resource.empty()) {
      return entered;
    }
    facts.event = Event::session;
    facts.from.resource = resource;
    auto bound = decider_.decide(facts, unknown_);
    if (bound.rule == PartialDecision::none) bound.rule = entered.rule;
    if (!(bound.certain && bound.verdict != Verdict::allow)) bound.certain &= entered.certain;
    return bound;
  }

  // Views into record_.
  Facts facts_of(Event event, std::int64_t time_ns) {
    Facts facts;
    facts.event = event;
    facts.direction = Direction::out;
    facts.from = policy::party_of(record_.from, record_.resource);
    facts.to = policy::party_of(record_.to, {});
    if (event == Event::registration) {  // the address that a stranger wants
      facts.from = facts.to;
      facts.to = {};
    }
    facts.host = facts.from.domain;
    facts.type = !record_.type.empty()          ? record_.type
                 : event == Event::message      ? "normal"
                 : event == Event::presence     ? "available"
                 : event == Event::registration ? "set"
                                                : "";
    facts.size = record_.size;
    facts.sealed = !record_.encryption.empty();
    facts.omemo = !facts.sealed                    ? policy::Omemo::none
                  : record_.encryption == "legacy" ? policy::Omemo::legacy
                                                   : policy::Omemo::v2;
    facts.sid =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(record_.device, std::numeric_limits<std::uint32_t>::max()));
    facts.keys =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(record_.keys, std::numeric_limits<std::uint32_t>::max()));
    facts.ip = policy::IpAddress::of_source(record_.source);
    facts.mechanism = record_.mechanism;
    facts.tls = policy::tls_number(record_.tls);
    now_ms_ = std::max(now_ms_, time_ns / 1'000'000);  // rates know no step back
    facts.now_ms = now_ms_;
    const auto& time = time_of(time_ns);
    facts.minute_of_week = time.minute_of_week;
    facts.day = time.day;
    return facts;
  }

  const policy::LocalTime& time_of(std::int64_t time_ns) {
    const auto minute = time_ns / 60'000'000'000;
    if (minute != minute_) {
      minute_ = minute;
      local_time_ = policy::local_time(minute * 60);
    }
    return local_time_;
  }

  void compare(const audit::Entry& entry, const PartialDecision& decision) {
    if (!decision.certain) {
      ++undecidable_;
      return;
    }
    const bool refuses = decision.verdict != Verdict::allow;
    const bool refused = record_.kind == "denied";
    if (refuses && !refused) {
      ++newly_refused_;
      if (decision.rule != PartialDecision::none) newly_[decision.rule].count_at(entry.seq);
    } else if (!refuses && refused) {
      ++newly_allowed_;
    } else if (refuses && name_of(decision.rule) != record_.rule) {
      ++other_rule_;
    } else {
      ++same_;
    }
  }
  std::string_view name_of(std::size_t rule) {
    if (names_.empty()) {
      for (auto& line : decider_.rules()) names_.push_back(line.name);
    }
    return rule < names_.size() ? std::string_view(names_[rule]) : std::string_view();
  }

  struct Newly {
    std::uint64_t count = 0, first_seq = 0;
    void count_at(std::uint64_t seq) {
      if (count++ == 0) first_seq = seq;
    }
  };

  policy::PartialDecider decider_;
  audit::RecordReader reader_;
  audit::RecordView record_;
  std::vector<std::string_view> unknown_;
  std::vector<std::string> names_;
  std::vector<Newly> newly_;           // by rule
  std::vector<std::uint64_t> delays_;  // likewise: records that it would hold back
  std::int64_t now_ms_ = 0, minute_ = -1;
  policy::LocalTime local_time_;
  std::uint64_t records_ = 0, events_ = 0, same_ = 0, newly_refused_ = 0, newly_allowed_ = 0, other_rule_ = 0,
                undecidable_ = 0;
  Skipped skipped_;
};

// The segment in which the records since then begin: the last one whose first entry is older. Times are no order, but
// no step of a clock reaches over a segment and is still worth more than the rest of the log.
Result<std::uint64_t> first_entry(const std::string& folder, std::int64_t since_ns) {
  const auto firsts = audit::list_segments(folder);
  if (!firsts) return std::unexpected(firsts.error());
  for (auto first = firsts->rbegin(); first != firsts->rend(); ++first) {
    auto cursor = audit::Cursor::open(folder, *first);
    if (!cursor) return std::unexpected(cursor.error());
    const auto entry = cursor->next();
    if (!entry) return std::unexpected(entry.error());
    if (*entry && (*entry)->time_ns < since_ns) return *first;
  }
  return firsts->empty() ? 0 : firsts->front();
}

std::string count_of(const Json& answer, const char* member, const char* text) {
  return fmt::format("  {:>12}  {}\n", answer.value(member, std::uint64_t{0}), text);
}

}  // namespace

Result<Json> replay(policy::PolicySet& set, const Replay& what) {
  const auto first = first_entry(what.folder, what.since_ns);
  if (!first) return std::unexpected(first.error());
  auto cursor = audit::Cursor::open(what.folder, *first);
  if (!cursor) return std::unexpected(cursor.error());
  Replayer replayer(set);
  std::int64_t first_ns = 0, last_ns = 0;
  const auto began_ms = steady_ms();
  while (true) {
    const auto entry = cursor->next();
    if (!entry) return std::unexpected(entry.error());
    if (!*entry) break;
    if ((*entry)->time_ns < what.since_ns) continue;
    if (first_ns == 0) first_ns = (*entry)->time_ns;
    last_ns = (*entry)->time_ns;
    replayer.see(**entry);
  }
  auto answer = replayer.answer();
  answer["milliseconds"] = steady_ms() - began_ms;
  if (first_ns != 0) {
    answer["first"] = format_utc(first_ns);
    answer["last"] = format_utc(last_ns);
  }
  return answer;
}

std::string shown_replay(const Json& answer) {
  std::string out = fmt::format("{} records", answer.value("records", std::uint64_t{0}));
  if (answer.contains("first"))
    out += fmt::format(" from {} to {}", answer.value("first", ""), answer.value("last", ""));
  out += fmt::format(", replayed under {} in {:.1f} s\n", answer.value("policy", ""),
                     static_cast<double>(answer.value("milliseconds", 0)) / 1000);
  out += count_of(answer, "events", "events that rules are asked about, of these");
  out += count_of(answer, "same", "as it was");
  out += count_of(answer, "newly_refused", "refused, and passed before");
  out += count_of(answer, "newly_allowed", "let through, and refused before");
  out += count_of(answer, "other_rule", "refused as before, by another rule");
  out += count_of(answer, "undecidable", "undecidable: it hangs on what records do not hold");
  const auto over = answer.value("passed_over", Json::object());
  out += "passed over\n";
  out += count_of(over, "before_rules", "refused before rules are asked: not sealed, blocked, nobody there");
  out += count_of(over, "unclear", "refused by a rule, of a kind that the record does not tell");
  out += count_of(over, "damaged", "erased, cut or not readable");
  out += count_of(over, "other", "about other things: failed log-ins, what administrators did, …");
  out += shown(answer.value("rules", Json::array()), {.columns = {"name", "line", "shadow", "allows", "refuses",
                                                                  "newly_refuses", "delays", "undecidable", "needs"},
                                                      .nothing = "the policy has no rules"});
  std::string facts;
  for (const auto& fact : answer.value("not_held", Json::array()))
    facts += (facts.empty() ? "" : ", ") + fact.get<std::string>();
  return out + "Records hold nothing of: " + facts +
         ". Requests (iq), publications, invitations and new accounts that passed are in no record. Rates begin "
         "empty.\n";
}

Result<std::int64_t> since_of(const std::string& text, std::int64_t now_ns) {
  if (const auto date_us = parse_utc(text)) return *date_us * 1000;
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, number);
  const auto unit = stop + 1 == end ? *stop : ' ';
  const std::int64_t seconds = unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 86'400 : 0;
  if (fault != std::errc() || seconds == 0 || number < 0 || number > 36'500) {
    return fail(ErrorCode::invalid, "--since takes 30m, 24h, 7d or 2026-11-28T08:00:00Z, not \"" + text + "\"");
  }
  return now_ns - number * seconds * 1'000'000'000;
}

}  // namespace valise::ctl
