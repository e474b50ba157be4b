#include "modules/last_activity/last_activity.hpp"

#include <algorithm>
#include <charconv>

#include "base/clock.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "net/timer_wheel.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace {

constexpr std::string_view ns_last = "jabber:iq:last";
constexpr std::string_view row_name = "seen";  // of DataKind::last_activity: UTC in milliseconds, decimal
constexpr std::int64_t gather_ms = 2'000;
constexpr std::size_t rows_of_a_unit = 100;

const core::StanzaError forbidden{
    .type = core::StanzaError::Type::auth,
    .condition = "forbidden",
    .text = {"Only contacts who may see this person's presence may ask.",
             "Seuls les contacts qui peuvent voir la présence de cette personne peuvent le demander."}};
const core::StanzaError never_seen{
    .type = core::StanzaError::Type::cancel,
    .condition = "item-not-found",
    .text = {"This person has not logged in yet.", "Cette personne ne s’est encore jamais connectée."}};

struct Seen final : core::Part {
  std::int64_t utc_ms = 0;  // core::LastSeen
  bool gathered = false;    // its row will be written
};

Result<std::unique_ptr<core::Part>> load(storage::Reader& reader, const std::string& jid) {
  const auto rows = reader.account_data(jid, storage::DataKind::last_activity, row_name);
  if (!rows) return std::unexpected(rows.error());
  auto seen = std::make_unique<Seen>();
  for (const auto& row : *rows) {
    const auto* end = row.value.data() + row.value.size();
    if (std::from_chars(row.value.data(), end, seen->utc_ms).ec != std::errc()) seen->utc_ms = 0;
  }
  return seen;
}

std::string answer(std::int64_t ms) {
  std::string out;
  const auto seconds = std::max<std::int64_t>(0, ms) / 1000;
  xml::Writer(out).open("query", ns_last).attribute("seconds", std::to_string(seconds)).close();
  return out;
}

class LastActivity final : public core::Module, public core::LastSeen {
 public:
  explicit LastActivity(core::Shard& shard)
      : shard_(shard),
        started_ms_(steady_ms()),
        timer_([](void* self) { static_cast<LastActivity*>(self)->write_gathered(); }, this) {}

  void start(core::Registrar& registrar) override {
    using core::IqTarget;
    using core::SessionEvent;
    slot_ = registrar.account_part(load);
    registrar.iq(IqTarget::server, "get", "query", ns_last,
                 [this](core::IqRequest request) { request.result(answer(steady_ms() - started_ms_)); });
    registrar.iq(IqTarget::account, "get", "query", ns_last,
                 [this](core::IqRequest request) { of_account(std::move(request)); });
    registrar.at(core::Stage::blocking, core::Kind::iq, [this](core::Flow& flow) { return from_others(flow); });
    registrar.on_session(SessionEvent::bound, [this](core::Session& session) { came(session.account); });
    registrar.on_session(SessionEvent::closed, [this](core::Session& session) { left(session.account); });
    if (auto* presence = shard_.service<core::PresenceEvents>()) {
      presence->on_unavailable([this](core::Session& session) { became_unavailable(session.account); });
    }
    shard_.publish<core::LastSeen>(*this);
  }

  void stop() override { write_gathered(); }

  [[nodiscard]] std::int64_t last_seen_ms(const core::Account& account) const override {
    return account.part<Seen>(slot_)->utc_ms;
  }

 private:
  // §3, §8: who sees the presence, and the account itself.
  [[nodiscard]] bool may_ask(const core::Account& account, const core::Jid& asker) const {
    if (asker.same_bare(account.jid)) return true;
    const auto* contacts = shard_.service<core::Contacts>();
    const auto* contact = contacts == nullptr ? nullptr : contacts->find(account, asker.bare());
    const auto bits = contact == nullptr ? 0U : static_cast<unsigned>(contact->subscription);
    return (bits & static_cast<unsigned>(storage::Subscription::from)) != 0;
  }

