#include "policy_commands.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>

#include "asking.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "core/jid/normalised.hpp"
#include "policy/check.hpp"
#include "policy/test_file.hpp"
#include "policy_answer.hpp"
#include "policy_replay.hpp"

namespace valise::ctl {
namespace {

using Json = nlohmann::json;

// Kept by the command line's callbacks.
struct Options : Asking {
  std::string file{}, stanza{}, folder{};
  std::string since = "24h";
  std::vector<std::string> files{};
  std::map<std::string, std::string> facts{};  // by the facts' names
  std::string memory{}, key{}, value{}, lifetime{};
};

// `path`: the policy's; it may read files beside itself.
policy::PolicyOptions policy_options(const std::string& path) {
  policy::PolicyOptions options;
  options.normalise = &core::normalised;
  options.files = std::make_shared<policy::PolicyFiles>(policy::PolicyFiles::folder_of(path));
  return options;
}

// ---- check

Json row_of(const policy::PolicyError& error) {
  return {{"file", error.file}, {"line", error.line}, {"text", error.text}};
}

std::string check_line(const Json& finding, std::string_view what = {}) {
  const auto line = finding.value("line", 0U);
  return finding.value("file", "") + (line == 0 ? "" : ":" + std::to_string(line)) + ": " + std::string(what) +
         finding.value("text", "") + "\n";
}

std::string check_sentence(const Json& answer) {
  std::string out;
  for (const auto& finding : answer.value("findings", Json::array())) out += check_line(finding);
  for (const auto& note : answer.value("notes", Json::array())) out += check_line(note, "note: ");
  if (!answer.value("ok", false)) return out;
  const auto rules = answer.value("rules", std::size_t{0});
  return out + answer.value("file", "") + ": sound, " + std::to_string(rules) + (rules == 1 ? " rule\n" : " rules\n");
}

int check(const Options& options) {
  const auto source = policy::PolicySet::read_file(options.file);
  if (!source) return report({could_not, "unavailable", source.error().message()}, options.json);
  std::vector<policy::PolicyError> findings;
  std::size_t rules = 0;
  Json notes = Json::array();
  bool sound = false;
  if (const auto set = policy::PolicySet::load(*source, options.file, policy_options(options.file))) {
    findings = policy::find_dead_rules(**set);
    for (const auto& one : policy::find_oddities(**set)) notes.push_back(row_of(one));
    sound = std::ranges::all_of(findings, [](const auto& one) { return one.line == 0; });  // not all could be compared
    rules = (*set)->describe().size();
  } else {
    findings.push_back(set.error());
  }
  Json list = Json::array();
  for (const auto& one : findings) list.push_back(row_of(one));
  print({{"ok", sound}, {"file", options.file}, {"rules", rules}, {"findings", list}, {"notes", notes}}, options,
        {.sentence = &check_sentence});
  return sound ? done : refused;
}

// ---- test

std::string test_sentence(const Json& answer) {
  std::string out;
  for (const auto& file : answer.value("files", Json::array())) {
    out += file.value("file", "") + "\n";
    if (file.contains("error")) out += "  FAIL  " + file.value("error", "") + "\n";
    for (const auto& test : file.value("tests", Json::array())) {
      const auto why = test.value("why", "");
      out += (why.empty() ? "  ok    " : "  FAIL  ") + test.value("name", "") + (why.empty() ? "" : ": " + why) + "\n";
    }
  }
  return out + std::to_string(answer.value("passed", 0U)) + " passed, " + std::to_string(answer.value("failed", 0U)) +
         " failed\n";
}

// A file that cannot be run counts as one that failed: the others run all the same.
int test(const Options& options) {
  log::open(log::Level::error, "/dev/null");  // a rule that fails as it is to is no news
  Json files = Json::array();
  unsigned passed = 0, failed = 0;
  for (const auto& path : options.files) {
    const auto run = policy::run_test_file(path, policy_options(path));
    Json tests = Json::array();
    for (const auto& one : run.results) {
      ++(one.why.empty() ? passed : failed);
      tests.push_back({{"name", one.name}, {"line", one.line}, {"passed", one.why.empty()}, {"why", one.why}});
    }
    files.push_back({{"file", path}, {"tests", std::move(tests)}});
    if (!run.error) continue;
    ++failed;
    files.back()["error"] = run.error->message();
  }
  print({{"passed", passed}, {"failed", failed}, {"files", std::move(files)}}, options, {.sentence = &test_sentence});
  return failed == 0 ? done : refused;
}

// ---- replay

std::string replay_sentence(const Json& answer) { return shown_replay(answer); }

// The rules to replay under: a file's, or those in force on the server.
std::expected<std::unique_ptr<policy::PolicySet>, Failure> rules_of(const Options& options) {
  std::string name = options.file, text;
  if (options.file.empty()) {
    const auto source = ask(options, {{"command", "policy.source"}});
    if (!source) return std::unexpected(source.error());
    name = source->value("name", "");
    text = source->value("text", "");
  } else {
    auto source = policy::PolicySet::read_file(options.file);
    if (!source) return std::unexpected(Failure{could_not, "unavailable", source.error().message()});
    text = std::move(*source);
  }
  auto set = policy::PolicySet::load(text, name, policy_options(name));
  if (!set) return std::unexpected(Failure{refused, "invalid", set.error().message()});
  return std::move(*set);
}

int replay(const Options& options) {
  const auto since = since_of(options.since, utc_now_ns());
  if (!since) return report({could_not, "invalid", since.error().text}, options.json);
  const auto rules = rules_of(options);
  if (!rules) return report(rules.error(), options.json);
  auto answer = ctl::replay(**rules, {.folder = options.folder, .since_ns = *since});
  if (!answer) return report({could_not, "unavailable", answer.error().text}, options.json);
  (*answer)["policy"] = options.file.empty() ? "the rules in force" : options.file;
  return print(*answer, options, {.sentence = &replay_sentence});
}

// ---- explain

int explain_file(const Options& options) {
  policy::Question question(&core::normalised);
  if (const auto set = set_facts(question, Json(options.facts)); !set) {
    return report({could_not, "invalid", set.error()}, options.json);
  }
  const auto rules = policy::PolicySet::load_file(options.file, policy_options(options.file));
  if (!rules) return report({refused, "invalid", rules.error().message()}, options.json);
  return print(to_json(policy::explain(**rules, question.facts(1))), options, {.sentence = &shown_explanation});
}

int explain(const Options& options) {
  if (!options.file.empty()) {
    if (options.stanza.empty()) return explain_file(options);
    return report(
        {could_not, "invalid", "--stanza is read by the server as it reads what clients send: not with --file"},
        options.json);
  }
  Json request{{"command", "policy.explain"}, {"facts", options.facts}};
  if (!options.stanza.empty()) {
    constexpr std::size_t most = 60'000;  // a request has at most 65,536 bytes
    std::ifstream file(options.stanza, std::ios::binary);
    std::string text(most + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (!file.is_open() || file.bad())
      return report({could_not, "unavailable", "cannot read " + options.stanza}, options.json);
    if (text.size() > most) {
      return report({could_not, "invalid", options.stanza + ": a stanza of at most 60000 bytes is wanted"},
                    options.json);
    }
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    request["stanza"] = std::move(text);
  }
  return ask_and_print(options, std::move(request), {.sentence = &shown_explanation});
}

void add_explain(CLI::App& policy, const std::shared_ptr<Options>& options, int& code) {
  auto* command = policy.add_subcommand("explain", "which rule would decide on an event, and why");
  command->add_option("--file", options->file, "a policy's file; otherwise the rules in force on the server");
  command->add_option("--stanza", options->stanza, "a file with one stanza, from which the facts are read");
  for (const auto name : policy::Question::names()) {
    std::string option = "--" + std::string(name);
    std::ranges::replace(option, '_', '-');
    const auto help = name == "at" ? "when, local time: \"2026-07-14 10:00\" or \"tue 10:00\"; otherwise now"
                                   : "as m." + std::string(name);
    command->add_option_function<std::string>(
        option, [options, name = std::string(name)](const std::string& value) { options->facts[name] = value; }, help);
  }
  command->callback([options, &code] { code = explain(*options); });
}

// ---- memory

int ask_memory(const Options& options, const char* command, const Layout& layout) {
  return ask_and_print(options,
                       {{"command", command},
                        {"memory", options.memory},
                        {"key", options.key},
                        {"value", options.value},
                        {"lifetime", options.lifetime}},
                       layout);
}

std::string forget_sentence(const Json& answer) {
  return "\"" + answer.value("memory", "") + "\" has forgotten \"" + answer.value("key", "") + "\"\n";
}

void add_memory(CLI::App& policy, const std::shared_ptr<Options>& options, int& code) {
  auto* memory = policy.add_subcommand("memory", "what rules remember, read and changed")->require_subcommand(1);
  memory->add_subcommand("list", "the memories; their keys are hashes, so none is listed")->callback([options, &code] {
    code = ask_memory(*options, "policy.memory.list",
                      {.columns = {"name", "used", "keys", "durable", "lifetime_s"}, .nothing = "no memories"});
  });
  const auto verb = [&](const char* name, const char* help) {
    auto* command = memory->add_subcommand(name, help);
    command->add_option("memory", options->memory, "its name in the policy")->required();
    command->add_option("key", options->key, "an address, a domain, all, or what a rule's function names")->required();
    return command;
  };
  verb("get", "what is kept under a key")->callback([options, &code] {
    code = ask_memory(*options, "policy.memory.get", {});
  });
  auto* set = verb("set", "keeps a value under a key");
  set->add_option("value", options->value, "a whole number or a text; otherwise 1");
  set->add_option("lifetime", options->lifetime, "90s, 15m, 4h, 7d; otherwise what the policy says");
  set->callback([options, &code] {
    if (options->value.empty()) options->value = "1";
    code = ask_memory(*options, "policy.memory.set", {});
  });
  verb("forget", "forgets what is under a key")->callback([options, &code] {
    code = ask_memory(*options, "policy.memory.forget", {.sentence = &forget_sentence});
  });
}

}  // namespace

void add_policy_commands(CLI::App& cli, const std::string& socket, const bool& json, int& code) {
  const auto options = std::make_shared<Options>(Options{{.socket = socket, .json = json}});
  auto* policy = cli.add_subcommand("policy", "the administrator's rules")->require_subcommand(1);
  policy->add_subcommand("list", "the rules with their hit counts")->callback([options, &code] {
    code = ask_and_print(*options, {{"command", "policy.list"}},
                         {.columns = {"name", "hits", "errors", "would_refuse", "shadow", "chain", "file", "line",
                                      "last_error", "action", "match"},
                          .nothing = "no rules"});
  });
  auto* verb = policy->add_subcommand("check", "errors of a policy's file, and rules that can never act");
  verb->add_option("file", options->file, "the policy")->required();
  verb->callback([options, &code] { code = check(*options); });
  auto* tests = policy->add_subcommand("test", "runs tests of policies, written in Lua");
  tests->add_option("files", options->files, "the files with the tests")->required();
  tests->callback([options, &code] { code = test(*options); });
  auto* past = policy->add_subcommand("replay", "what the events of a metadata log would have become under a policy");
  past->add_option("folder", options->folder, "audit.path of the configuration, or a copy of it")->required();
  past->add_option("--since", options->since, "30m, 24h, 7d, or 2026-11-28T08:00:00Z")->capture_default_str();
  past->add_option("--policy", options->file, "a policy's file; otherwise the rules in force on the server");
  past->callback([options, &code] { code = replay(*options); });
  add_explain(*policy, options, code);
  add_memory(*policy, options, code);
}

}  // namespace valise::ctl
