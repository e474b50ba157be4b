#include "core/auth/brake.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ranges>

#include "base/crypto.hpp"

namespace valise::core::auth {
namespace {

// One known pair in the file: for the machine that wrote it.
struct SavedPair {
  std::uint64_t account, network;
  std::int64_t at_utc_ms;
};

constexpr double ms_per_hour = 3'600'000;
constexpr std::array<unsigned char, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<unsigned char, 12> nat64_prefix{0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};

}  // namespace

std::optional<Network> Network::from_bytes(std::span<const unsigned char> address) {
  if (address.size() == 16) {
    const auto prefix = address.first<12>();
    if (std::ranges::equal(prefix, mapped_prefix) || std::ranges::equal(prefix, nat64_prefix)) {
      address = address.subspan(12);
    }
  }
  if (address.size() != 4 && address.size() != 16) return std::nullopt;
  Network network;
  network.bytes_[0] = address.size() == 4 ? '4' : '6';
  std::memcpy(network.bytes_.data() + 1, address.data(), std::min<std::size_t>(address.size(), 8));
  return network;
}

std::optional<Network> Network::parse(const std::string& address) {
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) return from_bytes(std::span(bytes).first(4));
  if (inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return from_bytes(bytes);
  return std::nullopt;
}

template <class Value>
Value* Brake::Table<Value>::find(Key key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return &found->second->second;
}

template <class Value>
Value& Brake::Table<Value>::at(Key key) {
  if (auto* found = find(key)) return *found;
  if (index_.size() >= size_) {
    index_.erase(order_.back().first);
    order_.pop_back();
  }
  order_.emplace_front(key, Value{});
  index_.emplace(key, order_.begin());
  return order_.front().second;
}

template <class Value>
void Brake::Table<Value>::erase(Key key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return;
  order_.erase(found->second);
  index_.erase(found);
}

Brake::Brake(const BrakeLimits& limits)
    : limits_(limits),
      seed_(crypto::random_string(32)),
      accounts_(std::max<std::size_t>(limits.table, 1)),
      networks_(std::max<std::size_t>(limits.table, 1)),
      known_(std::max<std::size_t>(limits.table, 1)) {}

Brake::Key Brake::key(char kind, std::string_view bytes) const {
  std::string input(1, kind);
  input += bytes;
  const auto mac = crypto::hmac(crypto::Hash::sha256, seed_, input);
  Key out = 0;
  std::memcpy(&out, mac.data(), sizeof out);
  return out;
}

void Brake::leak(Bucket& bucket, std::int64_t now_ms) const {
  const auto passed = static_cast<double>(std::max<std::int64_t>(now_ms - bucket.at_ms, 0));
  bucket.level = std::max(0.0, bucket.level - passed * limits_.leak_per_hour / ms_per_hour);
  bucket.at_ms = std::max(bucket.at_ms, now_ms);
}

double Brake::charge(Bucket& bucket, unsigned ceiling, std::int64_t now_ms) const {
  leak(bucket, now_ms);
  const auto before = bucket.level;
  // The ceiling is what makes the brake let go: hammering on does not make it last longer.
  bucket.level = std::min(before + 1, static_cast<double>(ceiling));
  return before;
}

std::uint32_t Brake::delay(double level, unsigned free, std::uint32_t longest) const {
  if (level < free) return 0;
  const auto steps = std::min(level - free, 30.0);
  return static_cast<std::uint32_t>(std::min(limits_.first_delay_ms * std::exp2(std::floor(steps)), 1.0 * longest));
}

Brake::Known::Seen* Brake::find_known(Key account, Key network, std::int64_t now_ms) {
  auto* known = known_.find(account);
  if (known == nullptr) return nullptr;
  for (auto& seen : known->seen) {
    if (seen.network == network && now_ms - seen.at_ms <= limits_.remember_ms) return &seen;
  }
  return nullptr;
}

Brake::Verdict Brake::attempt(const Network& network, std::string_view account, std::int64_t now_ms) {
  const auto network_key = key('n', network.bytes());
  const auto account_key = key('a', account);
  const std::lock_guard lock(mutex_);
  if (auto* seen = find_known(account_key, network_key, now_ms)) {
    return {.delay_ms =
                delay(charge(seen->own, limits_.account_free * 2, now_ms), limits_.account_free, limits_.own_delay_ms)};
  }
  auto& from = networks_.at(network_key);
  leak(from, now_ms);
  // A refused attempt learns nothing, so it is not counted: neither here nor against the account.
  if (from.level > limits_.network_refused - 1.0) return {.refused = true};
  const auto by_network =
      delay(charge(from, limits_.network_refused, now_ms), limits_.network_free, limits_.network_delay_ms);
  const auto by_account = delay(charge(accounts_.at(account_key), limits_.account_free * 3, now_ms),
                                limits_.account_free, limits_.account_delay_ms);
  return {.delay_ms = std::max(by_network, by_account)};
}

Brake::Known::Seen* Brake::uncharge(Key account, Key network, std::int64_t now_ms) {
  const auto lower = [](Bucket& bucket) { bucket.level = std::max(0.0, bucket.level - 1); };
  if (auto* seen = find_known(account, network, now_ms)) {
    lower(seen->own);
    return seen;
  }
  if (auto* bucket = networks_.find(network)) lower(*bucket);
  if (auto* bucket = accounts_.find(account)) {
    lower(*bucket);
    if (bucket->level == 0) accounts_.erase(account);  // as if nobody had tried
  }
  return nullptr;
}

void Brake::take_back(const Network& network, std::string_view account, std::int64_t now_ms) {
  const auto network_key = key('n', network.bytes());
  const auto account_key = key('a', account);
  const std::lock_guard lock(mutex_);
  (void)uncharge(account_key, network_key, now_ms);
}

void Brake::succeeded(const Network& network, std::string_view account, std::int64_t now_ms) {
  const auto network_key = key('n', network.bytes());
  const auto account_key = key('a', account);
  const std::lock_guard lock(mutex_);
  if (auto* seen = uncharge(account_key, network_key, now_ms)) {
    seen->at_ms = now_ms;
    return;
  }
  auto& seen = known_.at(account_key).seen;
  // Its own expired place, a free one, or that of the network seen longest ago.
  auto place = std::ranges::find(seen, network_key, &Known::Seen::network);
  if (place == seen.end() && seen.size() < Known::most) place = seen.emplace(place);
  if (place == seen.end()) place = std::ranges::min_element(seen, {}, &Known::Seen::at_ms);
  *place = {.network = network_key, .at_ms = now_ms};
}

void Brake::forget(std::string_view account) {
  const auto account_key = key('a', account);
  const std::lock_guard lock(mutex_);
  known_.erase(account_key);
}

bool Brake::known(const Network& network, std::string_view account, std::int64_t now_ms) {
  const auto network_key = key('n', network.bytes());
  const auto account_key = key('a', account);
  const std::lock_guard lock(mutex_);
  return find_known(account_key, network_key, now_ms) != nullptr;
}

std::string Brake::known_pairs(std::int64_t now_ms, std::int64_t utc_ms) const {
  const std::lock_guard lock(mutex_);
  std::string out = seed_;
  for (const auto& [account, known] : std::views::reverse(known_.latest_first())) {
    for (const auto& seen : known.seen) {
      const SavedPair pair{account, seen.network, utc_ms - (now_ms - seen.at_ms)};
      out.append(reinterpret_cast<const char*>(&pair), sizeof pair);
    }
  }
  return out;
}

bool Brake::restore(std::string_view pairs, std::int64_t now_ms, std::int64_t utc_ms) {
  const std::lock_guard lock(mutex_);
  if (pairs.size() < seed_.size() || (pairs.size() - seed_.size()) % sizeof(SavedPair) != 0) return false;
  seed_ = pairs.substr(0, seed_.size());
  for (pairs.remove_prefix(seed_.size()); !pairs.empty(); pairs.remove_prefix(sizeof(SavedPair))) {
    SavedPair pair{};
    std::memcpy(&pair, pairs.data(), sizeof pair);
    auto& seen = known_.at(pair.account).seen;
    if (seen.size() == Known::most) continue;
    seen.push_back({.network = pair.network, .at_ms = now_ms - std::max<std::int64_t>(0, utc_ms - pair.at_utc_ms)});
  }
  return true;
}

std::size_t Brake::entries() const {
  const std::lock_guard lock(mutex_);
  return accounts_.size() + networks_.size() + known_.size();
}

}  // namespace valise::core::auth
