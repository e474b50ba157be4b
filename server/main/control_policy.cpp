#include "main/control_policy.hpp"

#include "base/clock.hpp"
#include "base/log.hpp"
#include "core/jid/normalised.hpp"
#include "ctl/policy_answer.hpp"
#include "modules/labels/options.hpp"
#include "modules/omemo/allow_list.hpp"
#include "modules/policy/in_force.hpp"
#include "policy/memories.hpp"

namespace valise {
namespace {

std::vector<policy::RuleInfo> rules_of(core::Shard& shard) {
  const auto* rules = shard.service<modules::RulesInForce>();
  return rules == nullptr ? std::vector<policy::RuleInfo>() : rules->infos();
}

// What is counted is summed over the shards, each of which has its own rules.
Result<std::vector<policy::RuleInfo>> rules_of_all(const Request& request, std::chrono::seconds limit) {
  auto parts = on_all(request, &rules_of, limit);
  if (!parts) return std::unexpected(parts.error());
  std::vector<policy::RuleInfo> sum;
  for (auto& lines : *parts) {
    if (sum.size() != lines.size()) {
      sum = std::move(lines);
      continue;
    }
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i].hits += lines[i].hits;
      sum[i].errors += lines[i].errors;
      sum[i].would_refuse += lines[i].would_refuse;
      sum[i].overruns += lines[i].overruns;
      sum[i].overruns_now |= lines[i].overruns_now;
      if (!lines[i].last_error.empty()) sum[i].last_error = std::move(lines[i].last_error);
    }
  }
  return sum;
}

Answer policy_list(const Request& request) {
  const auto rules = rules_of_all(request, control_patience);
  if (!rules) return std::unexpected(rules.error());
  Json rows = Json::array();
  for (const auto& rule : *rules) {
    rows.push_back({{"name", rule.name},
                    {"line", rule.line},
                    {"file", rule.file},
                    {"chain", rule.chain},
                    {"match", rule.match},
                    {"action", rule.action},
                    {"shadow", rule.shadow},
                    {"hits", rule.hits},
                    {"errors", rule.errors},
                    {"would_refuse", rule.would_refuse},
                    {"overruns", rule.overruns},
                    {"last_error", rule.last_error}});
  }
  return rows;
}

// "body jabber:client,html …": as many as a question takes.
std::string children_of(xml::Element stanza) {
  constexpr std::size_t most = 64, most_bytes = 4096;
  std::string out;
  std::size_t count = 0;
  for (const auto child : stanza.children()) {
    if (child.is_text()) continue;
    auto one = std::string(child.name()) + " " + std::string(child.ns());
    if (++count > most || out.size() + 1 + one.size() > most_bytes) break;
    if (!out.empty()) out += ',';
    out += one;
  }
  return out;
}

constexpr std::string_view before_rules = "where content has to be sealed it is refused before any rule is asked";

// Its label, if that is one of its sender's host.
Ref<const core::Label> label_of(const core::Stanza& message, const Json& facts, const config::Snapshot& config) {
  const auto found = core::labels_in(message.root());
  const auto said = facts.find("from");
  const auto from = core::Jid::parse(said != facts.end() && said->is_string() ? said->get<std::string>() : "");
  const auto labels = from ? modules::labels::labels_of(config, from->domain()) : Ref<const core::Labels>();
  return labels && found.count == 1 ? labels->find(found.first) : Ref<const core::Label>();
}

