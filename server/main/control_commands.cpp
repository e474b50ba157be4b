// What valisectl can ask. Each command is one function from a request to a result.
#include <future>

#include <nlohmann/json.hpp>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "config/options.hpp"
#include "core/auth/password.hpp"
#include "core/services.hpp"
#include "main/app.hpp"
#include "main/control.hpp"

namespace valise {
namespace {

using Json = nlohmann::json;
using Answer = std::expected<Json, std::string>;
using Command = Answer (*)(App&, const Json&);

constexpr auto patience = std::chrono::seconds(20);

std::string text_of(const Json& request, const char* name) {
  const auto found = request.find(name);
  return found != request.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Runs `work` on the account's home shard, with the account in memory, and waits for what it gives to `done`.
template <class Work>
Answer on_account(App& app, const core::Jid& jid, Work work) {
  auto promise = std::make_shared<std::promise<Answer>>();
  auto future = promise->get_future();
  auto& shard = app.kernel().home(jid.bare());
  shard.post([&shard, jid, work = std::move(work), promise]() mutable {
    shard.with_account(jid, [&shard, work = std::move(work), promise](core::Account* account) mutable {
      if (account == nullptr) return promise->set_value(std::unexpected("the store is away"));
      work(shard, *account, [promise](Answer answer) { promise->set_value(std::move(answer)); });
    });
  });
  if (future.wait_for(patience) != std::future_status::ready) return std::unexpected("no answer in time");
  return future.get();
}

std::expected<core::Jid, std::string> local_account(App& app, const Json& request) {
  const auto jid = core::Jid::parse(text_of(request, "jid"));
  if (!jid) return std::unexpected("not a JID: " + jid.error().text);
  if (!jid->has_local() || !jid->is_bare()) return std::unexpected("give the account as name@host");
  if (!app.config()->has_host(jid->domain())) {
    return std::unexpected("this server has no host \"" + std::string(jid->domain()) + "\"");
  }
  return *jid;
}

core::audit::Record admin_record(const core::Jid& jid, std::string reason) {
  core::audit::Record record;
  record.kind = core::audit::Kind::admin;
  record.recipient = jid.bare();
  record.reason = std::move(reason);
  return record;
}

// Writes the account's row, with a record of it, and tells the shard that it changed.
void write_account(core::Shard& shard, core::Jid jid, storage::Write write, std::string reason,
                   std::function<void(Answer)> done) {
  auto unit = std::make_unique<core::Unit>();
  unit->record = admin_record(jid, std::move(reason));
  unit->writes.push_back(std::move(write));
  unit->done = [&shard, jid, done = std::move(done)](core::Unit& finished) {
    if (!finished.outcome) return done(std::unexpected(finished.outcome.error().text));
    shard.account_changed(jid, [jid, done] { done(Json{{"jid", jid.str()}}); });
  };
  shard.commit(std::move(unit));
}

std::expected<std::vector<storage::ScramKey>, std::string> keys_from(App& app, const Json& request) {
  auto password = text_of(request, "password");
  auto keys = core::auth::make_keys(password, static_cast<unsigned>(app.config()->get(config::options::scram_iterations)));
  crypto::wipe(password);
  if (!keys) return std::unexpected(keys.error().text);
  return std::move(*keys);
}

Answer user_add(App& app, const Json& request) {
  const auto jid = local_account(app, request);
  if (!jid) return std::unexpected(jid.error());
  auto keys = keys_from(app, request);
  if (!keys) return std::unexpected(keys.error());
  return on_account(app, *jid, [jid = *jid, keys = std::move(*keys)](core::Shard& shard, core::Account& account,
                                                                     std::function<void(Answer)> done) {
    if (account.exists) return done(std::unexpected(jid.str() + " exists already"));
    if (account.state == storage::AccountState::deleted) {
      return done(std::unexpected(jid.str() + " was deleted; the name rests"));
    }
    storage::Account row{jid.str(), storage::AccountState::active, keys, utc_now_ns() / 1'000'000};
    write_account(shard, jid, storage::PutAccount{std::move(row)}, "user-add", std::move(done));
  });
}

// Changes an existing account's row through `change`.
Answer change_account(App& app, const Json& request, std::string reason,
                      std::function<void(storage::Account&)> change) {
  const auto jid = local_account(app, request);
  if (!jid) return std::unexpected(jid.error());
  return on_account(app, *jid, [jid = *jid, reason, change](core::Shard& shard, core::Account& account,
                                                            std::function<void(Answer)> done) {
    if (!account.exists) return done(std::unexpected("there is no account " + jid.str()));
    shard.read([name = jid.str()](storage::Reader& reader) { return reader.account(name); },
               [&shard, jid, reason, change, done](Result<std::optional<storage::Account>> row) {
                 if (!row || !*row) return done(std::unexpected("the store is away"));
                 change(**row);
                 write_account(shard, jid, storage::PutAccount{std::move(**row)}, reason, done);
               });
  });
}

Answer user_passwd(App& app, const Json& request) {
  auto keys = keys_from(app, request);
  if (!keys) return std::unexpected(keys.error());
  app.brake().forget(text_of(request, "jid"));
  return change_account(app, request, "user-passwd", [keys = *keys](storage::Account& row) { row.keys = keys; });
}

Answer user_disable(App& app, const Json& request) {
  return change_account(app, request, "user-disable",
                        [](storage::Account& row) { row.state = storage::AccountState::disabled; });
}

Answer user_enable(App& app, const Json& request) {
  return change_account(app, request, "user-enable",
                        [](storage::Account& row) { row.state = storage::AccountState::active; });
}

Answer user_delete(App& app, const Json& request) {
  const auto jid = local_account(app, request);
  if (!jid) return std::unexpected(jid.error());
  app.brake().forget(jid->full());
  return on_account(app, *jid, [jid = *jid](core::Shard& shard, core::Account& account, std::function<void(Answer)> done) {
    if (!account.exists) return done(std::unexpected("there is no account " + jid.str()));
    write_account(shard, jid, storage::EraseAccount{jid.str()}, "user-delete", std::move(done));
  });
}

std::string_view state_name(storage::AccountState state) {
  switch (state) {
    case storage::AccountState::active: return "active";
    case storage::AccountState::disabled: return "disabled";
    case storage::AccountState::deleted: return "deleted";
  }
  return "?";
}

Answer user_list(App& app, const Json& request) {
  auto host = text_of(request, "host");
  const auto hosts = host.empty() ? app.config()->hosts() : std::vector<std::string>{host};
  auto reader = app.store()->open_reader();
  if (!reader) return std::unexpected(reader.error().text);
  Json rows = Json::array();
  for (const auto& name : hosts) {
    const auto accounts = (*reader)->accounts(name);
    if (!accounts) return std::unexpected(accounts.error().text);
    for (const auto& account : *accounts) {
      rows.push_back({{"jid", account.jid}, {"state", state_name(account.state)},
                      {"created", format_utc(account.created_ms * 1'000'000)}});
    }
  }
  return rows;
}

Answer session_list(App& app, const Json&) {
  Json rows = Json::array();
  for (auto& shard : app.kernel().shards) {
    std::promise<Json> promise;
    auto future = promise.get_future();
    shard->post([&shard, &promise] {
      Json part = Json::array();
      for (const auto& [name, account] : shard->accounts()) {
        for (const auto* session : account->sessions) {
          part.push_back({{"jid", session->jid.str()}, {"address", session->peer_address}, {"tls", session->tls_version},
                          {"mechanism", session->mechanism}, {"since", format_utc(session->since_ms * 1'000'000)},
                          {"available", session->available}, {"priority", session->priority}});
        }
      }
      promise.set_value(std::move(part));
    });
    const auto part = future.get();
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

Answer session_kick(App& app, const Json& request) {
  const auto jid = core::Jid::parse(text_of(request, "jid"));
  if (!jid) return std::unexpected("not a JID: " + jid.error().text);
  return on_account(app, jid->to_bare(), [jid = *jid](core::Shard& shard, core::Account& account,
                                                      std::function<void(Answer)> done) {
    std::size_t ended = 0;
    const auto sessions = account.sessions;
    for (auto* session : sessions) {
      if (!jid.is_bare() && session->jid.resource() != jid.resource()) continue;
      session->stream.end("policy-violation", "an administrator ended this session");
      ++ended;
    }
    shard.record(admin_record(jid, "session-kick"));
    done(Json{{"ended", ended}});
  });
}

Answer status(App& app, const Json&) {
  auto& kernel = app.kernel();
  Json result{{"version", VALISE_VERSION},
              {"uptime_s", (utc_now_ns() / 1'000'000 - kernel.started_ms) / 1000},
              {"hosts", app.config()->hosts()},
              {"shards", kernel.shards.size()},
              {"sessions", kernel.stats.sessions.load()},
              {"connections", kernel.stats.connections.load()},
              {"unauthenticated", kernel.stats.unauthenticated.load()},
              {"messages", kernel.stats.messages.load()},
              {"refused", kernel.stats.refused.load()},
              {"store", app.store()->describe()}};
  if (const auto* committer = app.committer()) {
    const auto& stats = committer->stats();
    result["commit"] = {{"units", stats.units.load()},         {"failed", stats.failed.load()},
                        {"refused", stats.refused.load()},     {"batches", stats.batches.load()},
                        {"largest_batch", stats.max_batch.load()}, {"waiting", stats.waiting.load()},
                        {"store_retries", stats.store_retries.load()}, {"log_failures", stats.log_failures.load()}};
  }
  return result;
}

Answer module_list(App& app, const Json&) {
  Json rows = Json::array();
  for (const auto* manifest : app.kernel().modules) {
    Json specifications = Json::array();
    for (const auto& one : manifest->implements) {
      specifications.push_back(std::string(one.document) + " " + std::string(one.version) +
                               (one.completeness == core::Completeness::partial ? " (partial)" : ""));
    }
    rows.push_back({{"name", manifest->name}, {"summary", manifest->summary}, {"implements", specifications}});
  }
  return rows;
}

Answer hook_list(App& app, const Json&) { return Json(app.kernel().shards.front()->hooks().describe()); }

// Hits and errors are summed over the shards, each of which has its own rules.
Answer policy_list(App& app, const Json&) {
  std::vector<core::RuleLine> sum;
  for (auto& shard : app.kernel().shards) {
    std::promise<std::vector<core::RuleLine>> promise;
    auto future = promise.get_future();
    shard->post([&shard, &promise] {
      auto* rules = shard->service<core::Rules>();
      promise.set_value(rules == nullptr ? std::vector<core::RuleLine>() : rules->rules());
    });
    auto lines = future.get();
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
    rows.push_back({{"name", rule.name}, {"line", rule.line}, {"match", rule.match}, {"action", rule.action},
                    {"shadow", rule.shadow}, {"hits", rule.hits}, {"errors", rule.errors}});
  }
  return rows;
}

Answer reload(App& app, const Json&) {
  const auto needs = app.reload();
  if (!needs) return std::unexpected(needs.error().text);
  return Json{{"needs_restart", *needs}};
}

constexpr std::pair<std::string_view, Command> commands[] = {
    {"user.add", &user_add},         {"user.passwd", &user_passwd}, {"user.disable", &user_disable},
    {"user.enable", &user_enable},   {"user.delete", &user_delete}, {"user.list", &user_list},
    {"session.list", &session_list}, {"session.kick", &session_kick}, {"status", &status},
    {"module.list", &module_list},   {"hook.list", &hook_list},     {"reload", &reload},
    {"policy.list", &policy_list},
};

}  // namespace

std::string answer_control(App& app, const std::string& line) {
  const auto request = Json::parse(line, nullptr, false);
  Answer answer = std::unexpected("not a request");
  if (request.is_object()) {
    const auto name = text_of(request, "command");
    answer = std::unexpected("unknown command \"" + name + "\"");
    for (const auto& [known, command] : commands) {
      if (known == name) answer = command(app, request);
    }
  }
  const Json reply = answer ? Json{{"ok", true}, {"result", *answer}} : Json{{"ok", false}, {"error", answer.error()}};
  return reply.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace valise
