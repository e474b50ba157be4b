#include "modules/omemo/replay.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "modules/omemo/values.hpp"

namespace valise::modules::omemo {
namespace {

constexpr unsigned most_printable_ivs = 2;    // in a row; of true ones 7 in a million are printable
constexpr std::size_t device_overhead = 192;  // of list, maps and allocator, beside the ring

std::uint64_t name_of(std::uint64_t account, const Envelope& seal) {
  const std::array<std::uint64_t, 2> words{
      account, std::uint64_t{seal.sender_device} << 1 | (seal.version == Version::omemo_2 ? 1U : 0U)};
  return keyed_hash({reinterpret_cast<const char*>(words.data()), sizeof words});
}

// Bots were seen to send one message without payload under two ids (tests/corpus/stanzas): nothing is gained by that.
std::uint64_t address_of(std::string_view to, std::string_view id, const Envelope& seal) {
  return std::rotl(keyed_hash(to), 1) ^ (seal.has_payload ? keyed_hash(id) : 0);
}

bool is_text(const std::array<char, 12>& iv) {
  return std::ranges::all_of(iv, [](char c) { return is_printable_character(static_cast<unsigned char>(c)); });
}

std::uint16_t tag_of(std::uint64_t hash) { return static_cast<std::uint16_t>(hash); }
std::uint16_t tag_of(const std::array<char, 12>& iv) {
  std::uint16_t tag;
  std::memcpy(&tag, iv.data(), sizeof tag);
  return tag;
}

constexpr std::size_t most_by_tags = 16;  // keys: of more the sieve is faster

// Which hashes are worth to be looked for, so that the price of 256 messages does not grow with the keys of a new one.
class Sieve {
 public:
  explicit Sieve(std::span<const std::uint64_t> hashes) {
    for (const auto hash : hashes) bits_[hash >> 58] |= 1ULL << (hash >> 52 & 63);
  }
  [[nodiscard]] std::uint64_t may_hold(std::uint64_t hash) const { return bits_[hash >> 58] >> (hash >> 52 & 63) & 1; }