// The facts that a stanza's text gives, into `facts` where they are not said otherwise. Errors: invalid.
Result<std::string> facts_of_stanza(const std::string& text, Json& facts, const config::Snapshot& config) {
  const auto document = xml::parse_element(text);
  if (!document) return fail(ErrorCode::invalid, "the stanza is not one element of well-formed XML");
  const auto root = document->root();
  const auto stanza = core::make_stanza(document);
  if (!stanza) return fail(ErrorCode::invalid, "not a stanza: " + stanza.error().text);
  if (!*stanza) return fail(ErrorCode::invalid, "not a stanza: neither a message nor a presence nor an iq");
  const auto fill = [&facts](const char* name, std::string value) {
    if (!value.empty() && !facts.contains(name)) facts[name] = std::move(value);
  };
  auto& read = **stanza;
  fill("kind", std::string(name_of(read.kind)));
  fill("from", std::string(root.attribute_or_empty("from")));
  if (read.to) fill("to", read.to->str());
  fill("type", read.type);
  fill("size", std::to_string(text.size()));
  if (read.kind == core::Kind::iq) fill("payload", std::string(read.payload().ns()));
  fill("children", children_of(root));
  if (read.kind != core::Kind::message || read.is_error()) return std::string();
  read.label = label_of(read, facts, config);
  if (read.label) fill("label", read.label->name);
  const auto rebuilt = modules::omemo::rebuild_message(read);
  const auto& seal = rebuilt.seal;
  if (rebuilt.refused == modules::omemo::Reason::label) return std::string(before_rules);
  if (seal.form == core::Seal::Form::none) return std::string(rebuilt.refused ? before_rules : "");
  fill("sealed", "true");
  fill("omemo", seal.form == core::Seal::Form::legacy ? "legacy" : "2");
  fill("sid", std::to_string(seal.sender_device));
  fill("keys", std::to_string(seal.keys));
  fill("prekeys", std::to_string(seal.prekeys));
  fill("sealed_length", std::to_string(seal.payload_bytes));
  return std::string();
}

// {"facts": {name: text}, "stanza": XML or nothing}. Asked where the rules decide on it: at the home of who sends or,
// with direction "in", of who receives.
Answer policy_explain(const Request& request) {
  auto facts = request.json.value("facts", Json::object());
  if (!facts.is_object()) return fail(ErrorCode::invalid, "the facts are no object");
  std::string before;
  if (const auto text = request.text("stanza"); !text.empty()) {
    auto note = facts_of_stanza(text, facts, *request.app.config());
    if (!note) return std::unexpected(note.error());
    before = std::move(*note);
  }
  const auto question = std::make_shared<policy::Question>(&core::normalised);
  if (const auto done = ctl::set_facts(*question, facts); !done) return fail(ErrorCode::invalid, done.error());
  const auto asked = question->facts(0);
  const auto& whose = asked.direction == policy::Direction::in ? asked.to.bare : asked.from.bare;
  auto reply = std::make_shared<Reply<Json>>();
  auto& shard = request.app.kernel().home(whose);
  shard.post([&shard, question, reply] {
    auto* rules = shard.service<modules::RulesInForce>();
    const auto explanation = rules == nullptr ? std::nullopt : rules->explain(*question);
    if (!explanation) return reply->give(fail(ErrorCode::unavailable, "no rules are in force: nothing may pass"));
    reply->give(ctl::to_json(*explanation));
  });
  auto answer = reply->wait(request.stop, control_patience);
  if (answer && !before.empty()) (*answer)["before"] = before;
  return answer;
}

// The text that the rules in force were made from, for tools that work on it without the server.
Answer policy_source(const Request& request) {
  auto reply = std::make_shared<Reply<Json>>();
  auto& shard = *request.app.kernel().shards.front();
  shard.post([&shard, reply] {
    auto* rules = shard.service<modules::RulesInForce>();
    const auto source = rules == nullptr ? nullptr : rules->source();
    if (!source) return reply->give(fail(ErrorCode::unavailable, "no rules are in force: nothing may pass"));
    reply->give(Json{{"name", source->name}, {"text", source->text}});
  });
  return reply->wait(request.stop, control_patience);
}

// ---- memories: all shards share them, any may be asked

// What `work(memories, now_ms)` gives.
template <class Work>
Answer with_memories(const Request& request, Work work) {
  auto reply = std::make_shared<Reply<Json>>();
  auto& shard = *request.app.kernel().shards.front();
  shard.post([&shard, reply, work = std::move(work)] {
    const auto* rules = shard.service<modules::RulesInForce>();
    const auto* set = rules == nullptr ? nullptr : rules->rules();
    if (set == nullptr) return reply->give(fail(ErrorCode::unavailable, "no rules are in force: nothing may pass"));
    if (!reply->begin()) return;  // nobody waits any more: nothing is changed
    reply->give(work(policy::Memories(*set), shard.loop().now_ms()));
  });
  return reply->wait(request.stop, control_patience);
}

