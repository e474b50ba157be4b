#include "policy/shared.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "base/crypto.hpp"

namespace valise::policy {
namespace {

constexpr std::int64_t ns_of_ms = 1'000'000;

// The next number of a line, in front of a blank or its end.
template <class T>
bool take_number(std::string_view& line, T& out, int base = 10) {
  const auto [stop, fault] = std::from_chars(line.data(), line.data() + line.size(), out, base);
  if (fault != std::errc()) return false;
  line.remove_prefix(static_cast<std::size_t>(stop - line.data()));
  if (line.empty()) return true;
  if (line.front() != ' ') return false;
  line.remove_prefix(1);
  return true;
}

template <class Visit>
void each_line(std::string_view lines, Visit visit) {
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    visit(lines.substr(0, end));
    if (end == std::string_view::npos) break;
    lines.remove_prefix(end + 1);
  }
}

// A stored time moved to another clock; what would not fit is at its end.
std::int64_t moved(std::int64_t ms, std::int64_t by_ms) {
  std::int64_t out = 0;
  if (__builtin_add_overflow(ms, by_ms, &out)) return by_ms > 0 ? INT64_MAX : INT64_MIN;
  return out;
}

}  // namespace

// ---- Table

Table::Table(std::string name, std::uint32_t keys, bool durable)
    : name_(std::move(name)), keys_(keys), durable_(durable) {
  std::uint64_t seed[2];
  crypto::random_bytes({reinterpret_cast<unsigned char*>(&seed), sizeof seed});
  low_ = seed[0];
  high_ = seed[1];
}

std::uint64_t Table::mix(std::uint64_t state, std::string_view text) const noexcept {
  // Two words at a time through a multiply-fold; the seed keeps others from aiming at a place.
  const auto fold = [](std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  const auto low = low_.load(std::memory_order_relaxed);
  const auto high = high_.load(std::memory_order_relaxed);
  state ^= text.size() * 0x9e3779b97f4a7c15ull;
  while (!text.empty()) {
    std::uint64_t word = 0;
    const auto n = std::min<std::size_t>(8, text.size());
    std::memcpy(&word, text.data(), n);
    text.remove_prefix(n);
    state = fold(state ^ word ^ low, 0xa0761d6478bd642full ^ high);
  }
  return fold(state ^ high, 0xe7037ed1a0b428dbull);
}

bool Table::take_change(std::size_t part) noexcept {
  return changed_[part].load(std::memory_order_relaxed) && changed_[part].exchange(false, std::memory_order_acq_rel);
}

void Table::adopt(std::uint64_t low, std::uint64_t high) noexcept {
  clear();
  low_ = low;
  high_ = high;
}

void Table::take_seed(const Table& other) noexcept {
  low_ = other.low_.load();
  high_ = other.high_.load();
}

std::string Table::head() const { return fmt::format("1 {:x} {:x}\n", low_.load(), high_.load()); }

// ---- Limiter

Limiter::Limit Limiter::Limit::of(double rate, double burst) noexcept {
  const double interval = 1e9 / rate;
  return {static_cast<std::int64_t>(interval), static_cast<std::int64_t>(interval * burst)};
}

Limiter::Limiter(std::string name, std::uint32_t keys, bool durable, const Limiter* before)
    : Table(std::move(name), keys, durable), sets_(std::bit_ceil((keys + ways - 1) / ways)), buckets_(sets_ * ways) {
  if (before == nullptr) return;
  take_seed(*before);
  for (const auto& old : before->buckets_) {
    const auto key = old.key.load(std::memory_order_relaxed);
    const auto full = old.full_ns.load(std::memory_order_relaxed);
    if (key != 0) find(key, full).full_ns.store(full, std::memory_order_relaxed);
  }
  for (std::size_t part = 0; part < table_parts; ++part) change(part);
}

Limiter::Bucket& Limiter::find(std::uint64_t key, std::int64_t now_ns) noexcept {
  Bucket* const set = &buckets_[place(key)];
  Bucket* victim = nullptr;
  std::uint64_t victim_key = 0;
  std::int64_t victim_full = 0;
  for (std::size_t i = 0; i < ways; ++i) {
    const auto have = set[i].key.load(std::memory_order_relaxed);
    if (have == key) return set[i];
    const auto full = have == 0 ? INT64_MIN : std::max(now_ns, set[i].full_ns.load(std::memory_order_relaxed));
    if (victim != nullptr && full >= victim_full) continue;
    victim = &set[i];
    victim_key = have;
    victim_full = full;
  }
  if (victim->key.compare_exchange_strong(victim_key, key, std::memory_order_relaxed)) {
    victim->full_ns.store(now_ns, std::memory_order_relaxed);
  }
  return *victim;
}

bool Limiter::over(std::uint64_t key, std::int64_t now_ms, const Limit& limit) noexcept {
  const auto now_ns = now_ms * ns_of_ms;
  Bucket& bucket = find(key, now_ns);
  auto full = bucket.full_ns.load(std::memory_order_relaxed);
  for (;;) {
    const auto next = std::max(full, now_ns) + limit.interval_ns;
    if (next - now_ns > limit.burst_ns) return true;
    if (bucket.full_ns.compare_exchange_weak(full, next, std::memory_order_relaxed)) break;
  }
  if (durable()) change(part_of(static_cast<std::size_t>(&bucket - buckets_.data())));
  return false;
}

bool Limiter::would_be_over(std::uint64_t key, std::int64_t now_ms, const Limit& limit) const noexcept {
  const auto now_ns = now_ms * ns_of_ms;
  auto full = now_ns;  // who has no bucket would get a full one
  for (std::size_t i = place(key); i < place(key) + ways; ++i) {
    if (buckets_[i].key.load(std::memory_order_relaxed) != key) continue;
    full = std::max(full, buckets_[i].full_ns.load(std::memory_order_relaxed));
  }
  return full + limit.interval_ns - now_ns > limit.burst_ns;
}

void Limiter::clear() noexcept {
  for (auto& bucket : buckets_) bucket.key.store(0, std::memory_order_relaxed);
}

std::string Limiter::write(std::size_t part, std::int64_t utc_ahead_ms) const {
  auto out = head();
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    const auto key = buckets_[i].key.load(std::memory_order_relaxed);
    if (key == 0 || part_of(i) != part) continue;
    const auto full_ms = buckets_[i].full_ns.load(std::memory_order_relaxed) / ns_of_ms;
    out += fmt::format("{:x} {}\n", key, moved(full_ms, utc_ahead_ms));
  }
  return out;
}

