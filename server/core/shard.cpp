#include "core/shard.hpp"

#include <limits>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/log.hpp"
#include "core/auth/password.hpp"
#include "core/committer.hpp"
#include "core/footprint.hpp"

namespace valise::core {
namespace {
constexpr std::int64_t sweep_every_ms = 15'000;
constexpr std::int64_t keep_unused_ms = 60'000;  // an account without sessions stays in memory so long
constexpr std::size_t max_nobodies = 256;        // accounts in memory that do not exist

std::uint64_t fnv(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash ^ hash >> 32;
}
}  // namespace

unsigned Kernel::home_index(std::string_view bare_jid) const noexcept {
  return static_cast<unsigned>(fnv(bare_jid) % shards.size());
}

Shard& Kernel::home(std::string_view bare_jid) const { return *shards[home_index(bare_jid)]; }

Shard::Shard(Kernel& kernel, unsigned index, Ref<const Settings> settings)
    : kernel_(kernel),
      index_(index),
      settings_(std::move(settings)),
      sweep_([](void* self) { static_cast<Shard*>(self)->sweep_accounts(); }, this) {
  loop_.set_first(*this);
}

Shard::~Shard() { loop_.cancel(*this); }

Result<> Shard::start_modules(const config::Snapshot& config) {
  hooks_.has_row = kernel_.has_row;
  for (const auto* manifest : kernel_.modules) {
    auto module = manifest->make(*this);
    const auto registrar = hooks_.registrar(manifest->name);
    module->start(*registrar);
    module->configure(config);
    modules_.push_back(std::move(module));
  }
  loop_.timers().arm(sweep_, steady_ms(), sweep_every_ms);
  outboxes_.resize(kernel_.shards.size());
  return hooks_.finish();
}

void Shard::reconfigure(Ref<const Settings> settings, const config::Snapshot& config) {
  settings_ = std::move(settings);
  for (auto& module : modules_) module->configure(config);
}

void Shard::stop_modules() {
  again_.finish();
  for (auto& module : modules_) module->stop();
}

Features Shard::features(const std::string& host) const {
  Features all;
  for (const auto& module : modules_) {
    const auto some = module->features(host);
    all.server.insert(all.server.end(), some.server.begin(), some.server.end());
    all.account.insert(all.account.end(), some.account.begin(), some.account.end());
  }
  return all;
}

std::string Shard::stream_features(const std::string& host) const {
  std::string out;
  for (const auto* manifest : kernel_.modules) out += manifest->stream_features;
  for (const auto& module : modules_) out += module->stream_features(host);
  return out;
}

std::string Shard::stream_features_before_login(const std::string& host) const {
  std::string out;
  for (const auto& module : modules_) out += module->stream_features_before_login(host);
  return out;
}

void Shard::post_to(unsigned shard, net::Task task) {
  if (shard == index_) return task();
  outboxes_[shard].push_back(std::move(task));
  loop_.enqueue(*this);
}

void Shard::on_turn_end() {
  for (std::size_t i = 0; i < outboxes_.size(); ++i) {
    if (!outboxes_[i].empty()) kernel_.shards[i]->loop_.post(outboxes_[i]);
  }
}

// ---- accounts

Account* Shard::find_account(std::string_view bare) {
  const auto found = accounts_.find(bare);
  return found == accounts_.end() ? nullptr : found->second.get();
}

void Shard::with_account(const Jid& bare, std::move_only_function<void(Account*)> then) {
  if (auto* account = find_account(bare.bare())) {
    account->last_used_ms = loop_.now_ms();
    return then(account);
  }
  auto& waiting = loading_[std::string(bare.bare())];
  waiting.push_back(std::move(then));
  if (waiting.size() > 1) return;

  struct Loaded {
    std::optional<storage::Account> row;
    std::vector<std::unique_ptr<Part>> parts;
  };
  const auto jid = bare.to_bare();
  read(
      [this, jid](storage::Reader& reader) -> Result<Loaded> {
        Loaded loaded;
        auto row = reader.account(jid.full());
        if (!row) return std::unexpected(row.error());
        loaded.row = std::move(*row);
        for (const auto& loader : hooks_.loaders) {
          auto part = loader ? loader(reader, jid.str()) : Result<std::unique_ptr<Part>>();
          if (!part) return std::unexpected(part.error());
          loaded.parts.push_back(std::move(*part));
        }
        return loaded;
      },
      [this, jid](Result<Loaded> loaded) {
        const auto callbacks = loading_.extract(jid.str());
        if (callbacks.empty()) return;
        Account* account = nullptr;
        if (loaded) {
          auto made = std::make_unique<Account>(jid);
          made->exists = loaded->row && !storage::is_gone(loaded->row->state);
          if (loaded->row) made->state = loaded->row->state;
          if (loaded->row) made->credentials = auth::fingerprint(loaded->row->keys);
          made->set_parts(std::move(loaded->parts));
          made->last_used_ms = loop_.now_ms();
          account = made.get();
          accounts_.emplace(account->jid.full(), std::move(made));
          if (!loaded->row) keep_nobody(jid.str());
        } else {
          log::warning("core", "an account could not be loaded: {}", loaded.error().text);
        }
        // `then` may close the account's last session, but only the sweep takes an account out of memory.
        for (auto& callback : callbacks.mapped()) callback(account);
      });
}

// Anybody may name accounts that nobody has. The newest stay for a while, so that asking again costs no reading.
void Shard::keep_nobody(const std::string& jid) {
  nobodies_.push_back(jid);
  if (nobodies_.size() <= max_nobodies) return;
  const auto oldest = accounts_.find(nobodies_.front());
  const bool may_go = oldest != accounts_.end() && oldest->first != jid && !oldest->second->exists;
  if (may_go && oldest->second->idle()) accounts_.erase(oldest);
  nobodies_.pop_front();
}

void Shard::on_home(const Jid& bare, std::move_only_function<void(Shard&, Account*)> then) {
  const auto home = kernel_.home_index(bare.bare());
  auto run = [jid = bare.to_bare(), then = std::move(then)](Shard& there) mutable {
    there.with_account(jid, [&there, then = std::move(then)](Account* account) mutable { then(there, account); });
  };
  if (home == index_) return run(*this);
  auto* there = kernel_.shards[home].get();
  post_to(home, [there, run = std::move(run)]() mutable { run(*there); });
}

void Shard::refresh_account(const Jid& bare, std::move_only_function<void()> then) {
  // What is being loaded may have been read before the change: then it is read again.
  if (const auto loading = loading_.find(bare.str()); loading != loading_.end()) {
    loading->second.push_back(
        [this, jid = bare, then = std::move(then)](Account*) mutable { refresh_account(jid, std::move(then)); });
    return;
  }
  if (find_account(bare.bare()) == nullptr) return then();
  read([jid = bare.str()](storage::Reader& reader) { return reader.account(jid); },
       [this, jid = bare, then = std::move(then)](Result<std::optional<storage::Account>> row) mutable {
         auto* changed = find_account(jid.bare());
         if (changed == nullptr || !row) return then();
         changed->credentials = *row ? auth::fingerprint((*row)->keys) : 0;
         account_changed(jid, *row ? (*row)->state : storage::AccountState::deleted);
         then();
       });
}

void Shard::account_changed(const Jid& bare, storage::AccountState state) {
  // What is being loaded may have been read before the change.
  if (const auto loading = loading_.find(bare.str()); loading != loading_.end()) {
    return loading->second.push_back([this, jid = bare, state](Account*) { account_changed(jid, state); });
  }
  auto* account = find_account(bare.bare());
  if (account == nullptr || account->state == storage::AccountState::deleted) return;
  if (storage::is_gone(account->state) && !storage::is_gone(state)) return;  // read before it went
  if (state != storage::AccountState::active) again_.begin_all(*account);    // as long as it may have them
  account->exists = !storage::is_gone(state);
  account->state = state;
  if (state != storage::AccountState::active) {
    const auto sessions = account->sessions;
    for (auto* session : sessions) session->stream.end("not-authorized", "the account was disabled or removed");
  }
  // What modules hold of it is read anew once nobody uses it: at the next sweep, as somebody may just be called with
  // it.
  account->last_used_ms = std::numeric_limits<std::int64_t>::min();
}

void Shard::sweep_accounts() {
  const auto old = loop_.now_ms() - keep_unused_ms;
  std::erase_if(accounts_,
                [old](const auto& entry) { return entry.second->idle() && entry.second->last_used_ms < old; });
  const auto now = loop_.now_ms();
  std::vector<Requests::Answer> late;
  for (const auto& [jid, account] : accounts_) {
    for (auto* session : account->sessions) session->requests.take_late(now, late);
  }
  for (auto& answer : late) answer(nullptr);
  loop_.timers().arm(sweep_, now, sweep_every_ms);
}

// ---- sessions

void Shard::open_session(Session& session) {
  auto& account = session.account;
  if (auto* older = account.find(session.jid.resource())) {
    older->stream.end("conflict", "another client took this resource");  // RFC 6120 §7.7.2.2
  }
  account.sessions.push_back(&session);
  kernel_.stats.sessions.fetch_add(1, std::memory_order_relaxed);
  for (const auto& handler : hooks_.session_events[static_cast<std::size_t>(SessionEvent::bound)]) handler(session);
}

void Shard::close_session(Session& session) {
  for (const auto& handler : hooks_.session_events[static_cast<std::size_t>(SessionEvent::closed)]) handler(session);
  std::erase(session.account.sessions, &session);
  session.account.last_used_ms = loop_.now_ms();
  kernel_.stats.sessions.fetch_sub(1, std::memory_order_relaxed);
  std::vector<Requests::Answer> open;
  session.requests.take_late(std::numeric_limits<std::int64_t>::max(), open);
  for (auto& answer : open) answer(nullptr);
}

void Shard::session_detached(Session& session) {
  for (const auto& handler : hooks_.session_events[static_cast<std::size_t>(SessionEvent::detached)]) handler(session);
}

void Shard::session_resumed(Session& session) {
  for (const auto& handler : hooks_.session_events[static_cast<std::size_t>(SessionEvent::resumed)]) handler(session);
}

bool Shard::request(Session& session, std::string payload, Requests::Answer answer, std::string_view type) {
  if (session.requests.is_full()) return false;
  const auto id = "v" + crypto::random_hex(8);
  session.requests.add(id, loop_.now_ms() + settings_->answer_timeout_ms, std::move(answer));
  auto domain = Jid::make({}, session.jid.domain());
  const auto iq =
      make_iq(std::string(type), id, domain ? *domain : session.jid.to_bare(), session.jid, std::move(payload));
  session.stream.deliver(iq, nullptr, {});
  return true;
}

bool Shard::take_answer(Session& session, const StanzaPtr& stanza) {
  auto answer = session.requests.take(stanza->id);
  if (!answer) return false;
  answer(stanza);
  return true;
}

// ---- storage

bool Shard::commit(UnitPtr unit) {
  if (!settings_->audit) unit->record.reset();
  unit->shard = index_;
  if ((!unit->record && unit->writes.empty()) || kernel_.committer == nullptr) {
    complete_at_once(*unit);
    return true;
  }
  if (unit->record && on_record_) on_record_(*unit->record);
  if (kernel_.committer->submit(unit)) return true;  // else it stays here
  unit->outcome = unavailable();
  complete_at_once(*unit);
  return false;
}

void Shard::complete_at_once(Unit& unit) {
  unit.at_once = true;
  auto beside = std::move(unit.beside);
  if (unit.done) unit.done(unit);
  if (!unit.outcome || !beside.is_wanted()) return;
  post_to(beside.shard, [done = std::move(beside.done)]() mutable {
    Unit told;
    done(told);
  });
}

void Shard::commit_in_order(Account& account, UnitPtr unit, std::size_t bytes) {
  if (!settings_->audit) unit->record.reset();
  bytes += footprint(*unit);
  if (!has_room_for_change(account, bytes)) {
    unit->at_once = true;
    unit->outcome = unavailable();
    return unit->done(*unit);
  }
  if (!unit->record && unit->writes.empty()) {
    return account.in_order([unit = std::move(unit)] { unit->done(*unit); }, bytes);
  }
  account.commit_begun(bytes);
  unit->done = [&account, bytes, done = std::move(unit->done)](Unit& finished) mutable {
    done(finished);
    account.commit_ended(finished.at_once, bytes);
  };
  commit(std::move(unit));
}

void Shard::record(audit::Record record) {
  if (!settings_->audit || kernel_.committer == nullptr) return;
  auto unit = std::make_unique<Unit>();
  unit->record = std::move(record);
  unit->nobody_waits = true;
  commit(std::move(unit));
}

}  // namespace valise::core
