// What valisectl can ask. Each command is one function from a request to a result.
#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "config/options.hpp"
#include "core/auth/password.hpp"
#include "core/services.hpp"
#include "main/app.hpp"
#include "main/control.hpp"
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
template <class T>
Result<std::vector<T>> on_all(const Request& request, T (*part)(core::Shard&)) {
  std::vector<std::shared_ptr<Reply<T>>> replies;
  for (auto& shard : request.app.kernel().shards) {
    auto reply = replies.emplace_back(std::make_shared<Reply<T>>());
    shard->post([&shard, reply, part] { reply->give(part(*shard)); });
  }
  std::vector<T> parts;
  for (auto& reply : replies) {
    auto one = reply->wait(request.stop, patience);
    if (!one) return std::unexpected(one.error());
    parts.push_back(std::move(*one));
  }
  return parts;
}

Result<> known_host(App& app, std::string_view host) {
  if (app.config()->has_host(host)) return {};
  return fail(ErrorCode::not_found, "this server has no host \"" + std::string(host) + "\"");
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

core::audit::Record admin_record(const core::Jid& jid, std::string reason) {
  core::audit::Record record;
  record.kind = core::audit::Kind::admin;
  record.recipient = jid.bare();
  record.reason = std::move(reason);
  return record;
}

// Of the keys that a write sets: what is in memory follows them, so that an old password opens no session.
std::optional<std::uint64_t> new_credentials(const storage::Write& write) {
  if (const auto* put = std::get_if<storage::PutAccount>(&write)) return core::auth::fingerprint(put->account.keys);
  if (const auto* set = std::get_if<storage::SetAccountKeys>(&write)) return core::auth::fingerprint(set->keys);
  return std::nullopt;
}

// Writes of the account's row, with a record, in the order of its commits; `state`: what it is then, if that changes.
void write_account(core::Shard& shard, core::Account& account, storage::Write write, std::string reason,
                   std::optional<storage::AccountState> state, AnswerReply reply) {
  if (!reply->begin()) return;
  auto unit = std::make_unique<core::Unit>();
  unit->record = admin_record(account.jid, std::move(reason));
  const auto credentials = new_credentials(write);
  unit->writes.push_back(std::move(write));
  account.commit_begun();                                    // keeps it in memory until `done`
  const bool existed = std::exchange(account.exists, true);  // a name that is being made is taken
  unit->done = [&shard, jid = account.jid, state, existed, credentials, reply](core::Unit& finished) {
    bool was_deleted = false;
    if (auto* changed = shard.find_account(jid.bare())) {
      was_deleted = changed->state == storage::AccountState::deleted;
      if (!finished.outcome && !was_deleted) changed->exists = existed;
      if (finished.outcome && credentials) changed->credentials = *credentials;
      changed->commit_ended(finished.at_once);
    }
    if (!finished.outcome) return reply->give(std::unexpected(finished.outcome.error()));
    if (was_deleted) return reply->give(no_account(jid));  // by a unit before this one: no row was changed
    if (state) shard.account_changed(jid, *state);
    reply->give(Json{{"jid", jid.str()}});
  };
  shard.commit(std::move(unit));
}

Result<std::vector<storage::ScramKey>> keys_from(const Request& request) {
  auto password = request.text("password");
  const auto rounds = static_cast<unsigned>(request.app.config()->get(config::options::scram_iterations));
  auto keys = core::auth::make_keys(password, rounds);
  crypto::wipe(password);
  return keys;
}

Answer user_add(const Request& request) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  auto keys = keys_from(request);
  if (!keys) return std::unexpected(keys.error());
  return on_account(request, *jid,
                    [keys = std::move(*keys)](core::Shard& shard, core::Account& account, AnswerReply reply) {
                      const auto name = account.jid.str();
                      if (account.exists) return reply->give(fail(ErrorCode::conflict, name + " exists already"));
                      if (account.state == storage::AccountState::deleted) {
                        return reply->give(fail(ErrorCode::conflict, name + " was deleted; the name rests"));
                      }
                      storage::Account row{name, storage::AccountState::active, keys, utc_now_ns() / 1'000'000};
                      write_account(shard, account, storage::PutAccount{std::move(row)}, "user-add",
                                    storage::AccountState::active, reply);
                    });
}