void Limiter::read(std::string_view lines, std::int64_t utc_ahead_ms) {
  each_line(lines, [&](std::string_view line) {
    std::uint64_t key = 0;
    std::int64_t utc_ms = 0;
    if (!take_number(line, key, 16) || key == 0 || !take_number(line, utc_ms)) return;
    const auto full_ms = std::clamp<std::int64_t>(moved(utc_ms, -utc_ahead_ms), 0, INT64_MAX / ns_of_ms / 2);
    find(key, full_ms * ns_of_ms).full_ns.store(full_ms * ns_of_ms, std::memory_order_relaxed);
  });
}

// ---- Memory

Memory::Memory(std::string name, std::uint32_t keys, bool durable, const Memory* before)
    : Table(std::move(name), keys, durable),
      // Twice the room, so that keys find a place although sets fill unevenly.
      sets_(std::bit_ceil(std::max<std::size_t>(1, keys * 2 / (ways * table_parts)))) {
  for (auto& part : parts_) part.entries.resize(sets_ * ways);
  if (before == nullptr) return;
  take_seed(*before);
  for (std::size_t i = 0; i < table_parts; ++i) {
    const std::lock_guard lock(before->parts_[i].mutex);
    for (const auto& old : before->parts_[i].entries) {
      if (old.key != 0) set(old.key, old.value);
    }
  }
}

Memory::Entry* Memory::find(std::uint64_t key, std::int64_t now_ms) const noexcept {
  Entry* const set = &parts_[part_of(key)].entries[(key >> 20) % sets_ * ways];
  for (std::size_t i = 0; i < ways; ++i) {
    if (set[i].key == key) return set[i].value.expires_ms > now_ms ? &set[i] : nullptr;
  }
  return nullptr;
}

