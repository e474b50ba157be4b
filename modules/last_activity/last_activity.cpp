#include "modules/last_activity/last_activity.hpp"

#include <algorithm>
#include <charconv>

#include "base/clock.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace {

constexpr std::string_view ns_last = "jabber:iq:last";
constexpr std::string_view row_name = "seen";  // of DataKind::last_activity: UTC in milliseconds, decimal

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
  std::int64_t utc_ms = 0;  // when the last session ended, or, after a crash, began; 0: never
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

class LastActivity final : public core::Module {
 public:
  explicit LastActivity(core::Shard& shard) : shard_(shard), started_ms_(steady_ms()) {}

  void start(core::Registrar& registrar) override {
    using core::IqTarget;
    slot_ = registrar.account_part(load);
    registrar.iq(IqTarget::server, "get", "query", ns_last,
                 [this](core::IqRequest request) { request.result(answer(steady_ms() - started_ms_)); });
    registrar.iq(IqTarget::account, "get", "query", ns_last,
                 [this](core::IqRequest request) { of_account(std::move(request)); });
    registrar.at(core::Stage::blocking, core::Kind::iq, [this](core::Flow& flow) { return from_others(flow); });
    registrar.on_session(core::SessionEvent::bound, [this](core::Session& session) { seen(session.account); });
    registrar.on_session(core::SessionEvent::closed, [this](core::Session& session) { seen(session.account); });
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
    const auto* known = account.part<Seen>(slot_);
    if (known->utc_ms == 0) return request.error(never_seen);
    request.result(answer(utc_now_ns() / 1'000'000 - known->utc_ms));
  }

  // §3, §4: who may not see the presence is forbidden to ask account and device. Whether they are there is a secret,
  // too (RFC 6120 §13.10.2): nobody's address answers alike.
  core::Verdict from_others(const core::Flow& flow) const {
    const auto& stanza = *flow.stanza;
    if (stanza.type != "get" || !stanza.payload().is("query", ns_last)) return nullptr;
    const bool blocked = core::has_blocked(shard_.service<core::Blocking>(), *flow.recipient, stanza.from.full());
    if (flow.recipient->exists && !blocked && may_ask(*flow.recipient, stanza.from)) return nullptr;
    auto refusal = std::make_unique<core::Refusal>();
    refusal->error = forbidden;
    refusal->reason = "not-subscribed";
    return refusal;
  }

  // At the first session's begin, in case the server never sees its end, and at the last one's end.
  void seen(core::Account& account) {
    if (account.sessions.size() != 1 || !account.exists) return;
    const auto now_ms = utc_now_ns() / 1'000'000;
    account.part<Seen>(slot_)->utc_ms = now_ms;
    auto unit = std::make_unique<core::Unit>();
    unit->writes.emplace_back(storage::PutAccountData{
        account.jid.str(), storage::DataKind::last_activity, {std::string(row_name), std::to_string(now_ms)}});
    unit->nobody_waits = true;
    shard_.commit(std::move(unit));
  }

  core::Shard& shard_;
  const std::int64_t started_ms_;
  unsigned slot_ = 0;
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
