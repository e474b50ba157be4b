// What valisectl can ask. Each command is one function from a request to a result.
#include <algorithm>
#include <charconv>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "config/options.hpp"
#include "core/account_change.hpp"
#include "core/auth/password.hpp"
#include "core/services.hpp"
#include "main/app.hpp"
#include "main/control.hpp"
#include "main/control_hosts.hpp"
#include "main/control_invitations.hpp"
#include "main/control_service.hpp"
#include "main/reply.hpp"

namespace valise {
namespace {

using Json = nlohmann::json;
using Answer = Result<Json>;
struct Request {
  App& app;
  const Json& json;
  const std::stop_token& stop;

  [[nodiscard]] std::string text(const char* name) const {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  }
};
using Command = Answer (*)(const Request&);
using AnswerReply = std::shared_ptr<Reply<Json>>;

constexpr auto patience = std::chrono::seconds(20);

// Runs `work` on the account's home shard, with the account in memory, and waits for what it gives to the reply.
template <class Work>
Answer on_account(const Request& request, const core::Jid& jid, Work work) {
  auto reply = std::make_shared<Reply<Json>>();
  auto& shard = request.app.kernel().home(jid.bare());
  shard.post([&shard, jid, work = std::move(work), reply]() mutable {
    shard.with_account(jid, [&shard, work = std::move(work), reply](core::Account* account) mutable {
      if (account == nullptr) return reply->give(fail(ErrorCode::unavailable, "the store is away"));
      work(shard, *account, reply);
    });
  });
  return reply->wait(request.stop, patience);
}

// What `part` gives on each shard, in their order.
template <class Part, class T = std::invoke_result_t<Part, core::Shard&>>
Result<std::vector<T>> on_all(const Request& request, Part part, std::chrono::seconds limit = patience) {
  std::vector<std::shared_ptr<Reply<T>>> replies;
  for (auto& shard : request.app.kernel().shards) {
    auto reply = replies.emplace_back(std::make_shared<Reply<T>>());
    shard->post([&shard, reply, part] { reply->give(part(*shard)); });
  }
  std::vector<T> parts;
  for (auto& reply : replies) {
    auto one = reply->wait(request.stop, limit);
    if (!one) return std::unexpected(one.error());
    parts.push_back(std::move(*one));
  }
  return parts;
}

// A JID of one of our accounts, bare or full.
Result<core::Jid> local_jid(const Request& request) {
  const auto jid = core::Jid::parse(request.text("jid"));
  if (!jid) return fail(ErrorCode::invalid, "not a JID: " + jid.error().text);
  if (!jid->has_local()) return fail(ErrorCode::invalid, "give the account as name@host");
  if (auto known = known_host(request.app, jid->domain()); !known) return std::unexpected(known.error());
  return *jid;
}

Result<core::Jid> local_account(const Request& request) {
  auto jid = local_jid(request);
  if (jid && !jid->is_bare()) return fail(ErrorCode::invalid, "give the account as name@host");
  return jid;
}

std::unexpected<Error> no_account(const core::Jid& jid) {
  return fail(ErrorCode::not_found, "there is no account " + jid.to_bare().str());
}

// Of a change that was begun.
void give(const AnswerReply& reply, const core::Jid& jid, const Result<>& done) {
  if (done) return reply->give(Json{{"jid", jid.str()}});
  if (done.error().code == ErrorCode::not_found) return reply->give(no_account(jid));
  reply->give(std::unexpected(done.error()));
}

// One change of the account's row, with a record; the account is in that state then.
void write_account(core::Shard& shard, core::Account& account, storage::Write write, std::string reason,
                   storage::AccountState state, const AnswerReply& reply) {
  if (!reply->begin()) return;
  core::change_account(shard, account, {std::move(write), core::about_account(account.jid, std::move(reason)), state},
                       [jid = account.jid, reply](Result<> done) { give(reply, jid, done); });
}

Result<std::vector<storage::ScramKey>> keys_from(const Request& request, const core::Jid& jid) {
  auto password = request.text("password");
  const auto least = request.app.config()->get(config::options::accounts_password_minimum, jid.domain());
  if (!core::auth::is_long_enough(password, least)) {
    crypto::wipe(password);
    return fail(ErrorCode::invalid,
                "a password has at least " + std::to_string(least) + " characters (accounts.password_minimum)");
  }
  const auto rounds = static_cast<unsigned>(request.app.config()->get(config::options::scram_iterations));
  auto keys = core::auth::make_keys(password, rounds);
  crypto::wipe(password);
  return keys;
}

Answer user_add(const Request& request) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  auto keys = keys_from(request, *jid);
  if (!keys) return std::unexpected(keys.error());
  return on_account(request, *jid,
                    [keys = std::move(*keys)](core::Shard& shard, core::Account& account, AnswerReply reply) {
                      const auto name = account.jid.str();
                      if (account.exists) return reply->give(fail(ErrorCode::conflict, name + " exists already"));
                      if (storage::is_gone(account.state)) {
                        return reply->give(fail(ErrorCode::conflict, name + " was deleted; the name rests"));
                      }
                      storage::Account row{name, storage::AccountState::active, keys, utc_now_ms()};
                      write_account(shard, account, storage::PutAccount{std::move(row)}, "user-add",
                                    storage::AccountState::active, reply);
                    });
}

// Work on an account that exists; what is more than its row is the work of modules/registration.
Answer on_existing(const Request& request,
                   std::function<void(core::Shard&, core::Account&, core::Registration&, AnswerReply)> work) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  return on_account(request, *jid,
                    [work = std::move(work)](core::Shard& shard, core::Account& account, const AnswerReply& reply) {
                      if (!account.exists) return reply->give(no_account(account.jid));
                      auto* registration = shard.service<core::Registration>();
                      if (registration == nullptr) return reply->give(fail(ErrorCode::internal, "no registration"));
                      work(shard, account, *registration, reply);
                    });
}