Memory::Entry& Memory::place(std::uint64_t key, std::int64_t now_ms) noexcept {
  Entry* const set = &parts_[part_of(key)].entries[(key >> 20) % sets_ * ways];
  Entry* victim = set;
  const auto worth = [now_ms](const Entry& entry) {
    return entry.key == 0 || entry.value.expires_ms <= now_ms ? INT64_MIN : entry.value.expires_ms;
  };
  for (std::size_t i = 0; i < ways; ++i) {
    if (set[i].key == key) return set[i];
    if (worth(set[i]) < worth(*victim)) victim = &set[i];
  }
  victim->key = key;
  victim->value = {};
  return *victim;
}

std::optional<Memory::Value> Memory::get(std::uint64_t key, std::int64_t now_ms) const {
  const std::lock_guard lock(parts_[part_of(key)].mutex);
  const auto* entry = find(key, now_ms);
  return entry == nullptr ? std::nullopt : std::optional(entry->value);
}

std::optional<std::int64_t> Memory::since(std::uint64_t key, std::int64_t now_ms) const noexcept {
  const std::lock_guard lock(parts_[part_of(key)].mutex);
  const auto* entry = find(key, now_ms);
  return entry == nullptr ? std::nullopt : std::optional(entry->value.since_ms);
}

std::int64_t Memory::number(std::uint64_t key, std::int64_t now_ms) const noexcept {
  const std::lock_guard lock(parts_[part_of(key)].mutex);
  const auto* entry = find(key, now_ms);
  return entry == nullptr ? 0 : entry->value.number;
}

void Memory::set(std::uint64_t key, Value value) {
  const std::lock_guard lock(parts_[part_of(key)].mutex);
  place(key, value.since_ms).value = std::move(value);
  if (durable()) change(part_of(key));
}

std::int64_t Memory::add(std::uint64_t key, std::int64_t number, std::int64_t now_ms, std::int64_t expires_ms) {
  const std::lock_guard lock(parts_[part_of(key)].mutex);
  auto* entry = find(key, now_ms);
  if (entry == nullptr || !entry->value.text.empty()) {
    entry = &place(key, now_ms);
    entry->value = {.number = 0, .text = {}, .since_ms = now_ms, .expires_ms = expires_ms};
  }
  auto& sum = entry->value.number;
  if (__builtin_add_overflow(sum, number, &sum)) sum = number > 0 ? INT64_MAX : INT64_MIN;
  if (durable()) change(part_of(key));
  return sum;
}

void Memory::forget(std::uint64_t key) noexcept {
  const std::lock_guard lock(parts_[part_of(key)].mutex);
  auto* entry = find(key, INT64_MIN);
  if (entry == nullptr) return;
  *entry = {};
  if (durable()) change(part_of(key));
}

std::size_t Memory::used(std::int64_t now_ms) const {
  std::size_t out = 0;
  for (const auto& part : parts_) {
    const std::lock_guard lock(part.mutex);
    out += static_cast<std::size_t>(std::ranges::count_if(
        part.entries, [now_ms](const Entry& one) { return one.key != 0 && one.value.expires_ms > now_ms; }));
  }
  return out;
}

void Memory::clear() noexcept {
  for (auto& part : parts_) {
    const std::lock_guard lock(part.mutex);
    std::ranges::fill(part.entries, Entry{});
  }
}

std::string Memory::write(std::size_t part, std::int64_t utc_ahead_ms) const {
  auto out = head();
  const std::lock_guard lock(parts_[part].mutex);
  for (const auto& [key, value] : parts_[part].entries) {
    if (key == 0) continue;
    const auto expires = value.expires_ms == never ? 0 : moved(value.expires_ms, utc_ahead_ms);
    out += fmt::format("{:x} {} {} {} {}\n", key, moved(value.since_ms, utc_ahead_ms), expires, value.number,
                       crypto::hex_encode(value.text));
  }
  return out;
}

void Memory::read(std::string_view lines, std::int64_t utc_ahead_ms) {
  each_line(lines, [&](std::string_view line) {
    std::uint64_t key = 0;
    std::int64_t expires = 0;
    Value value;
    if (!take_number(line, key, 16) || key == 0 || !take_number(line, value.since_ms) || !take_number(line, expires) ||
        !take_number(line, value.number)) {
      return;
    }
    auto text = crypto::hex_decode(line);
    if (!text || text->size() > longest_text) return;
    value.text = std::move(*text);
    value.since_ms = moved(value.since_ms, -utc_ahead_ms);
    value.expires_ms = expires == 0 ? never : moved(expires, -utc_ahead_ms);
    const std::lock_guard lock(parts_[part_of(key)].mutex);
    place(key, value.since_ms).value = std::move(value);
  });
}

