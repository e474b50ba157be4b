// valisectl: the administrator's command line. Talks to valised over its Unix socket, or works on files.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>

#include "asking.hpp"
#include "base/crypto.hpp"
#include "client.hpp"
#include "failure.hpp"
#include "group_commands.hpp"
#include "held_commands.hpp"
#include "offline.hpp"
#include "password.hpp"
#include "policy_commands.hpp"
#include "selftest/selftest.hpp"

namespace valise::ctl {
namespace {

using Json = nlohmann::json;

struct Options {
  std::string socket = "/run/valise/control";  // the default of listen.control
  bool json = false;
  std::string jid;
  std::string host;
  std::string id;
  bool batch = false;
  std::string folder;
  std::string known;
  std::uint64_t from = 0;
  std::uint64_t count = 0;
  std::vector<std::string> names;
  std::string certificate;
  std::string key;
  bool replace = false;
  std::string file;
  std::string report;
  bool online = false, all = false;
  std::string days;
  std::string inviter;
  std::int64_t uses = 1;
  std::optional<std::int64_t> lifetime_days;
  std::vector<std::string> groups;
  std::int64_t signed_prekey_days = 365, silent_days = 90;
};

int ask(const Options& options, Json request, const Layout& layout = {}) {
  return ask_and_print({options.socket, options.json}, std::move(request), layout);
}

// What became of the account of a command: "alice@example.org: added".
template <const char* what>
std::string account_sentence(const Json& answer) {
  return answer.value("jid", "") + ": " + what + "\n";
}
constexpr char say_added[] = "added", say_password_changed[] = "password changed", say_disabled[] = "disabled",
               say_enabled[] = "enabled", say_deleted[] = "deleted";

std::string kick_sentence(const Json& answer) {
  const auto ended = answer.value("ended", 0U);
  return std::to_string(ended) + (ended == 1 ? " session ended\n" : " sessions ended\n");
}

std::string revoke_sentence(const Json& answer) {
  std::string out = answer.value("jid", "") + ": the client's sessions and tokens are gone\n";
  if (answer.value("password_known", false)) out += "it can log in again; a new password keeps it out\n";
  return out;
}

std::string invitation_sentence(const Json& answer) {
  const auto web = answer.value("web", "");
  return answer.value("uri", "") + "\n" + (web.empty() ? "" : web + "\n") + "until " + answer.value("expires", "") +
         "; valisectl invite revoke " + answer.value("host", "") + " " + answer.value("id", "") + " takes it back\n";
}

std::string revoked_invitation(const Json& answer) { return answer.value("id", "") + ": revoked\n"; }

std::string reload_sentence(const Json& answer) {
  std::string out = "reloaded\n";
  for (const auto& option : answer.value("needs_restart", Json::array())) {
    out += option.get<std::string>() + " changes at the next start\n";
  }
  for (const auto& warning : answer.value("warnings", Json::array())) {
    out += "warning: " + warning.get<std::string>() + "\n";
  }
  return out;
}

std::string report_sentence(const Json& answer) { return answer.value("report", "") + ": removed\n"; }

std::string announcement_sentence(const Json& answer) {
  const auto sent = answer.value("sent", 0U), failed = answer.value("failed", 0U);
  auto out = "sent to " + std::to_string(sent) + (sent == 1 ? " account" : " accounts");
  if (failed != 0) out += ", not to " + std::to_string(failed);
  return out + "\n";
}

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

// The server says what is wrong with the text; here it is only kept from reading without end.
int announce_file(const Options& options) {
  constexpr std::size_t most = 64 * 1024;
  std::ifstream file;
  if (options.file != "-") file.open(options.file, std::ios::binary);
  std::istream& in = options.file == "-" ? std::cin : file;
  std::string text(most, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad() || (options.file != "-" && !file.is_open())) {
    return report({could_not, "unavailable", "cannot read " + options.file}, options.json);
  }
  if (text.size() == most)
    return report({could_not, "invalid", options.file + " is no announcement: too long"}, options.json);
  if (!is_utf8(text)) {
    return report({could_not, "invalid", options.file + " is not UTF-8"}, options.json);
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return ask(
      options,
      {{"command", "announce"}, {"host", options.host}, {"text", text}, {"to", options.online ? "online" : "all"}},
      {.sentence = &announcement_sentence});
}

int ask_with_password(const Options& options, const std::string& command, const Layout& layout) {
  auto password = read_password(options.jid);
  if (!password) return report({could_not, "invalid", password.error().text}, options.json);
  Json request{{"command", command}, {"jid", options.jid}, {"password", *password}};
  crypto::wipe(*password);
  return ask(options, std::move(request), layout);
}

// Lines "name@host<TAB or space>password" from standard input. Every line is tried; what failed is told with its line,
// so that a second run can be made of these.
int add_batch(const Options& options) {
  Client client;
  if (const auto connected = client.connect(options.socket); !connected) return report(connected.error(), options.json);
  std::string line;
  std::size_t added = 0;
  Json failed = Json::array();
  ExitCode exit = done;
  for (std::size_t number = 1; std::getline(std::cin, line); ++number) {
    if (line.empty()) continue;
    const auto space = line.find_first_of(" \t");
    std::expected<Json, Failure> result = std::unexpected(Failure{refused, "invalid", "no password"});
    if (space != std::string::npos) {
      result =
          client.ask({{"command", "user.add"}, {"jid", line.substr(0, space)}, {"password", line.substr(space + 1)}});
    }
    crypto::wipe(line);
    if (result) {
      ++added;
      continue;
    }
    const auto& failure = result.error();
    exit = std::max(exit, failure.exit);
    failed.push_back({{"line", number}, {"code", failure.code}, {"text", failure.text}});
    if (!options.json) std::fprintf(stderr, "valisectl: line %zu: %s\n", number, failure.text.c_str());
    if (failure.exit == could_not) break;  // the server is gone
  }
  print(options.json ? Json{{"added", added}, {"failed", failed}} : Json{{"added", added}, {"failed", failed.size()}},
        Asking{options.socket, options.json}, {});
  return exit;
}

void add_user_commands(CLI::App& cli, Options& options, int& code) {
  auto* user = cli.add_subcommand("user", "accounts")->require_subcommand(1);
  auto* add = user->add_subcommand("add", "creates an account; the password is asked or read from standard input");
  add->add_option("jid", options.jid, "name@host");
  add->add_flag("--batch", options.batch, "reads lines \"name@host password\" from standard input");
  add->callback([&] {
    if (!options.batch && options.jid.empty()) throw CLI::RequiredError("jid");
    code = options.batch ? add_batch(options)
                         : ask_with_password(options, "user.add", {.sentence = &account_sentence<say_added>});
  });
  auto* passwd = user->add_subcommand("passwd", "changes a password");
  passwd->add_option("jid", options.jid, "name@host")->required();
  passwd->callback(
      [&] { code = ask_with_password(options, "user.passwd", {.sentence = &account_sentence<say_password_changed>}); });
  struct Verb {
    const char *name, *help;
    Layout layout;
  };
  for (const auto& verb :
       {Verb{"disable", "ends the sessions and refuses log-ins", {.sentence = &account_sentence<say_disabled>}},
        Verb{"enable", "lets a disabled account log in again", {.sentence = &account_sentence<say_enabled>}},
        Verb{"delete",
             "erases the account and all it owns; the name rests",
             {.sentence = &account_sentence<say_deleted>}}}) {
    auto* command = user->add_subcommand(verb.name, verb.help);
    command->add_option("jid", options.jid, "name@host")->required();
    command->callback([&options, &code, request = std::string("user.") + verb.name, layout = verb.layout] {
      code = ask(options, {{"command", request}, {"jid", options.jid}}, layout);
    });
  }
  auto* list = user->add_subcommand("list", "accounts of a host, or of all");
  list->add_option("host", options.host, "one of the server's hosts");
  list->callback([&] {
    code = ask(options, {{"command", "user.list"}, {"host", options.host}},
               {.columns = {"jid", "state", "created"}, .nothing = "no accounts"});
  });
}

void add_invitation_commands(CLI::App& cli, Options& options, int& code) {
  auto* invite = cli.add_subcommand("invite", "links by which people make an account")->require_subcommand(1);
  auto* made = invite->add_subcommand("new", "prints a link; the link is kept nowhere");
  made->add_option("to", options.jid, "a host, or name@host for an account of that name")->required();
  made->add_option("--inviter", options.inviter, "name@host: the two become contacts");
  made->add_option("--group", options.groups, "of the two's contact lists; may be repeated")->expected(1);
  made->add_option("--uses", options.uses, "by so many people")->capture_default_str();
  made->add_option("--days", options.lifetime_days, "how long it holds, 1 to 366; otherwise invitations.lifetime");
  made->callback([&] {
    Json request{{"command", "invite.new"},
                 {"to", options.jid},
                 {"inviter", options.inviter},
                 {"groups", options.groups},
                 {"uses", options.uses}};
    if (options.lifetime_days) request["days"] = *options.lifetime_days;
    code = ask(options, std::move(request), {.sentence = &invitation_sentence});
  });
  auto* list = invite->add_subcommand("list", "open invitations of a host, or of all");
  list->add_option("host", options.host, "one of the server's hosts");
  list->callback([&] {
    code = ask(options, {{"command", "invite.list"}, {"host", options.host}},
               {.columns = {"id", "host", "for", "name", "inviter", "state", "used", "uses", "expires"},
                .nothing = "no invitations"});
  });
  auto* revoke = invite->add_subcommand("revoke", "takes an invitation back");
  revoke->add_option("host", options.host, "its host")->required();
  revoke->add_option("id", options.id, "its id, as the list shows it")->required();
  revoke->callback([&] {
    code = ask(options, {{"command", "invite.revoke"}, {"host", options.host}, {"id", options.id}},
               {.sentence = &revoked_invitation});
  });
}

void add_server_commands(CLI::App& cli, Options& options, int& code) {
  auto* session = cli.add_subcommand("session", "who is connected")->require_subcommand(1);
  session->add_subcommand("list", "all sessions")->callback([&] {
    code = ask(
        options, {{"command", "session.list"}},
        {.columns = {"jid", "address", "tls", "mechanism", "connected", "available", "priority", "memory_kib", "since"},
         .nothing = "no sessions"});
  });
  auto* kick = session->add_subcommand("kick", "ends one session (full JID) or all of an account");
  kick->add_option("jid", options.jid, "name@host, or name@host/resource")->required();
  kick->callback(
      [&] { code = ask(options, {{"command", "session.kick"}, {"jid", options.jid}}, {.sentence = &kick_sentence}); });
  auto* client = cli.add_subcommand("client", "which clients have access to an account")->require_subcommand(1);
  auto* clients = client->add_subcommand("list", "the clients of an account, and what they can log in with");
  clients->add_option("jid", options.jid, "name@host")->required();
  clients->callback([&] {
    code = ask(options, {{"command", "client.list"}, {"jid", options.jid}},
               {.columns = {"id", "state", "resource", "address", "password", "token", "certificate", "software",
                            "device", "first", "last"},
                .nothing = "no clients"});
  });
  auto* revoke = client->add_subcommand("revoke", "ends a client's sessions and takes its tokens back");
  revoke->add_option("jid", options.jid, "name@host")->required();
  revoke->add_option("id", options.id, "as client list says it")->required();
  revoke->callback([&] {
    code = ask(options, {{"command", "client.revoke"}, {"jid", options.jid}, {"id", options.id}},
               {.sentence = &revoke_sentence});
  });
  cli.add_subcommand("status", "how the server is")->callback([&] { code = ask(options, {{"command", "status"}}); });
  cli.add_subcommand("reload", "reads configuration, certificates and policy again")->callback([&] {
    code = ask(options, {{"command", "reload"}}, {.sentence = &reload_sentence});
  });
  auto* announce = cli.add_subcommand("announce", "a message of the service to people of a host");
  announce->add_option("host", options.host, "one of the server's hosts")->required();
  announce->add_option("file", options.file, "the text, in UTF-8; - reads standard input")->required();
  auto* online = announce->add_flag("--online", options.online, "to whoever is available now");
  announce->add_flag("--all", options.all, "to every account; it waits for those who are away")->excludes(online);
  announce->callback([&] {
    if (!options.online && !options.all) throw CLI::RequiredError("--online or --all");
    code = announce_file(options);
  });
  auto* reports = cli.add_subcommand("reports", "what people report of those whom they block");
  reports->add_option("host", options.host, "one of the server's hosts");
  reports->add_option("--done", options.report, "removes this one");
  reports->callback([&] {
    if (!options.report.empty()) {
      code = ask(options, {{"command", "reports.done"}, {"report", options.report}}, {.sentence = &report_sentence});
    } else {
      code = ask(options, {{"command", "reports.list"}, {"host", options.host}},
                 {.columns = {"report", "time", "reason", "by", "of", "messages", "text"}, .nothing = "no reports"});
    }
  });
  cli.add_subcommand("modules", "the features and what they implement")->callback([&] {
    code = ask(options, {{"command", "module.list"}}, {.columns = {"name", "implements", "summary"}});
  });
  cli.add_subcommand("hooks", "what a stanza meets, in order")->callback([&] {
    code = ask(options, {{"command", "hook.list"}});
  });
}

std::string keep_sentence(const Json& answer) { return answer.value("jid", "") + ": done\n"; }

std::string expire_sentence(const Json& answer) {
  const auto due = answer.value("due", std::uint64_t{0});
  return std::to_string(due) + (due == 1 ? " row" : " rows") + " of old messages due to go\n";
}

void add_archive_commands(CLI::App& cli, Options& options, int& code) {
  auto* archive = cli.add_subcommand("archive", "what accounts sent and received")->require_subcommand(1);
  auto* show = archive->add_subcommand("show", "how many messages, since when, and how long they are kept");
  show->add_option("jid", options.jid, "name@host")->required();
  show->callback([&] { code = ask(options, {{"command", "archive.show"}, {"jid", options.jid}}); });
  auto* keep = archive->add_subcommand("keep", "how long the messages of an account are kept");
  keep->add_option("jid", options.jid, "name@host")->required();
  keep->add_option("days", options.days, "0: for ever; default: as archive.keep_days says")->required();
  keep->callback([&] {
    code = ask(options, {{"command", "archive.keep"}, {"jid", options.jid}, {"days", options.days}},
               {.sentence = &keep_sentence});
  });
  archive->add_subcommand("expire", "removes now what is older than its term; else that is done once a day")
      ->callback([&] { code = ask(options, {{"command", "archive.expire"}}, {.sentence = &expire_sentence}); });
}

void add_file_commands(CLI::App& cli, Options& options, int& code) {
  auto* audit = cli.add_subcommand("audit", "the metadata log, on its files")->require_subcommand(1);
  auto* verify = audit->add_subcommand("verify", "checks every byte; exit code 1 if it was altered");
  verify->add_option("folder", options.folder, "audit.path of the configuration")->required();
  verify->add_option("--known", options.known, "SIZE:CHAIN that an earlier verify printed: this log must continue it");
  verify->callback([&] { code = audit_verify(options.folder, options.known, options.json); });
  auto* show = audit->add_subcommand("show", "prints the records as JSON Lines");
  show->add_option("folder", options.folder, "audit.path of the configuration")->required();
  show->add_option("--from", options.from, "first entry");
  show->add_option("--count", options.count, "at most so many; 0: all");
  show->callback([&] { code = audit_show(options.folder, options.from, options.count, options.json); });
  auto* cert = cli.add_subcommand("cert", "a certificate from a local authority, which is made if it is missing");
  cert->add_option("folder", options.folder, "the authority's folder")->required();
  cert->add_option("names", options.names, "host names; the first is the subject")->required();
  cert->add_option("--certificate", options.certificate, "file to write")->required();
  cert->add_option("--key", options.key, "file to write")->required();
  cert->add_flag("--replace", options.replace, "overwrites a key that is there");
  cert->callback([&] {
    code = make_certificate(options.folder, options.names, options.certificate, options.key, options.replace,
                            options.json);
  });
}

std::string approve_sentence(const Json& answer) {
  return answer.value("jid", "") + ": device " + std::to_string(answer.value("device", 0U)) + " is let in\n";
}
std::string revoke_device_sentence(const Json& answer) {
  return answer.value("jid", "") + ": device " + std::to_string(answer.value("device", 0U)) +
         " is revoked; its sessions go on until session kick, and a new password keeps them out\n";
}

void add_omemo_commands(CLI::App& omemo, Options& options, int& code) {
  auto* devices = omemo.add_subcommand("devices", "the devices of an account, listed or not");
  devices->add_option("jid", options.jid, "name@host")->required();
  devices->callback([&] {
    code = ask(options, {{"command", "omemo.devices"}, {"jid", options.jid}},
               {.columns = {"device", "state", "versions", "first", "seen", "resource", "fingerprint"},
                .nothing = "no devices"});
  });
  const auto decision = [&](const char* name, const char* help, const char* command, Layout layout) {
    auto* verb = omemo.add_subcommand(name, help);
    verb->add_option("jid", options.jid, "name@host")->required();
    verb->add_option("device", options.id, "its number, as omemo devices says it")->required();
    verb->callback([&options, &code, request = std::string(command), layout] {
      code = ask(options, {{"command", request}, {"jid", options.jid}, {"device", options.id}}, layout);
    });
    return verb;
  };
  decision("approve", "lets a device in that waits, or one back in that was revoked", "omemo.approve",
           {.sentence = &approve_sentence})
      ->alias("unrevoke");
  decision("revoke", "takes a device out of the lists, and keeps it out", "omemo.revoke",
           {.sentence = &revoke_device_sentence});
  auto* history = omemo.add_subcommand("history", "who published which identity key when, out of the metadata log");
  history->add_option("jid", options.jid, "name@host")->required();
  history->callback([&] {
    code = ask(options, {{"command", "omemo.history"}, {"jid", options.jid}},
               {.columns = {"entry", "time", "what", "device", "version", "by", "resource", "identity", "note"},
                .nothing = "nothing is recorded"});
  });
  auto* health = omemo.add_subcommand("health", "devices without keys, with few prekeys, with old ones, silent ones");
  health->add_option("about", options.jid, "a host, or name@host; otherwise all");
  health->add_option("--signed-prekey-days", options.signed_prekey_days, "report older ones; 0: none")
      ->capture_default_str();
  health->add_option("--silent-days", options.silent_days, "report devices that were not seen for so long; 0: none")
      ->capture_default_str();
  health->callback([&] {
    code = ask(options,
               {{"command", "omemo.health"},
                {"about", options.jid},
                {"signed_prekey_days", options.signed_prekey_days},
                {"silent_days", options.silent_days}},
               {.columns = {"account", "device", "version", "problems", "prekeys", "signed_prekey", "seen"},
                .nothing = "all devices that are known are well"});
  });
}

// What was wrong with the command line. CLI11 speaks of a missing subcommand where a word is not one.
std::string wrong_use(const CLI::App& cli, const CLI::ParseError& error) {
  const auto* at = &cli;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const auto unknown = cli.remaining(true);  // a word that no verb takes falls through to the top
  const bool takes_verb = at->get_require_subcommand_min() > 0 && at->get_subcommands().empty();
  const std::string remedy = "; valisectl" + (at == &cli ? std::string() : " " + at->get_name()) + " --help lists them";
  if (takes_verb && !unknown.empty()) {
    const char* kind = unknown.front().starts_with('-') ? "option" : "command";
    return std::string("there is no ") + kind + " \"" + unknown.front() + "\"" + remedy;
  }
  if (takes_verb) return "a command is missing" + remedy;
  return error.what();
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App cli{"valisectl: administers a Valise server"};
  Options options;
  int code = 0;
  cli.fallthrough();  // --json and --socket may stand behind the verb as well
  cli.add_option("--socket", options.socket, "the server's listen.control")->capture_default_str();
  cli.set_version_flag("--version", std::string("valisectl " VALISE_VERSION));
  cli.add_flag("--json", options.json, "prints JSON, for scripts");
  cli.require_subcommand(1);
  add_user_commands(cli, options, code);
  add_invitation_commands(cli, options, code);
  add_server_commands(cli, options, code);
  add_archive_commands(cli, options, code);
  add_file_commands(cli, options, code);
  add_group_commands(cli, options.socket, options.json, code);
  add_held_commands(cli, options.socket, options.json, code);
  add_policy_commands(cli, options.socket, options.json, code);
  selftest::add_command(cli, options.socket, options.json, code);
  add_omemo_commands(*cli.get_subcommand("omemo"), options, code);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return cli.exit(error);  // --help, --version
    return report({could_not, "invalid", wrong_use(cli, error)}, options.json);
  }
  return code;
}

}  // namespace valise::ctl

int main(int argc, char** argv) { return valise::ctl::run(argc, argv); }
