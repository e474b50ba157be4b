#include "main/control_accounts.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "config/options.hpp"
#include "core/account_change.hpp"
#include "core/auth/password.hpp"
#include "core/services.hpp"
#include "main/control_hosts.hpp"

namespace valise {
namespace {

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

// What is more than an account's row is the work of modules/registration.
Answer by_registration(const Request& request,
                       std::function<void(core::Shard&, core::Account&, core::Registration&, AnswerReply)> work) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  return on_existing(request, *jid,
                     [work = std::move(work)](core::Shard& shard, core::Account& account, const AnswerReply& reply) {
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
  return by_registration(request, [keys = *keys](core::Shard&, core::Account& account, core::Registration& registration,
                                                 const AnswerReply& reply) {
    if (!reply->begin()) return;
    registration.set_keys(account, keys, core::about_account(account.jid, "user-passwd"), 0,
                          [jid = account.jid, reply](Result<> done) { give(reply, jid, done); });
  });
}

Answer set_state(const Request& request, std::string reason, storage::AccountState state) {
  return by_registration(
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
  return by_registration(
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
      rows.push_back(
          {{"jid", account.jid}, {"state", state_name(account.state)}, {"created", format_utc_ms(account.created_ms)}});
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
                      {"since", format_utc_ms(session->since_ms)},
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
  return on_existing(request, jid->to_bare(),
                     [jid = *jid](core::Shard& shard, core::Account& account, AnswerReply reply) {
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
  return on_existing(request, *jid, [](core::Shard& shard, core::Account& account, const AnswerReply& reply) {
    Json rows = Json::array();
    for (const auto& line : shard.service<core::Clients>()->clients(account)) {
      rows.push_back({{"id", line.id},
                      {"state", state_name(line.state)},
                      {"connected", line.state != core::ClientLine::State::away},
                      {"resource", line.resources},
                      {"address", line.addresses},
                      {"first", format_utc_ms(line.first_ms)},
                      {"last", format_utc_ms(line.last_ms)},
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
  return on_existing(
      request, *jid, [id = request.text("id")](core::Shard& shard, core::Account& account, const AnswerReply& reply) {
        if (!reply->begin()) return;
        shard.service<core::Clients>()->revoke(account, id, core::about_account(account.jid, "client-revoke"),
                                               [jid = account.jid, reply](Result<bool> done) {
                                                 if (!done) return reply->give(std::unexpected(done.error()));
                                                 reply->give(Json{{"jid", jid.str()}, {"password_known", *done}});
                                               });
      });
}

}  // namespace

std::span<const NamedCommand> account_commands() {
  static constexpr NamedCommand commands[] = {
      {"user.add", &user_add},           {"user.passwd", &user_passwd},   {"user.disable", &user_disable},
      {"user.enable", &user_enable},     {"user.delete", &user_delete},   {"user.list", &user_list},
      {"session.list", &session_list},   {"session.kick", &session_kick}, {"client.list", &client_list},
      {"client.revoke", &client_revoke},
  };
  return commands;
}

}  // namespace valise
