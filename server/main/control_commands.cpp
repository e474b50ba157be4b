// What valisectl can ask. Each command is one function from a request to a result.
#include <algorithm>
#include <charconv>
#include <optional>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "config/options.hpp"
#include "core/account_change.hpp"
#include "core/services.hpp"
#include "main/control.hpp"
#include "main/control_accounts.hpp"
#include "main/control_groups.hpp"
#include "main/control_held.hpp"
#include "main/control_hosts.hpp"
#include "main/control_invitations.hpp"
#include "main/control_omemo.hpp"
#include "main/control_policy.hpp"
#include "main/control_service.hpp"
#include "modules/omemo/mode_options.hpp"
#include "modules/omemo/table/options.hpp"

namespace valise {
namespace {

// Bytes that connections take, those of strangers among them, and what waits at accounts: for commits, or to begin
// again.
struct Held {
  std::size_t connections = 0;
  std::size_t strangers = 0;
  std::size_t waiting = 0;
};

Result<Held> held_by_all(const Request& request) {
  const auto parts = on_all(
      request,
      [&app = request.app](core::Shard& shard) {
        const auto& streams = app.streams(shard.index());
        Held held{.connections = streams.memory(), .strangers = streams.strangers_memory()};
        held.waiting = shard.bytes_to_begin_again();
        for (const auto& [name, account] : shard.accounts()) held.waiting += account->waiting_bytes();
        return held;
      },
      std::chrono::seconds(2));
  if (!parts) return std::unexpected(parts.error());
  Held sum;
  for (const auto& part : *parts) {
    sum.connections += part.connections;
    sum.strangers += part.strangers;
    sum.waiting += part.waiting;
  }
  return sum;
}

// Which mode holds now for content of each host, and until when (docs/sealed.md 3.6).
Json sealed_of(const config::Snapshot& config) {
  using namespace modules::omemo;
  const auto now_ms = utc_now_ms();
  auto hosts = Json::object();
  for (const auto& host : config.hosts()) {
    const auto modes = host_modes(config, host);
    const auto holds = modes.of_host(now_ms);
    auto& shown = hosts[host] = {{"mode", name_of(holds.mode)}};
    if (holds.until_ms) {
      shown["until"] = format_utc_ms(*holds.until_ms);
      shown["then"] = name_of(modes.of_host(*holds.until_ms).mode);
    }
    if (modes.between_hosts) {
      const HostModes between{.mode = *modes.between_hosts, .from_ms = modes.from_ms};
      shown["between_hosts"] = name_of(between.of_host(now_ms).mode);
    }
    if (modes.laxer_rules) shown["rules"] = "laxer";
    for (const auto& name : config.get(table::allow_option, host)) shown["allow"].push_back(name);
    for (const auto& group : modes.groups) {
      if (group.until_ms && now_ms >= *group.until_ms) continue;
      shown["groups"][group.name] =
          std::string(name_of(group.mode)) + (group.until_ms ? " until " + format_utc_ms(*group.until_ms) : "");
    }
    for (const auto& one : modes.exemptions) {
      shown["exempt"][one.account] = (one.sends && one.receives ? "both"
                                      : one.sends               ? "sends"
                                                                : "receives") +
                                     std::string(now_ms < one.until_ms ? " until " : " expired at ") +
                                     format_utc_ms(one.until_ms) + ": " + one.reason;
    }
  }
  return hosts;
}

Answer status(const Request& request) {
  auto& app = request.app;
  auto& kernel = app.kernel();
  app.look_at_memory();
  Json result{{"version", VALISE_VERSION},
              {"uptime_s", (utc_now_ms() - kernel.started_ms) / 1000},
              {"hosts", app.config()->hosts()},
              {"sealed", sealed_of(*app.config())},
              {"shards", kernel.shards.size()},
              {"sessions", kernel.stats.sessions.load()},
              {"detached", kernel.stats.detached.load()},
              {"connections", kernel.stats.connections.load()},
              {"unauthenticated", kernel.stats.unauthenticated.load()},
              {"messages", kernel.stats.messages.load()},
              {"refused", kernel.stats.refused.load()},
              {"memory",
               {{"resident", app.memory().resident()},
                {"limit", app.memory().limit()},
                {"state", name_of(kernel.memory.load())}}},
              {"store", app.store()->describe()}};
  if (const auto held = held_by_all(request)) {  // a shard that hangs keeps nobody from the rest
    result["memory"]["connections"] = held->connections;
    result["memory"]["strangers"] = held->strangers;
    result["memory"]["waiting"] = held->waiting;
  }
  if (auto rules = overrunning_rules(request); !rules.empty()) result["overrunning_rules"] = std::move(rules);
  if (auto groups = silent_groups(request); !groups.empty()) result["silent_groups"] = std::move(groups);
  if (auto first = held_until(request); !first.empty()) result["held_until"] = std::move(first);
  if (const auto* committer = app.committer()) {
    const auto& stats = committer->stats();
    result["commit"] = {{"units", stats.units.load()},
                        {"failed", stats.failed.load()},
                        {"refused", stats.refused.load()},
                        {"batches", stats.batches.load()},
                        {"largest_batch", stats.max_batch.load()},
                        {"waiting", stats.waiting.load()},
                        {"store_retries", stats.store_retries.load()},
                        {"log_failures", stats.log_failures.load()}};
  }
  return result;
}

Answer module_list(const Request& request) {
  Json rows = Json::array();
  for (const auto* manifest : request.app.kernel().modules) {
    Json specifications = Json::array();
    for (const auto& one : manifest->implements) {
      specifications.push_back(std::string(one.document) + " " + std::string(one.version) +
                               (one.completeness == core::Completeness::partial ? " (partial)" : ""));
    }
    rows.push_back({{"name", manifest->name}, {"summary", manifest->summary}, {"implements", specifications}});
  }
  return rows;
}

Answer hook_list(const Request& request) { return Json(request.app.kernel().shards.front()->hooks().describe()); }

Json shown_time(const Result<std::vector<storage::BoxMessage>>& row) {
  if (!row || row->empty()) return nullptr;
  return format_utc_ms(IdGenerator::utc_ms(row->front().id));
}

// Counting reads every row of the account, so it is done here and not for a shard.
Answer archive_show(const Request& request) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  auto kept = on_existing(request, *jid, [](core::Shard& shard, core::Account& account, const AnswerReply& reply) {
    const auto* archives = shard.service<core::Archives>();
    if (archives == nullptr) return reply->give(fail(ErrorCode::internal, "no archive"));
    const auto terms = archives->kept_for(account);
    reply->give(Json{
        {"keep_days", terms.days}, {"own_term", terms.own}, {"by_rule", terms.by_rule}, {"default", terms.otherwise}});
  });
  if (!kept) return kept;
  const auto reader = request.app.store()->open_reader();
  if (!reader) return std::unexpected(reader.error());
  const storage::ArchiveRange everything{.owner = jid->str()};
  const auto messages = (*reader)->archive_size(everything, storage::no_bound);
  if (!messages) return std::unexpected(messages.error());
  (*kept)["jid"] = jid->str();
  (*kept)["messages"] = *messages;
  (*kept)["oldest"] = shown_time((*reader)->archived(everything, 1, false));
  (*kept)["newest"] = shown_time((*reader)->archived(everything, 1, true));
  return kept;
}

// "default", or a number of days.
Result<std::optional<std::uint32_t>> days_from(const std::string& text) {
  if (text == "default") return std::optional<std::uint32_t>();
  std::uint32_t days = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, days);
  if (text.empty() || error != std::errc() || at != end || days > 36'500) {
    return fail(ErrorCode::invalid, "give days, 0 to 36500 (0: for ever), or default");
  }
  return std::optional(days);
}