  // §3. The status of the last unavailable presence is not kept.
  void of_account(core::IqRequest request) const {
    const auto& account = *request.account();
    if (!account.sessions.empty()) return request.result(answer(0));
    const auto seen_ms = last_seen_ms(account);
    if (seen_ms == 0) return request.error(never_seen);
    request.result(answer(utc_now_ms() - seen_ms));
  }

  // §3, §4: who may not see the presence is forbidden to ask account and device. Whether they are there is a secret,
  // too (RFC 6120 §13.10.2): nobody's address answers alike.
  core::Verdict from_others(const core::Flow& flow) const {
    const auto& stanza = *flow.stanza;
    if (stanza.type != "get" || !stanza.payload().is("query", ns_last)) return nullptr;
    const bool blocked = core::has_blocked(shard_.service<core::Blocking>(), *flow.recipient, stanza.from.full());
    if (flow.recipient->exists && !blocked && may_ask(*flow.recipient, stanza.from)) return nullptr;
    return core::make_refusal(forbidden, "not-subscribed");
  }

  void came(core::Account& account) {
    if (account.sessions.size() == 1) gather(account);
  }

  void became_unavailable(core::Account& account) {
    const auto is_available = [](const core::Session* session) { return session->available; };
    if (std::ranges::none_of(account.sessions, is_available)) account.part<Seen>(slot_)->utc_ms = utc_now_ms();
  }

  void left(core::Account& account) {
    if (account.sessions.size() != 1) return;
    account.part<Seen>(slot_)->utc_ms = utc_now_ms();
    gather(account);
    // Who is disabled may leave memory at any time.
    if (account.state != storage::AccountState::active) write_gathered();
  }

  void gather(core::Account& account) {
    auto& seen = *account.part<Seen>(slot_);
    if (!account.exists || std::exchange(seen.gathered, true)) return;
    gathered_.push_back(account.jid.str());
    if (!timer_.armed()) shard_.loop().timers().arm(timer_, shard_.loop().now_ms(), gather_ms);
  }

  // Units of many rows: alone, each would cost the store a transaction and a sync. An account that is not in memory has
  // been removed meanwhile, for what is unused stays longer than this waits; its row must not come back.
  void write_gathered() {
    std::vector<storage::Write> writes;
    for (const auto& jid : std::exchange(gathered_, {})) {
      auto* account = shard_.find_account(jid);
      if (account == nullptr || !account->exists) continue;
      auto& seen = *account->part<Seen>(slot_);
      seen.gathered = false;
      const auto last_ms = account->sessions.empty() ? seen.utc_ms : utc_now_ms();
      writes.emplace_back(storage::PutAccountData{
          jid, storage::DataKind::last_activity, {std::string(row_name), std::to_string(last_ms)}});
      if (writes.size() == rows_of_a_unit) write(std::exchange(writes, {}));
    }
    if (!writes.empty()) write(std::move(writes));
  }

  void write(std::vector<storage::Write> writes) {
    auto unit = std::make_unique<core::Unit>();
    unit->writes = std::move(writes);
    unit->done = [this](core::Unit& finished) {
      // Not taken: the committer was full.
      if (finished.outcome || finished.outcome.error().code != ErrorCode::unavailable) return;
      for (const auto& row : finished.writes) {
        if (auto* account = shard_.find_account(std::get<storage::PutAccountData>(row).owner)) gather(*account);
      }
    };
    shard_.commit(std::move(unit));
  }

  core::Shard& shard_;
  const std::int64_t started_ms_;
  unsigned slot_ = 0;
  std::vector<std::string> gathered_;  // accounts whose rows are written when the timer fires
  net::Timer timer_;
};

}  // namespace

const core::Manifest& last_activity_manifest() {
  static const core::Manifest manifest{
      .name = "last_activity",
      .summary = "since when somebody is away, told to whoever sees his presence",
      .implements = {{"XEP-0012", "2.0"}, {"XEP-0256", "1.1"}},
      .server_features = {ns_last},
      .account_features = {ns_last},
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> { return std::make_unique<LastActivity>(shard); },
  };
  return manifest;
}

}  // namespace valise::modules
