// How long messages stay (XEP-0313 §3.2: the oldest go first). Once a day, and when an administrator asks, one shard
// goes through the messages from the oldest on, a slice at a time; what still waits for its delivery stays.
#include <charconv>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "modules/archive/module.hpp"

namespace valise::modules::archive {
namespace {

constexpr std::int64_t sweep_every_ms = 24LL * 3600 * 1000;

}  // namespace

struct ArchiveModule::Sweep {
  explicit Sweep(ArchiveModule& module)
      : pause([](void* self) { static_cast<ArchiveModule*>(self)->sweep_reads(); }, &module) {}
  std::shared_ptr<const Terms> terms;
  std::uint64_t read_to = 0;
  std::uint64_t gone = 0;
  net::Timer pause;
  std::vector<std::move_only_function<void(Result<std::uint64_t>)>> asked;
};

ArchiveModule::ArchiveModule(core::Shard& shard)
    : shard_(shard),
      next_sweep_(
          [](void* self) {
            auto& module = *static_cast<ArchiveModule*>(self);
            if (!module.sweep_) module.sweep_begins();
          },
          this) {}

ArchiveModule::~ArchiveModule() = default;

void ArchiveModule::sweep_later(std::int64_t delay_ms) {
  shard_.loop().timers().arm(next_sweep_, shard_.loop().now_ms(), delay_ms);
}

core::Archives::KeptFor ArchiveModule::kept_for(const core::Account& account) const {
  const auto& own = said(account).keep_days;
  auto* rules_of_all = shard_.service<core::Rules>();
  const auto ruled = own || rules_of_all == nullptr ? std::nullopt : rules_of_all->keep_days(account.jid);
  return {.days = own.value_or(ruled.value_or(rules(account.jid.domain()).keep_days)),
          .own = own.has_value(),
          .by_rule = ruled.has_value(),
          .otherwise = std::string(name_of(wishes_of(account).otherwise))};
}

void ArchiveModule::keep_for(core::Account& account, std::optional<std::uint32_t> days, core::audit::Record record,
                             std::move_only_function<void(Result<>)> done) {
  auto unit = std::make_unique<core::Unit>();
  if (shard_.settings().audit) unit->record = std::move(record);
  if (days) {
    unit->writes.emplace_back(storage::PutAccountData{
        account.jid.str(), storage::DataKind::archive, {std::string(keep_row), std::to_string(*days)}});
  } else {
    unit->writes.emplace_back(
        storage::RemoveAccountData{account.jid.str(), storage::DataKind::archive, std::string(keep_row)});
  }
  unit->done = [this, &account, days, done = std::move(done)](core::Unit& finished) mutable {
    if (finished.outcome) archive(account).keep_days = days;
    done(std::move(finished.outcome));
  };
  shard_.commit_in_order(account, std::move(unit), 0);
}

void ArchiveModule::expire(std::move_only_function<void(Result<std::uint64_t>)> done) {
  if (!sweep_) sweep_begins();
  sweep_->asked.push_back(std::move(done));
}

void ArchiveModule::sweep_begins() {
  sweep_ = std::make_unique<Sweep>(*this);
  auto terms = std::make_shared<Terms>();
  for (const auto& [name, rules] : hosts_) terms->hosts.emplace(name, rules.keep_days);
  if (const auto* rules = shard_.service<core::Rules>()) terms->rules = rules->fewest_keep_days();
  shard_.read([](storage::Reader& reader) { return reader.data_of_all(storage::DataKind::archive, keep_row); },
              [this, terms](Result<std::vector<std::pair<std::string, std::string>>> rows) {
                if (!rows) return sweep_ends(std::unexpected(rows.error()));
                for (const auto& [owner, value] : *rows) {
                  std::uint32_t days = 0;
                  const auto* end = value.data() + value.size();
                  if (std::from_chars(value.data(), end, days).ec == std::errc()) terms->accounts.emplace(owner, days);
                }
                sweep_->terms = terms;
                sweep_reads();
              });
}

void ArchiveModule::sweep_reads() {
  shard_.read([terms = sweep_->terms, after = sweep_->read_to,
               now_ms = utc_now_ms()](storage::Reader& reader) { return find_expired(reader, *terms, now_ms, after); },
              [this](Result<Expired> found) { sweep_writes(std::move(found)); });
}

// Leaves those that are to go by what the administrator's rules say of the account.
void ArchiveModule::keep_by_rules(std::string_view owner, std::vector<std::uint64_t>& ids) const {
  const auto& terms = *sweep_->terms;
  if (!terms.rules || terms.accounts.contains(owner)) return;
  auto* rules = shard_.service<core::Rules>();
  const auto account = core::Jid::parse(owner);
  const auto ruled = rules == nullptr || !account ? std::nullopt : rules->keep_days(*account);
  const auto days = ruled.value_or(terms.of(owner).value_or(0));
  const auto now_ms = utc_now_ms();
  std::erase_if(ids, [&](std::uint64_t id) { return days == 0 || now_ms - IdGenerator::utc_ms(id) <= days * day_ms; });
}

void ArchiveModule::sweep_writes(Result<Expired> found) {
  if (!found) return sweep_ends(std::unexpected(found.error()));
  auto unit = std::make_unique<core::Unit>();
  std::uint64_t rows = 0;
  for (auto& [owner, ids] : found->ids) {
    keep_by_rules(owner, ids);
    if (ids.empty()) continue;
    rows += ids.size();
    unit->writes.emplace_back(storage::ExpireMessages{owner, std::move(ids)});
  }
  // The pause leaves the database threads and the committer to those who wait for them.
  const auto go_on = [this, end = found->end, read_to = found->read_to, rows] {
    sweep_->read_to = read_to;
    sweep_->gone += rows;
    if (end) return sweep_ends({});
    shard_.loop().timers().arm(sweep_->pause, shard_.loop().now_ms(), 1);
  };
  if (unit->writes.empty()) return go_on();
  unit->done = [this, go_on](core::Unit& finished) {
    if (!finished.outcome) return sweep_ends(std::unexpected(finished.outcome.error()));
    go_on();
  };
  shard_.commit(std::move(unit));
}

void ArchiveModule::sweep_ends(Result<> outcome) {
  const auto ended = std::move(sweep_);
  if (!outcome) log::warning("archive", "old messages could not be removed: {}", outcome.error().text);
  if (ended->gone > 0) log::info("archive", "{} rows of old messages were due to go", ended->gone);
  sweep_later(sweep_every_ms);
  for (auto& done : ended->asked) {
    done(outcome ? Result<std::uint64_t>(ended->gone) : std::unexpected(outcome.error()));
  }
}

}  // namespace valise::modules::archive