Answer user_passwd(const Request& request) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  auto keys = keys_from(request, *jid);
  if (!keys) return std::unexpected(keys.error());
  return on_existing(request, [keys = *keys](core::Shard&, core::Account& account, core::Registration& registration,
                                             const AnswerReply& reply) {
    if (!reply->begin()) return;
    registration.set_keys(account, keys, core::about_account(account.jid, "user-passwd"), 0,
                          [jid = account.jid, reply](Result<> done) { give(reply, jid, done); });
  });
}

Answer set_state(const Request& request, std::string reason, storage::AccountState state) {
  return on_existing(
      request, [=](core::Shard& shard, core::Account& account, core::Registration&, const AnswerReply& reply) {
        write_account(shard, account, storage::SetAccountState{account.jid.str(), state}, reason, state, reply);
      });
}

Answer user_disable(const Request& request) {
  return set_state(request, "user-disable", storage::AccountState::disabled);
}

Answer user_enable(const Request& request) { return set_state(request, "user-enable", storage::AccountState::active); }

// The answer comes when all its contacts know and its rows are gone or, where that has to wait, when the account is.
Answer user_delete(const Request& request) {
  return on_existing(
      request, [](core::Shard&, core::Account& account, core::Registration& registration, const AnswerReply& reply) {
        if (!reply->begin()) return;
        registration.remove(
            account, core::about_account(account.jid, "user-delete"),
            [jid = account.jid, reply](Result<> done) {
              if (!done) give(reply, jid, done);
            },
            [jid = account.jid, reply](bool) { give(reply, jid, {}); });
      });
}

std::string_view state_name(storage::AccountState state) {
  switch (state) {
    case storage::AccountState::active:
      return "active";
    case storage::AccountState::disabled:
      return "disabled";
    case storage::AccountState::deleted:
    case storage::AccountState::removing:
      return "deleted";
  }
  return "?";
}

Answer user_list(const Request& request) {
  auto& app = request.app;
  const auto hosts = hosts_asked_for(app, request.text("host"));
  if (!hosts) return std::unexpected(hosts.error());
  auto reader = app.store()->open_reader();
  if (!reader) return std::unexpected(reader.error());
  Json rows = Json::array();
  for (const auto& name : *hosts) {
    const auto accounts = (*reader)->accounts(name);
    if (!accounts) return std::unexpected(accounts.error());
    for (const auto& account : *accounts) {
      rows.push_back({{"jid", account.jid},
                      {"state", state_name(account.state)},
                      {"created", format_utc(account.created_ms * 1'000'000)}});
    }
  }
  return rows;
}

