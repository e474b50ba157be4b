// What a log-in changes: the client is known, its tokens go on (XEP-0484).
#include <algorithm>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "modules/clients/module.hpp"

namespace valise::modules::clients {
namespace {

constexpr std::int64_t late_ms = 3'600'000;  // so old may last_ms be in the store: a row an hour, not one a log-in
constexpr std::size_t nonce_bytes = 16;

bool has_session(const core::Account& account, std::string_view agent) {
  return std::ranges::any_of(account.sessions, [&](const auto* session) { return session->client == agent; });
}

storage::Write row(const core::Account& account, const core::Client& client) {
  return storage::PutAccountData{account.jid.str(), storage::DataKind::client, {client.agent, core::encode(client)}};
}

// XEP-0388 §2.3: a client may leave out what it calls itself; what it has said before stays.
void call(std::string& name, std::string said, bool kept) {
  if (!kept) {
    name.clear();
  } else if (!said.empty()) {
    name = std::move(said);
  }
}

}  // namespace

// Those that have not come for long, and the longest absent where there are too many.
void ClientsModule::forget(core::Account& account, const std::string& newcomer, std::vector<storage::Write>& writes) {
  auto& all = known(account).by_agent;
  const auto old = utc_now_ms() - rules_.keep_ms;
  const auto away = [&](const auto& entry) { return entry.first != newcomer && !has_session(account, entry.first); };
  const auto drop = [&](auto found) {
    writes.emplace_back(storage::RemoveAccountData{account.jid.str(), storage::DataKind::client, found->first});
    return all.erase(found);
  };
  for (auto it = all.begin(); it != all.end();) it = away(*it) && it->second.client.last_ms < old ? drop(it) : ++it;
  while (all.size() > rules_.most) {
    auto oldest = all.end();
    for (auto it = all.begin(); it != all.end(); ++it) {
      if (!away(*it)) continue;
      if (oldest == all.end() || it->second.client.last_ms < oldest->second.client.last_ms) oldest = it;
    }
    if (oldest == all.end()) return;  // all of them are here
    drop(oldest);
  }
}

// §3.3, §3.5: what was given before and not used is void.
core::GivenToken ClientsModule::give(core::Account& account, core::Client& client, std::string_view mechanism) const {
  const auto now = utc_now_ms();
  client.fresh = core::auth::Token{.nonce = crypto::random_hex(nonce_bytes),
                                   .mechanism = std::string(mechanism),
                                   .issued_ms = now,
                                   .expires_ms = now + rules_.lifetime_ms,
                                   .credentials = account.credentials};
  return {core::auth::token_text(shard_.kernel().client_secret, account.jid, client.agent, client.fresh->nonce),
          client.fresh->expires_ms};
}

void ClientsModule::logged_in(core::Account& account, core::ClientLogin login,
                              std::move_only_function<void(Result<std::optional<core::GivenToken>>)> done) {
  using Method = core::ClientLogin::Method;
  auto& all = known(account).by_agent;
  const auto now = utc_now_ms();
  const auto found = all.find(login.id);
  if (found == all.end() && login.method == Method::token) {
    return done(fail(ErrorCode::not_found, "the client was revoked"));
  }
  auto client = found == all.end() ? core::Client{.agent = login.id, .first_ms = now} : found->second.client;
  const auto before = client;
  if (login.method == Method::token && !core::use_token(client, login.nonce, login.count)) {
    return done(fail(ErrorCode::not_found, "the token is void"));
  }
  if (login.method == Method::password) client.password = account.credentials;
  if (login.method == Method::certificate) client.certificate = true;
  call(client.software, std::move(login.software), rules_.names);
  call(client.device, std::move(login.device), rules_.names);
  std::optional<core::GivenToken> given;
  auto wanted = std::string(login.wants_token);
  if (login.invalidate) {
    client.current.reset();
    client.fresh.reset();
  } else if (wanted.empty() && login.method == Method::token && now - client.current->issued_ms >= rules_.rotation_ms) {
    wanted = client.current->mechanism;
  }
  if (!wanted.empty() && rules_.tokens) given = give(account, client, wanted);

  const bool changed = client != before || found == all.end();
  client.last_ms = now;
  auto& entry = all[login.id];
  const bool late = now - entry.written_ms >= late_ms;
  entry.client = std::move(client);
  if (!changed) {
    if (late) write(account, entry);
    return done(std::move(given));
  }
  entry.written_ms = now;
  auto unit = std::make_unique<core::Unit>();
  forget(account, login.id, unit->writes);
  unit->writes.push_back(row(account, entry.client));
  unit->done = [given = std::move(given), done = std::move(done)](core::Unit& finished) mutable {
    if (!finished.outcome) {
      auto error = finished.outcome.error();
      if (error.code == ErrorCode::not_found) error.code = ErrorCode::unavailable;
      return done(std::unexpected(std::move(error)));
    }
    done(std::move(given));
  };
  shard_.commit_in_order(account, std::move(unit), sizeof(core::Unit));
}

// Nobody waits for it.
void ClientsModule::write(core::Account& account, Known::Entry& entry) {
  entry.written_ms = entry.client.last_ms;
  auto unit = std::make_unique<core::Unit>();
  unit->writes.push_back(row(account, entry.client));
  unit->done = [](core::Unit&) {};
  shard_.commit_in_order(account, std::move(unit), 0);
}

// The session's client is here, or was until now.
void ClientsModule::seen(core::Session& session) {
  if (session.client.empty() || !session.account.exists) return;
  auto& all = known(session.account).by_agent;
  const auto found = all.find(session.client);
  if (found == all.end()) return;
  found->second.client.last_ms = utc_now_ms();
  if (found->second.client.last_ms - found->second.written_ms >= late_ms) write(session.account, found->second);
}

void ClientsModule::moved(core::Session& session, bool cut) {
  auto& seen_then = session.ensure_part<Seen>(session_slot_);
  seen_then.last_ms = utc_now_ms();
  seen_then.cut = cut;
  seen(session);
}

// Who was cut was here last when that happened, not when nobody came back.
void ClientsModule::closed(core::Session& session) {
  const auto* seen_then = session.part<Seen>(session_slot_);
  if (seen_then == nullptr || !seen_then->cut) seen(session);
}

std::vector<storage::Write> ClientsModule::keys_changed(core::Account& account, std::uint64_t from, std::uint64_t to) {
  std::vector<storage::Write> writes;
  for (auto& [agent, entry] : known(account).by_agent) {
    auto& client = entry.client;
    const auto before = client;
    if (client.password == from) client.password = to;
    for (auto* token : {&client.current, &client.fresh}) {
      if (*token && (*token)->credentials == from) (*token)->credentials = to;
    }
    if (client != before) writes.push_back(row(account, client));
  }
  return writes;
}

}  // namespace valise::modules::clients