 private:
  std::array<std::uint64_t, 64> bits_{};
};

}  // namespace

const char* Replay::check(std::string_view account, std::string_view to, std::string_view id,
                          std::span<const Envelope> seals, std::int64_t now_ms) {
  struct Looked {
    std::uint64_t name;
    Sent sent;
    bool again = false;
  };
  std::array<Looked, 2> looked;  // one of each version at most
  const auto whose = keyed_hash(account);
  seals = seals.first(std::min(seals.size(), looked.size()));
  for (std::size_t i = 0; i < seals.size(); ++i) {
    looked[i] = {name_of(whose, seals[i]), describe(seals[i], address_of(to, id, seals[i]), now_ms)};
    const auto* device = find(looked[i].name);
    if (device == nullptr) continue;
    if (const auto* why = compare(*device, seals[i], looked[i].sent, now_ms, looked[i].again)) return why;
  }
  for (std::size_t i = 0; i < seals.size(); ++i) {
    if (!looked[i].again) remember(whose, looked[i].name, seals[i], looked[i].sent, now_ms);
  }
  return nullptr;
}

void Replay::limit(std::size_t memory) { memory_limit_ = memory; }

Replay::Sent Replay::describe(const Envelope& seal, std::uint64_t address, std::int64_t now_ms) {
  Sent sent{.keys = {},
            .payload = seal.payload_hash,
            .address = address,
            .iv = seal.iv,
            .second = static_cast<std::uint32_t>(now_ms / 1'000)};
  for (std::size_t i = 0; i < sent.keys.size(); ++i) {
    sent.keys[i] = seal.key_hashes[std::min(i, seal.key_hashes.size() - 1)];
  }
  return sent;
}

bool Replay::is_over(const Sent& sent, std::int64_t now_ms) { return now_ms / 1'000 - sent.second > window_ms / 1'000; }

const Replay::Device* Replay::find(std::uint64_t name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &*found->second;
}

// False: none of its keys, and not its iv.
bool Replay::may_know(const Device& device, const Envelope& seal) {
  std::array<std::uint16_t, most_by_tags + 1> wanted;
  std::size_t count = 0;
  for (const auto key : seal.key_hashes) wanted[count++] = tag_of(key);
  if (seal.version == Version::legacy) wanted[count++] = tag_of(seal.iv);
  for (const auto& tags : device.tags) {
    for (std::size_t i = 0; i < count; ++i) {
      bool found = false;  // all are looked at: that is done several at a time
      for (const auto tag : tags) found |= tag == wanted[i];
      if (found) return true;
    }
  }
  return false;
}

void Replay::tag(Device& device, std::size_t place) {
  if (place / tagged_together == device.tags.size()) device.tags.emplace_back();
  auto* const tags = device.tags[place / tagged_together].data() + place % tagged_together * tags_each;
  const auto& sent = device.sent[place];
  std::ranges::transform(sent.keys, tags, [](std::uint64_t key) { return tag_of(key); });
  tags[sent.keys.size()] = tag_of(sent.iv);
}

const char* Replay::compare(const Device& device, const Envelope& seal, const Sent& sent, std::int64_t now_ms,
                            bool& again) {
  const bool has_iv = seal.version == Version::legacy;
  const bool by_tags = seal.key_hashes.size() <= most_by_tags;
  const bool nothing = by_tags && !may_know(device, seal);
  const Sieve sieve(nothing ? std::span<const std::uint64_t>() : seal.key_hashes);
  for (const auto& old : nothing ? std::span<const Sent>() : std::span(device.sent)) {
    const auto [a, b, c, d] = old.keys;
    const bool may_share = (sieve.may_hold(a) | sieve.may_hold(b) | sieve.may_hold(c) | sieve.may_hold(d)) != 0;
    const bool same_iv = has_iv && old.iv == sent.iv;
    if (!may_share && !same_iv) continue;  // nearly all
    const bool shares =
        std::ranges::any_of(old.keys, [&](auto key) { return std::ranges::binary_search(seal.key_hashes, key); });
    if ((!shares && !same_iv) || is_over(old, now_ms)) continue;
    again = old.keys == sent.keys && old.iv == sent.iv && old.payload == sent.payload && old.address == sent.address;
    if (again) return nullptr;
    return shares ? "a header that was used before" : "an iv that was used before";
  }
  return has_iv && is_text(sent.iv) && device.printable_ivs >= most_printable_ivs ? "printable ivs in a row" : nullptr;
}

void Replay::remember(std::uint64_t account, std::uint64_t name, const Envelope& seal, const Sent& sent,
                      std::int64_t now_ms) {
  auto [entry, is_new] = by_name_.try_emplace(name);
  if (is_new) {
    make_room_in(account);
    of_account_[account].push_back(name);
    devices_.push_front({.name = name, .account = account, .sent = {}, .tags = {}});
    memory_ += memory_of(devices_.front());
  } else {
    devices_.splice(devices_.begin(), devices_, entry->second);
  }
  entry->second = devices_.begin();
  auto& device = devices_.front();
  device.printable_ivs = seal.version == Version::legacy && is_text(sent.iv) ? device.printable_ivs + 1 : 0;
  put(device, sent, now_ms);
  make_room(now_ms);
}

void Replay::make_room_in(std::uint64_t account) {
  const auto found = of_account_.find(account);
  if (found == of_account_.end() || found->second.size() < most_devices) return;
  forget(by_name_.find(found->second.front())->second);
}

void Replay::put(Device& device, const Sent& sent, std::int64_t now_ms) {
  auto& ring = device.sent;
  if (ring.size() == most || (!ring.empty() && is_over(ring[device.oldest], now_ms))) {
    ring[device.oldest] = sent;
    tag(device, device.oldest);
    device.oldest = (device.oldest + 1) % ring.size();
    return;
  }
  const auto before = memory_of(device);
  std::ranges::rotate(ring, ring.begin() + static_cast<std::ptrdiff_t>(device.oldest));
  ring.push_back(sent);
  for (auto place = std::exchange(device.oldest, 0) == 0 ? ring.size() - 1 : 0; place < ring.size(); ++place) {
    tag(device, place);
  }
  memory_ += memory_of(device) - before;
}

std::size_t Replay::memory_of(const Device& device) {
  return sizeof(Device) + device_overhead + device.sent.capacity() * sizeof(Sent) +
         device.tags.capacity() * sizeof(Tags);
}

void Replay::make_room(std::int64_t now_ms) {
  const auto last_sent = [](const Device& device) -> const Sent& {
    return device.sent[(device.oldest + device.sent.size() - 1) % device.sent.size()];
  };
  while (devices_.size() > 1 && (memory_ > memory_limit_ || is_over(last_sent(devices_.back()), now_ms))) {
    forget(std::prev(devices_.end()));
  }
}

void Replay::forget(Place device) {
  memory_ -= memory_of(*device);
  const auto own = of_account_.find(device->account);
  std::erase(own->second, device->name);
  if (own->second.empty()) of_account_.erase(own);
  by_name_.erase(device->name);
  devices_.erase(device);
}

}  // namespace valise::modules::omemo
