#include "modules/policy/keeper.hpp"

#include "base/clock.hpp"
#include "base/log.hpp"

namespace valise::modules {
namespace {

constexpr std::string_view owner = "policy";  // of the rows: all hosts share the rules
constexpr std::size_t rows_of_a_unit = 16;

}  // namespace

Keeper::Keeper(core::Shard& shard, std::shared_ptr<policy::Shared> shared)
    : shard_(shard), shared_(std::move(shared)), timer_([](void* self) { static_cast<Keeper*>(self)->tick(); }, this) {
  shard_.loop().timers().arm(timer_, shard_.loop().now_ms(), 0);
}

std::int64_t Keeper::utc_ahead_ms() const { return utc_now_ms() - shard_.loop().now_ms(); }

void Keeper::tick() {
  shard_.loop().timers().arm(timer_, shard_.loop().now_ms(), every_ms);
  if (loaded_) {
    save();
  } else {
    load();
  }
}

void Keeper::stop() {
  timer_.cancel();
  if (loaded_) save();
}

void Keeper::load() {
  shard_.read([](storage::Reader& reader) { return reader.account_data(owner, storage::DataKind::policy); },
              [this](Result<std::vector<storage::AccountData>> rows) {
                if (loaded_) return;
                if (!rows) {
                  return log::warning("policy", "what rules keep could not be read: {}; tried again",
                                      rows.error().text);
                }
                loaded_ = true;
                std::vector<policy::Shared::Row> stored;
                for (auto& row : *rows) stored.push_back({std::move(row.name), std::move(row.value)});
                std::vector<storage::Write> writes;
                for (auto& name : shared_->load(stored, utc_ahead_ms())) {
                  writes.emplace_back(
                      storage::RemoveAccountData{std::string(owner), storage::DataKind::policy, std::move(name)});
                }
                if (!writes.empty()) write(std::move(writes));
              });
}

void Keeper::save() {
  std::vector<storage::Write> writes;
  for (auto& row : shared_->changed(utc_ahead_ms())) {
    writes.emplace_back(storage::PutAccountData{
        std::string(owner), storage::DataKind::policy, {std::move(row.name), std::move(row.value)}});
    if (writes.size() == rows_of_a_unit) write(std::exchange(writes, {}));
  }
  if (!writes.empty()) write(std::move(writes));
}

void Keeper::write(std::vector<storage::Write> writes) {
  auto unit = std::make_unique<core::Unit>();
  unit->writes = std::move(writes);
  unit->done = [shared = shared_](core::Unit& finished) {
    if (finished.outcome) return;
    log::warning("policy", "what rules keep could not be written: {}; tried again", finished.outcome.error().text);
    for (const auto& row : finished.writes) {
      if (const auto* put = std::get_if<storage::PutAccountData>(&row)) shared->not_stored(put->data.name);
    }
  };
  shard_.commit(std::move(unit));
}

}  // namespace valise::modules