Json sessions_of(core::Shard& shard) {
  Json part = Json::array();
  for (const auto& [name, account] : shard.accounts()) {
    for (const auto* session : account->sessions) {
      part.push_back({{"jid", session->jid.str()},
                      {"address", session->peer_address},
                      {"tls", session->tls_version},
                      {"mechanism", session->mechanism},
                      {"memory_kib", (session->stream.memory() + 1023) / 1024},
                      {"since", format_utc(session->since_ms * 1'000'000)},
                      {"connected", session->stream.connected()},
                      {"available", session->available},
                      {"priority", session->priority}});
    }
  }
  return part;
}

Answer session_list(const Request& request) {
  const auto parts = on_all(request, &sessions_of);
  if (!parts) return std::unexpected(parts.error());
  Json rows = Json::array();
  for (const auto& part : *parts) rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

Answer session_kick(const Request& request) {
  const auto jid = local_jid(request);
  if (!jid) return std::unexpected(jid.error());
  return on_account(request, jid->to_bare(),
                    [jid = *jid](core::Shard& shard, core::Account& account, AnswerReply reply) {
                      if (!account.exists) return reply->give(no_account(jid));
                      const auto is_meant = [&](const core::Session* session) {
                        return jid.is_bare() || session->jid.resource() == jid.resource();
                      };
                      if (std::ranges::none_of(account.sessions, is_meant)) {  // nothing happens: no record
                        return reply->give(fail(ErrorCode::not_found, "there is no session of " + jid.str()));
                      }
                      if (!reply->begin()) return;
                      std::size_t ended = 0;
                      const auto sessions = account.sessions;
                      for (auto* session : sessions) {
                        if (!is_meant(session)) continue;
                        session->stream.end("policy-violation", "an administrator ended this session");
                        ++ended;
                      }
                      shard.record(core::about_account(jid, "session-kick"));
                      reply->give(Json{{"ended", ended}});
                    });
}

// Bytes that connections take, those of strangers among them, and what waits for commits of accounts.
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

std::string_view state_name(core::ClientLine::State state) {
  switch (state) {
    case core::ClientLine::State::connected:
      return "connected";
    case core::ClientLine::State::cut:
      return "cut";
    case core::ClientLine::State::away:
      return "away";
  }
  return "?";
}

// What they said of themselves stands in the answer: it is not recorded.
Answer client_list(const Request& request) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  return on_account(request, *jid, [](core::Shard& shard, core::Account& account, const AnswerReply& reply) {
    if (!account.exists) return reply->give(no_account(account.jid));
    Json rows = Json::array();
    for (const auto& line : shard.service<core::Clients>()->clients(account)) {
      rows.push_back({{"id", line.id},
                      {"state", state_name(line.state)},
                      {"connected", line.state != core::ClientLine::State::away},
                      {"resource", line.resources},
                      {"address", line.addresses},
                      {"first", format_utc(line.first_ms * 1'000'000)},
                      {"last", format_utc(line.last_ms * 1'000'000)},
                      {"password", line.password},
                      {"token", line.token},
                      {"certificate", line.certificate},
                      {"software", line.software},
                      {"device", line.device}});
    }
    reply->give(std::move(rows));
  });
}

Answer client_revoke(const Request& request) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  return on_account(
      request, *jid, [id = request.text("id")](core::Shard& shard, core::Account& account, const AnswerReply& reply) {
        if (!account.exists) return reply->give(no_account(account.jid));
        if (!reply->begin()) return;
        shard.service<core::Clients>()->revoke(account, id, core::about_account(account.jid, "client-revoke"),
                                               [jid = account.jid, reply](Result<bool> done) {
                                                 if (!done) return reply->give(std::unexpected(done.error()));
                                                 reply->give(Json{{"jid", jid.str()}, {"password_known", *done}});
                                               });
      });
}

