#include "modules/commands/commands.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include "config/findings.hpp"
#include "core/administrators.hpp"
#include "core/named_accounts.hpp"
#include "core/namespaces.hpp"
#include "core/shard.hpp"
#include "modules/commands/command.hpp"
#include "modules/commands/sessions.hpp"
#include "modules/disco/domain_nodes.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace commands {
namespace {

using core::StanzaError;
using Type = StanzaError::Type;

std::string check_account(std::string_view text) {
  const auto jid = core::Jid::parse(text);
  return jid && jid->is_bare() && jid->has_local() ? std::string() : "takes an account, \"name@example.org\"";
}

const config::Option<config::Strings> administrators{
    {.name = "commands.administrators",
     .otherwise = {},
     .reason =
         "accounts that may administer the host from their client (XEP-0133); strangers can't register their names",
     .max = 64,
     .check = &check_account,
     .scope = config::Scope::host,
     .reload = config::Reload::live}};
const config::Option<std::int64_t> expiry{
    {.name = "commands.expiry",
     .otherwise = 600,
     .reason = "how long a command waits for the next form; each device may have eight open, the oldest makes room",
     .unit = config::Unit::seconds,
     .min = 10,
     .max = 86'400,
     .reload = config::Reload::live}};

// XEP-0050 §4.4: the error and its specific condition.
StanzaError refusal(Type type, std::string_view condition, std::string_view specific, core::Text text) {
  StanzaError error{.type = type, .condition = condition, .text = text};
  if (!specific.empty()) {
    error.application = "<" + std::string(specific) + " xmlns='" + std::string(ns_commands) + "'/>";
  }
  return error;
}
StanzaError bad_request(std::string_view specific, core::Text text) {
  return refusal(Type::modify, "bad-request", specific, text);
}
const core::Text text_malformed{"There is no such action.", "Cette action n’existe pas."};
const core::Text text_action{"That can't be done at this point.", "Ceci n’est pas possible à cette étape."};
const core::Text text_payload{"The form is incomplete, or holds something that does not fit.",
                              "Le formulaire est incomplet ou contient une valeur qui ne convient pas."};
const core::Text text_session{"This command is not running.", "Cette commande n’est pas en cours."};
const core::Text text_expired{"This command has ended. Please begin again.",
                              "Cette commande est terminée. Veuillez recommencer."};
const core::Text text_locale{"This server speaks French and English.", "Ce serveur parle français et anglais."};
const core::Text text_forbidden{"Only administrators may do this.", "Réservé aux administrateurs."};

StanzaError forbidden() { return refusal(Type::cancel, "forbidden", {}, text_forbidden); }
StanzaError unknown_node() { return {.type = Type::cancel, .condition = "item-not-found", .text = {}}; }

enum class Action : std::uint8_t { execute, cancel, prev, next, complete };
std::optional<Action> action_named(std::string_view name) noexcept {
  if (name.empty() || name == "execute") return Action::execute;
  if (name == "cancel") return Action::cancel;
  if (name == "prev") return Action::prev;
  if (name == "next") return Action::next;
  if (name == "complete") return Action::complete;
  return std::nullopt;
}

// §3.7: the language that the command itself asks for, else that of the iq or the stream (RFC 6120 §8.1.5), which need
// not be one of ours. Nothing: one that was asked for and is not spoken here.
std::optional<core::Language> language_of(const core::IqRequest& request) {
  const auto tag = request.payload().attribute_or_empty(xml::xml_lang);
  if (tag.empty()) return request.language();
  const auto one = core::language_of(tag, core::Language::english);
  const auto other = core::language_of(tag, core::Language::french);
  return one == other ? std::optional(one) : std::nullopt;
}

class Module final : public core::Module, public core::Administrators, public Commands, public disco::DomainNodes {
 public:
  explicit Module(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar& registrar) override {
    slot_ = registrar.session_part();
    registrar.iq(core::IqTarget::server, "set", "command", ns_commands,
                 [this](core::IqRequest request) { take(std::move(request)); });
    shard_.publish<core::Administrators>(*this);
    shard_.publish<Commands>(*this);
    shard_.publish<disco::DomainNodes>(*this);
  }