Answer archive_keep(const Request& request) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  const auto days = days_from(request.text("days"));
  if (!days) return std::unexpected(days.error());
  return on_existing(request, *jid, [days = *days](core::Shard& shard, core::Account& account, AnswerReply reply) {
    auto* archives = shard.service<core::Archives>();
    if (archives == nullptr) return reply->give(fail(ErrorCode::internal, "no archive"));
    if (!reply->begin()) return;
    archives->keep_for(account, days, core::about_account(account.jid, "archive-keep"),
                       [jid = account.jid, reply](const Result<>& done) { give(reply, jid, done); });
  });
}

Answer archive_expire(const Request& request) {
  auto reply = std::make_shared<Reply<Json>>();
  auto& shard = *request.app.kernel().shards.front();
  shard.post([&shard, reply] {
    auto* archives = shard.service<core::Archives>();
    if (archives == nullptr) return reply->give(fail(ErrorCode::internal, "no archive"));
    if (!reply->begin()) return;
    archives->expire([reply](Result<std::uint64_t> due) {
      if (!due) return reply->give(std::unexpected(due.error()));
      reply->give(Json{{"due", *due}});
    });
  });
  return reply->wait(request.stop, control_patience);
}

// For `valised --check-config` (running.hpp): they can't change without a restart.
Answer listeners(const Request& request) {
  const auto config = request.app.config();
  Json rows = Json::array();
  for (const auto* option : config::options::listeners()) {
    for (const auto& address : config->get(*option)) rows.push_back(address);
  }
  return rows;
}