// ---- Shared

template <class T>
std::shared_ptr<T> Shared::newest(std::vector<std::weak_ptr<T>>& all) {
  std::erase_if(all, [](const auto& one) { return one.expired(); });
  // The set that held the newest may have failed to load: then the one before is in force.
  for (auto one = all.rbegin(); one != all.rend(); ++one) {
    if (auto alive = one->lock()) return alive;
  }
  return nullptr;
}

template <class T>
std::shared_ptr<T> Shared::get(Tables<T>& tables, const std::string& name, std::uint32_t keys, bool durable) {
  const std::lock_guard lock(mutex_);
  for (auto one = tables.begin(); one != tables.end();) one = newest(one->second) ? std::next(one) : tables.erase(one);
  auto& all = tables[name];
  const auto before = newest(all);
  if (before && before->keys() == keys && before->durable() == durable) return before;
  auto made = std::make_shared<T>(name, keys, durable, before.get());
  all.push_back(made);
  return made;
}

std::shared_ptr<Limiter> Shared::limiter(const std::string& name, std::uint32_t keys, bool durable) {
  return get(limiters_, name, keys, durable);
}

std::shared_ptr<Memory> Shared::memory(const std::string& name, std::uint32_t keys, bool durable) {
  return get(memories_, name, keys, durable);
}

std::vector<Shared::Row> Shared::changed(std::int64_t utc_ahead_ms) {
  std::vector<Row> rows;
  const auto add = [&](std::string_view kind, auto& tables) {
    for (auto& [name, all] : tables) {
      const auto table = newest(all);
      if (!table || !table->durable()) continue;
      for (std::size_t part = 0; part < table_parts; ++part) {
        if (!table->take_change(part)) continue;
        rows.push_back({fmt::format("{}/{}/{:02}", kind, name, part), table->write(part, utc_ahead_ms)});
      }
    }
  };
  const std::lock_guard lock(mutex_);
  add("limiter", limiters_);
  add("memory", memories_);
  return rows;
}

std::shared_ptr<Table> Shared::table_of(std::string_view row, std::size_t& part) {
  const auto first = row.find('/');
  const auto last = row.rfind('/');
  if (first == std::string_view::npos || first == last) return nullptr;
  const auto kind = row.substr(0, first);
  const auto name = row.substr(first + 1, last - first - 1);
  auto number = row.substr(last + 1);
  if (!take_number(number, part) || !number.empty() || part >= table_parts) return nullptr;
  const auto look = [name](auto& tables) -> std::shared_ptr<Table> {
    const auto found = tables.find(name);
    auto table = found == tables.end() ? nullptr : newest(found->second);
    return table && table->durable() ? table : nullptr;
  };
  return kind == "limiter" ? look(limiters_) : kind == "memory" ? look(memories_) : nullptr;
}

void Shared::not_stored(std::string_view row) {
  const std::lock_guard lock(mutex_);
  std::size_t part = 0;
  if (const auto table = table_of(row, part)) table->change(part);
}

std::vector<std::string> Shared::load(const std::vector<Row>& rows, std::int64_t utc_ahead_ms) {
  std::vector<std::string> unwanted;
  const std::lock_guard lock(mutex_);
  std::map<const Table*, std::string> heads;  // all rows of a table have one seed
  for (const auto& row : rows) {
    std::size_t part = 0;
    const auto table = table_of(row.name, part);
    const auto end = row.value.find('\n');
    std::string_view head = std::string_view(row.value).substr(0, end);
    unsigned version = 0;
    std::uint64_t low = 0, high = 0;
    if (!table || end == std::string::npos || !take_number(head, version) || version != 1 ||
        !take_number(head, low, 16) || !take_number(head, high, 16)) {
      unwanted.push_back(row.name);
      continue;
    }
    const auto [first, is_first] = heads.emplace(table.get(), row.value.substr(0, end));
    if (is_first) table->adopt(low, high);
    if (first->second == row.value.substr(0, end)) {
      table->read(std::string_view(row.value).substr(end + 1), utc_ahead_ms);
    } else {
      unwanted.push_back(row.name);
    }
  }
  return unwanted;
}

}  // namespace valise::policy