  void configure(const config::Snapshot& snapshot) override {
    administrators_.clear();
    anywhere_.clear();
    for (const auto& host : snapshot.hosts()) {
      for (const auto& name : snapshot.get(commands::administrators, host)) {
        const auto jid = core::Jid::parse(name);
        if (!jid) continue;  // it was checked
        administrators_[host].insert(jid->str());
        anywhere_.insert(jid->str());
      }
    }
    core::warn_of_missing_accounts(shard_, snapshot, commands::administrators);
    expiry_ms_ = snapshot.get(commands::expiry) * 1000;
  }

  // core::Administrators
  [[nodiscard]] bool is_administrator(std::string_view host, const core::Jid& who) const override {
    const auto found = administrators_.find(std::string(host));
    return found != administrators_.end() && found->second.contains(std::string(who.bare()));
  }
  [[nodiscard]] bool is_administrator_anywhere(const core::Jid& who) const override {
    return anywhere_.contains(std::string(who.bare()));
  }

  void each_of(std::string_view host, const std::function<void(std::string_view)>& visit) const override {
    const auto found = administrators_.find(std::string(host));
    if (found == administrators_.end()) return;
    for (const auto& jid : found->second) visit(jid);
  }

  // Commands
  void add(Command command) override {
    if (find(command.node) != nullptr) throw std::logic_error("command declared twice: " + command.node);
    commands_.push_back(std::make_unique<Command>(std::move(command)));
  }

  // disco::DomainNodes: XEP-0050 §2.1, §2.2
  [[nodiscard]] std::optional<std::expected<disco::DomainNode, StanzaError>> domain_node(
      const core::IqRequest& request, std::string_view node) const override {
    disco::DomainNode answer;
    xml::Writer writer(answer.info);
    if (node == ns_commands) {
      writer.open("identity").attribute("category", "automation").attribute("type", "command-list").close();
      writer.open("feature").attribute("var", ns_commands).close();
      for (const auto& command : commands_) {
        if (!is_on(*command, request.host()) || !may_run(*command, request)) continue;
        answer.items.emplace_back(command->node, command->name.in(request.language()));
      }
      return answer;
    }
    const auto* command = find(node);
    if (command == nullptr || !is_on(*command, request.host())) return std::nullopt;
    if (!may_run(*command, request)) return std::unexpected(forbidden());
    writer.open("identity").attribute("category", "automation").attribute("type", "command-node");
    writer.attribute("name", command->name.in(request.language())).close();
    for (const auto feature : {ns_commands, core::ns::data_forms}) {
      writer.open("feature").attribute("var", feature).close();
    }
    return answer;
  }

 private:
  [[nodiscard]] const Command* find(std::string_view node) const {
    const auto found = std::ranges::find(commands_, node, [](const auto& one) { return std::string_view(one->node); });
    return found == commands_.end() ? nullptr : found->get();
  }
  [[nodiscard]] static bool is_on(const Command& command, const std::string& host) {
    return !command.on_host || command.on_host(host);
  }
  // Asked again at each step: a reload may have taken the role away.
  [[nodiscard]] bool may_run(const Command& command, const core::IqRequest& request) const {
    const auto& who = request.from();
    if (command.role == Role::administrator) return is_administrator(request.host(), who);
    return who.domain() == request.host();
  }

  void take(core::IqRequest request) {
    auto* session = request.session();
    if (session == nullptr) return request.error(core::service_unavailable);
    const auto payload = request.payload();
    const auto node = payload.attribute("node");
    if (!node || node->empty()) {
      return request.error(bad_request({}, {"A command has a name.", "Une commande porte un nom."}));
    }
    const auto action = action_named(payload.attribute_or_empty("action"));
    if (!action) return request.error(bad_request("malformed-action", text_malformed));
    const auto* command = find(*node);
    if (command == nullptr || !is_on(*command, request.host())) return request.error(unknown_node());
    if (!may_run(*command, request)) return request.deny(forbidden(), "command");
    auto& sessions = session->ensure_part<Sessions>(slot_);
    const auto id = payload.attribute("sessionid");
    if (!id) return begin(std::move(request), *command, *action, sessions);
    bool was_one = false;
    auto* running = sessions.find(*id, shard_.loop().now_ms(), was_one);
    if (running != nullptr && running->command == command && running->host == request.host()) {
      return go_on(std::move(request), *action, sessions, *running);
    }
    if (was_one && running == nullptr) {
      return request.error(refusal(Type::cancel, "not-allowed", "session-expired", text_expired));
    }
    request.error(bad_request("bad-sessionid", text_session));
  }

