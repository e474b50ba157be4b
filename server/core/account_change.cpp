#include "core/account_change.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "core/auth/password.hpp"
#include "core/footprint.hpp"

namespace valise::core {
namespace {

// Of the keys that a write sets: what is in memory follows them, so that an old password opens no session.
std::optional<std::uint64_t> new_credentials(const storage::Write& write) {
  if (const auto* put = std::get_if<storage::PutAccount>(&write)) return auth::fingerprint(put->account.keys);
  if (const auto* set = std::get_if<storage::SetAccountKeys>(&write)) return auth::fingerprint(set->keys);
  return std::nullopt;
}

}  // namespace

std::int64_t password_minimum(const Shard& shard, std::string_view host) {
  const auto* settings = shard.host(host);
  return settings == nullptr ? 1 : settings->password_minimum;
}

std::optional<StanzaError> too_short(const Shard& shard, std::string_view host, std::string_view password) {
  const auto least = password_minimum(shard, host);
  if (auth::is_long_enough(password, least)) return std::nullopt;
  StanzaError error{.type = StanzaError::Type::modify, .condition = "not-acceptable"};
  error.text_en = fmt::format("Too short: a password has at least {} characters here.", least);
  error.text_fr = fmt::format("Trop court : ici, un mot de passe a au moins {} caractères.", least);
  return error;
}

audit::Record about_account(const Jid& account, std::string reason, Ref<const audit::Origin> by) {
  audit::Record record;
  record.kind = audit::Kind::admin;
  record.recipient = account.bare();
  record.reason = std::move(reason);
  record.origin = std::move(by);
  return record;
}

void change_account(Shard& shard, Account& account, AccountChange change,
                    std::move_only_function<void(Result<>)> done) {
  auto unit = std::make_unique<Unit>();
  unit->record = std::move(change.record);
  const auto credentials = new_credentials(change.write);
  unit->writes.push_back(std::move(change.write));
  if (change.with) unit->writes.push_back(std::move(*change.with));
  const auto bytes = footprint(*unit);
  account.commit_begun(bytes);                               // keeps it in memory until `done`
  const bool existed = std::exchange(account.exists, true);  // a name that is being made is taken
  unit->done = [&shard, jid = account.jid, state = change.state, existed, credentials, bytes,
                done = std::move(done)](Unit& finished) mutable {
    bool was_gone = false;
    if (auto* changed = shard.find_account(jid.bare())) {
      was_gone = storage::is_gone(changed->state);
      if (!finished.outcome && !was_gone) changed->exists = existed;
      if (finished.outcome && credentials) changed->credentials = *credentials;
      changed->commit_ended(finished.at_once, bytes);
    }
    if (!finished.outcome) return done(std::unexpected(finished.outcome.error()));
    if (was_gone) return done(fail(ErrorCode::not_found, "the account was removed"));  // no row was changed
    if (state) shard.account_changed(jid, *state);
    done({});
  };
  shard.commit(std::move(unit));
}

void end_sessions(Account& account, std::string_view condition, std::string_view text, std::uint64_t except) {
  const auto sessions = account.sessions;
  for (auto* session : sessions) {
    const bool alive = std::ranges::find(account.sessions, session) != account.sessions.end();
    if (alive && session->id != except) session->stream.end(condition, text);
  }
}

}  // namespace valise::core