Json shown_value(const std::string& memory, const std::string& key, const policy::Memories::Value& value,
                 std::int64_t now_ms) {
  const auto utc_ahead_ms = utc_now_ms() - now_ms;
  Json out{{"memory", memory}, {"key", key}};
  out["value"] = value.text.empty() ? Json(value.number) : Json(value.text);
  out["since"] = format_utc_ms(value.since_ms + utc_ahead_ms);
  if (value.expires_ms != policy::Memory::never) out["until"] = format_utc_ms(value.expires_ms + utc_ahead_ms);
  return out;
}

Answer memory_list(const Request& request) {
  return with_memories(request, [](const policy::Memories& memories, std::int64_t now_ms) -> Answer {
    Json rows = Json::array();
    for (const auto& one : memories.list(now_ms)) {
      rows.push_back({{"name", one.name}, {"used", one.used}, {"keys", one.keys}, {"durable", one.durable}});
      if (one.lifetime_ms >= 0) rows.back()["lifetime_s"] = one.lifetime_ms / 1000;
    }
    return rows;
  });
}

Answer memory_get(const Request& request) {
  return with_memories(request,
                       [memory = request.text("memory"), key = request.text("key")](const policy::Memories& memories,
                                                                                    std::int64_t now_ms) -> Answer {
                         const auto value = memories.get(memory, key, now_ms);
                         if (!value) return fail(ErrorCode::invalid, value.error());
                         if (!*value)
                           return fail(ErrorCode::not_found, "\"" + memory + "\" has nothing under \"" + key + "\"");
                         return shown_value(memory, key, **value, now_ms);
                       });
}

// Rules decide by it from now on, so it leaves a record.
Answer memory_set(const Request& request) {
  const auto memory = request.text("memory"), key = request.text("key");
  auto answer = with_memories(request,
                              [memory, key, value = request.text("value"), lifetime = request.text("lifetime")](
                                  const policy::Memories& memories, std::int64_t now_ms) -> Answer {
                                const auto made = memories.set(memory, key, value, lifetime, now_ms);
                                if (!made) return fail(ErrorCode::invalid, made.error());
                                return shown_value(memory, key, *made, now_ms);
                              });
  if (!answer) return answer;
  request.app.record_admin("policy-memory-set", key, memory);
  log::info("policy", "memory \"{}\": \"{}\" was set by an administrator, {}", memory, log::printable(key),
            answer->contains("until") ? "until " + answer->value("until", "") : "for ever");
  return answer;
}

Answer memory_forget(const Request& request) {
  const auto memory = request.text("memory"), key = request.text("key");
  auto answer = with_memories(request, [memory, key](const policy::Memories& memories, std::int64_t now_ms) -> Answer {
    const auto was_there = memories.forget(memory, key, now_ms);
    if (!was_there) return fail(ErrorCode::invalid, was_there.error());
    if (!*was_there) return fail(ErrorCode::not_found, "\"" + memory + "\" has nothing under \"" + key + "\"");
    return Json{{"memory", memory}, {"key", key}};
  });
  if (answer) request.app.record_admin("policy-memory-forget", key, memory);
  return answer;
}

}  // namespace

Json overrunning_rules(const Request& request) {
  Json out = Json::object();
  const auto rules = rules_of_all(request, std::chrono::seconds(2));
  if (!rules) return out;
  for (const auto& rule : *rules) {
    if (!rule.overruns_now) continue;
    out[rule.name] = std::to_string(rule.overruns) + " overruns of its budget; " + rule.last_error;
  }
  return out;
}

std::span<const NamedCommand> policy_commands() {
  static constexpr NamedCommand commands[] = {
      {"policy.list", &policy_list},
      {"policy.explain", &policy_explain},
      {"policy.source", &policy_source},
      {"policy.memory.list", &memory_list},
      {"policy.memory.get", &memory_get},
      {"policy.memory.set", &memory_set},
      {"policy.memory.forget", &memory_forget},
  };
  return commands;
}

}  // namespace valise