  void begin(core::IqRequest request, const Command& command, Action action, Sessions& sessions) {
    if (action != Action::execute) return request.error(bad_request("bad-action", text_action));
    const auto language = language_of(request);
    if (!language) return request.error(bad_request("bad-locale", text_locale));
    auto& running = sessions.begin(command, request.host(), *language, shard_.loop().now_ms() + expiry_ms_);
    if (command.stages == 0) return run(std::move(request), sessions, running);
    show(std::move(request), running);
  }

  // §3.4
  void go_on(core::IqRequest request, Action action, Sessions& sessions, Running& running) {
    const auto& command = *running.command;
    const bool is_last = running.stage() + 1 == command.stages;
    if (action == Action::execute) action = is_last ? Action::complete : Action::next;
    if (action == Action::cancel) {
      std::string out;
      open(out, running, "canceled").close();
      sessions.end(running.id);
      return request.result(std::move(out));
    }
    running.until_ms = shard_.loop().now_ms() + expiry_ms_;
    if (action == Action::prev) {
      if (running.stage() == 0) return request.error(bad_request("bad-action", text_action));
      running.stages.pop_back();
      return show(std::move(request), running);
    }
    const bool allowed = action == Action::next ? !is_last : is_last || command.may_be_cut;
    if (!allowed) return request.error(bad_request("bad-action", text_action));
    auto said = read(request.payload(), running);
    if (!said) return request.error(bad_request("bad-payload", text_payload));
    running.stages.back() = std::move(*said);
    running.stages.emplace_back();  // what the next stage says
    if (action == Action::complete) return run(std::move(request), sessions, running);
    show(std::move(request), running);
  }

  // §3.5.1: "submit", and "cancel" is taken for it.
  static std::optional<Values> read(xml::Element payload, const Running& running) {
    const auto x = payload.child("x", core::ns::data_forms);
    const auto type = x.attribute_or_empty("type");
    if (x && type != "submit" && type != "cancel") return std::nullopt;
    return read_submission(x, running.command->ask(running.so_far(), running.stage()));
  }

  static xml::Writer open(std::string& out, const Running& running, std::string_view status) {
    xml::Writer writer(out);
    writer.open("command", ns_commands).attribute("node", running.command->node).attribute("sessionid", running.id);
    writer.attribute("status", status).attribute("xml:lang", core::tag_of(running.language));
    return writer;
  }

  // §3.4: the form of the stage, and what may be done with it.
  static void show(core::IqRequest request, const Running& running) {
    const auto& command = *running.command;
    const bool is_last = running.stage() + 1 == command.stages;
    std::string out;
    auto writer = open(out, running, "executing");
    writer.open("actions").attribute("execute", is_last ? "complete" : "next");
    if (running.stage() != 0) writer.element("prev");
    if (!is_last) writer.element("next");
    if (is_last || command.may_be_cut) writer.element("complete");
    writer.close();
    const auto form = command.ask(running.so_far(), running.stage());
    writer.raw(form_xml(form, running.language, &running.stages.back())).close();
    request.result(std::move(out));
  }

  // The session has ended then, whatever comes of it: who submits twice does it once.
  static void run(core::IqRequest request, Sessions& sessions, const Running& running) {
    const auto& command = *running.command;
    auto values = running.so_far();
    Execution execution(std::move(request), command.node, running.id, running.language, std::move(values));
    sessions.end(running.id);
    command.run(std::move(execution));
  }

  core::Shard& shard_;
  unsigned slot_ = 0;
  std::vector<std::unique_ptr<Command>> commands_;
  std::unordered_map<std::string, std::unordered_set<std::string>> administrators_;  // by host
  std::unordered_set<std::string> anywhere_;
  std::int64_t expiry_ms_ = 0;
};

// An administrator is an account of one of our hosts.
void check(const config::Snapshot& snapshot, config::Findings& findings) {
  core::check_hosts_of(administrators, snapshot, findings, &config::Findings::error);
}

}  // namespace
}  // namespace commands

const core::Manifest& commands_manifest() {
  using namespace commands;
  static const core::Manifest manifest{
      .name = "commands",
      .summary = "commands that people and administrators run from their client",
      .implements = {{"XEP-0050", "1.3.0"}},
      .server_features = {ns_commands},
      .options =
          [](config::Registry& registry) {
            registry.add(administrators);
            registry.add(expiry);
          },
      .check = &check,
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<commands::Module>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