// For `valisectl omemo selftest`: where clients of the host enter, and whether content has to be sealed there.
Answer omemo_entry(const Request& request) {
  const auto hosts = hosts_asked_for(request.app, request.text("host"));
  if (!hosts) return std::unexpected(hosts.error());
  if (hosts->size() != 1) {
    std::string names;
    for (const auto& host : *hosts) names += (names.empty() ? "" : ", ") + host;
    return fail(ErrorCode::invalid, "this server has several hosts, name one: " + names);
  }
  const auto& host = hosts->front();
  const auto config = request.app.config();
  // Its accounts are called so (server/ctl/selftest): a group may name all of a host.
  const auto tester = core::Jid::make("omemo-selftest-0", host);
  const auto modes = modules::omemo::host_modes(*config, host);
  const auto mode = tester ? modes.of(*tester, &*tester, utc_now_ms()).mode : modes.of_host(utc_now_ms()).mode;
  return Json{{"host", host}, {"c2s", config->get(config::options::listen_c2s)}, {"sealed", name_of(mode)}};
}

Answer reload(const Request& request) {
  const auto done = request.app.reload();
  if (!done) {
    return fail(done.error().code,
                done.error().text + "\nnothing has changed: configuration and rules stay as they were");
  }
  return Json{{"needs_restart", done->needs_restart}, {"warnings", done->warnings}};
}

Answer invite_new(const Request& request) { return new_invitation(request.app, request.json, request.stop); }
Answer invite_list(const Request& request) { return list_invitations(request.app, request.json, request.stop); }
Answer invite_revoke(const Request& request) { return revoke_invitation(request.app, request.json, request.stop); }

Answer announce_text(const Request& request) {
  return announce(request.app, {request.text("host"), request.text("text"), request.text("to")}, request.stop);
}

Answer reports_list(const Request& request) { return list_reports(request.app, request.text("host")); }

Answer reports_done(const Request& request) { return finish_report(request.app, request.text("report"), request.stop); }

constexpr NamedCommand commands[] = {
    {"status", &status},
    {"module.list", &module_list},
    {"hook.list", &hook_list},
    {"reload", &reload},
    {"listeners", &listeners},
    {"omemo.entry", &omemo_entry},
    {"announce", &announce_text},
    {"reports.list", &reports_list},
    {"reports.done", &reports_done},
    {"archive.show", &archive_show},
    {"archive.keep", &archive_keep},
    {"archive.expire", &archive_expire},
    {"invite.new", &invite_new},
    {"invite.list", &invite_list},
    {"invite.revoke", &invite_revoke},
};

// Null: there is no such command.
Command command_named(std::string_view name) {
  for (const auto some : {account_commands(), group_commands(), held_commands(), omemo_commands(), policy_commands(),
                          std::span<const NamedCommand>(commands)}) {
    const auto found = std::ranges::find(some, name, &NamedCommand::first);
    if (found != some.end()) return found->second;
  }
  return nullptr;
}

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
      return "invalid";
    case ErrorCode::not_found:
      return "not-found";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::limit:
      return "limit";
    case ErrorCode::denied:
      return "denied";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::pending:
      return "pending";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string control_error(const Error& error) {
  return dump({{"ok", false}, {"error", {{"code", name_of(error.code)}, {"text", error.text}}}});
}

std::string answer_control(App& app, const std::string& line, const std::stop_token& stop) {
  auto json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return control_error({ErrorCode::invalid, "not a request"});
  const Request request{app, json, stop};
  const auto name = request.text("command");
  const auto command = command_named(name);
  if (command == nullptr) return control_error({ErrorCode::invalid, "unknown command \"" + name + "\""});
  const auto answer = command(request);
  if (const auto password = json.find("password"); password != json.end() && password->is_string()) {
    crypto::wipe(password->get_ref<std::string&>());
  }
  return answer ? dump({{"ok", true}, {"result", *answer}}) : control_error(answer.error());
}

}  // namespace valise