// One write to an account that exists.
Answer change_account(const Request& request, std::string reason, std::optional<storage::AccountState> state,
                      std::function<storage::Write(const std::string& jid)> make) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  return on_account(request, *jid, [=](core::Shard& shard, core::Account& account, AnswerReply reply) {
    if (!account.exists) return reply->give(no_account(account.jid));
    write_account(shard, account, make(account.jid.str()), reason, state, reply);
  });
}

Answer user_passwd(const Request& request) {
  auto keys = keys_from(request);
  if (!keys) return std::unexpected(keys.error());
  request.app.brake().forget(request.text("jid"));
  return change_account(request, "user-passwd", {},
                        [keys = *keys](const std::string& jid) { return storage::SetAccountKeys{jid, keys}; });
}

Answer set_state(const Request& request, std::string reason, storage::AccountState state) {
  return change_account(request, std::move(reason), state,
                        [state](const std::string& jid) { return storage::SetAccountState{jid, state}; });
}

Answer user_disable(const Request& request) {
  return set_state(request, "user-disable", storage::AccountState::disabled);
}

Answer user_enable(const Request& request) { return set_state(request, "user-enable", storage::AccountState::active); }

Answer user_delete(const Request& request) {
  request.app.brake().forget(request.text("jid"));
  return change_account(request, "user-delete", storage::AccountState::deleted,
                        [](const std::string& jid) { return storage::EraseAccount{jid}; });
}

std::string_view state_name(storage::AccountState state) {
  switch (state) {
    case storage::AccountState::active:
      return "active";
    case storage::AccountState::disabled:
      return "disabled";
    case storage::AccountState::deleted:
      return "deleted";
  }
  return "?";
}

Answer user_list(const Request& request) {
  auto& app = request.app;
  const auto host = request.text("host");
  if (!host.empty()) {
    if (auto known = known_host(app, host); !known) return std::unexpected(known.error());
  }
  const auto hosts = host.empty() ? app.config()->hosts() : std::vector<std::string>{host};
  auto reader = app.store()->open_reader();
  if (!reader) return std::unexpected(reader.error());
  Json rows = Json::array();
  for (const auto& name : hosts) {
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
                      {"since", format_utc(session->since_ms * 1'000'000)},
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
                      if (!reply->begin()) return;
                      std::size_t ended = 0;
                      const auto sessions = account.sessions;
                      for (auto* session : sessions) {
                        if (!jid.is_bare() && session->jid.resource() != jid.resource()) continue;
                        session->stream.end("policy-violation", "an administrator ended this session");
                        ++ended;
                      }
                      shard.record(admin_record(jid, "session-kick"));
                      reply->give(Json{{"ended", ended}});
                    });
}

Answer status(const Request& request) {
  auto& app = request.app;
  auto& kernel = app.kernel();
  app.look_at_memory();
  Json result{{"version", VALISE_VERSION},
              {"uptime_s", (utc_now_ns() / 1'000'000 - kernel.started_ms) / 1000},
              {"hosts", app.config()->hosts()},
              {"shards", kernel.shards.size()},
              {"sessions", kernel.stats.sessions.load()},
              {"connections", kernel.stats.connections.load()},
              {"unauthenticated", kernel.stats.unauthenticated.load()},
              {"messages", kernel.stats.messages.load()},
              {"refused", kernel.stats.refused.load()},
              {"memory",
               {{"resident", app.memory().resident()},
                {"limit", app.memory().limit()},
                {"state", name_of(kernel.memory.load())}}},
              {"store", app.store()->describe()}};
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

Answer reload(const Request& request) {
  const auto needs = request.app.reload();
  if (!needs) return std::unexpected(needs.error());
  return Json{{"needs_restart", *needs}};
}

constexpr std::pair<std::string_view, Command> commands[] = {
    {"user.add", &user_add},         {"user.passwd", &user_passwd},   {"user.disable", &user_disable},
    {"user.enable", &user_enable},   {"user.delete", &user_delete},   {"user.list", &user_list},
    {"session.list", &session_list}, {"session.kick", &session_kick}, {"status", &status},
    {"module.list", &module_list},   {"hook.list", &hook_list},       {"reload", &reload},
    {"policy.list", &policy_list},
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