Answer status(const Request& request) {
  auto& app = request.app;
  auto& kernel = app.kernel();
  app.look_at_memory();
  Json result{{"version", VALISE_VERSION},
              {"uptime_s", (utc_now_ms() - kernel.started_ms) / 1000},
              {"hosts", app.config()->hosts()},
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

std::vector<core::RuleLine> rules_of(core::Shard& shard) {
  const auto* rules = shard.service<core::Rules>();
  return rules == nullptr ? std::vector<core::RuleLine>() : rules->rules();
}

// Hits and errors are summed over the shards, each of which has its own rules.
Answer policy_list(const Request& request) {
  auto parts = on_all(request, &rules_of);
  if (!parts) return std::unexpected(parts.error());
  std::vector<core::RuleLine> sum;
  for (auto& lines : *parts) {
    if (sum.size() != lines.size()) {
      sum = std::move(lines);
      continue;
    }
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i].hits += lines[i].hits;
      sum[i].errors += lines[i].errors;
    }
  }
  Json rows = Json::array();
  for (const auto& rule : sum) {
    rows.push_back({{"name", rule.name},
                    {"line", rule.line},
                    {"match", rule.match},
                    {"action", rule.action},
                    {"shadow", rule.shadow},
                    {"hits", rule.hits},
                    {"errors", rule.errors}});
  }
  return rows;
}

Json shown_time(const Result<std::vector<storage::BoxMessage>>& row) {
  if (!row || row->empty()) return nullptr;
  return format_utc(IdGenerator::utc_ms(row->front().id) * 1'000'000);
}

// Counting reads every row of the account, so it is done here and not for a shard.
Answer archive_show(const Request& request) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  auto kept = on_account(request, *jid, [](core::Shard& shard, core::Account& account, const AnswerReply& reply) {
    if (!account.exists) return reply->give(no_account(account.jid));
    const auto* archives = shard.service<core::Archives>();
    if (archives == nullptr) return reply->give(fail(ErrorCode::internal, "no archive"));
    const auto terms = archives->kept_for(account);
    reply->give(Json{{"keep_days", terms.days}, {"own_term", terms.own}, {"default", terms.otherwise}});
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
  return on_account(request, *jid, [days = *days](core::Shard& shard, core::Account& account, AnswerReply reply) {
    if (!account.exists) return reply->give(no_account(account.jid));
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
  return reply->wait(request.stop, patience);
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

Answer reload(const Request& request) {
  const auto needs = request.app.reload();
  if (!needs) return std::unexpected(needs.error());
  return Json{{"needs_restart", *needs}};
}

Answer invite_new(const Request& request) { return new_invitation(request.app, request.json, request.stop); }
Answer invite_list(const Request& request) { return list_invitations(request.app, request.json, request.stop); }
Answer invite_revoke(const Request& request) { return revoke_invitation(request.app, request.json, request.stop); }

Answer announce_text(const Request& request) {
  return announce(request.app, {request.text("host"), request.text("text"), request.text("to")}, request.stop);
}

Answer reports_list(const Request& request) { return list_reports(request.app, request.text("host")); }

Answer reports_done(const Request& request) { return finish_report(request.app, request.text("report"), request.stop); }

constexpr std::pair<std::string_view, Command> commands[] = {
    {"user.add", &user_add},           {"user.passwd", &user_passwd},       {"user.disable", &user_disable},
    {"user.enable", &user_enable},     {"user.delete", &user_delete},       {"user.list", &user_list},
    {"session.list", &session_list},   {"session.kick", &session_kick},     {"status", &status},
    {"module.list", &module_list},     {"hook.list", &hook_list},           {"reload", &reload},
    {"listeners", &listeners},         {"policy.list", &policy_list},       {"announce", &announce_text},
    {"reports.list", &reports_list},   {"reports.done", &reports_done},     {"archive.show", &archive_show},
    {"archive.keep", &archive_keep},   {"archive.expire", &archive_expire}, {"client.list", &client_list},
    {"client.revoke", &client_revoke}, {"invite.new", &invite_new},         {"invite.list", &invite_list},
    {"invite.revoke", &invite_revoke},
};

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
  const auto* found = std::ranges::find(commands, name, [](const auto& entry) { return entry.first; });
  if (found == std::end(commands)) {
    return control_error({ErrorCode::invalid, "unknown command \"" + name + "\""});
  }
  const auto answer = found->second(request);
  if (const auto password = json.find("password"); password != json.end() && password->is_string()) {
    crypto::wipe(password->get_ref<std::string&>());
  }
  return answer ? dump({{"ok", true}, {"result", *answer}}) : control_error(answer.error());
}

}  // namespace valise
