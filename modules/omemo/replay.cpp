#include "modules/omemo/replay.hpp"

#include <algorithm>
#include <bit>
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

std::string_view bytes_of(const std::array<char, 12>& iv) { return {iv.data(), iv.size()}; }

bool is_text(const std::array<char, 12>& iv) {
  return std::ranges::all_of(iv, [](char c) { return is_printable_character(static_cast<unsigned char>(c)); });
}

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
  Sent sent{.payload = seal.payload_hash, .address = address, .second = static_cast<std::uint32_t>(now_ms / 1'000)};
  std::ranges::partial_sort_copy(seal.key_hashes, std::span(sent.hashes).first(SentWindow::keys));
  if (seal.version == Version::legacy) sent.hashes.back() = keyed_hash(bytes_of(seal.iv));
  return sent;
}

const Replay::Device* Replay::find(std::uint64_t name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &*found->second;
}

const char* Replay::compare(const Device& device, const Envelope& seal, const Sent& sent, std::int64_t now_ms,
                            bool& again) {
  const char* why = nullptr;
  const auto look_for = [&](std::uint64_t hash, const char* what) {
    device.window.each_with(hash, [&](const Sent& old) {
      if (old.is_over(now_ms)) return;
      again = again || old.is_same(sent);
      why = what;
    });
  };
  look_for(sent.hashes.back(), "an iv that was used before");
  for (const auto key : seal.key_hashes) look_for(key, "a header that was used before");
  if (again) return nullptr;
  if (why != nullptr) return why;
  return seal.version == Version::legacy && is_text(seal.iv) && device.printable_ivs >= most_printable_ivs
             ? "printable ivs in a row"
             : nullptr;
}

void Replay::remember(std::uint64_t account, std::uint64_t name, const Envelope& seal, const Sent& sent,
                      std::int64_t now_ms) {
  auto [entry, is_new] = by_name_.try_emplace(name);
  if (is_new) {
    make_room_in(account);
    of_account_[account].push_back(name);
    devices_.push_front({.name = name, .account = account, .window = {}});
    memory_ += memory_of(devices_.front());
  } else {
    devices_.splice(devices_.begin(), devices_, entry->second);
  }
  entry->second = devices_.begin();
  auto& device = devices_.front();
  device.printable_ivs = seal.version == Version::legacy && is_text(seal.iv) ? device.printable_ivs + 1 : 0;
  const auto before = memory_of(device);
  device.window.put(sent, now_ms);
  memory_ += memory_of(device) - before;
  make_room(now_ms);
}

void Replay::make_room_in(std::uint64_t account) {
  const auto found = of_account_.find(account);
  if (found == of_account_.end() || found->second.size() < most_devices) return;
  forget(by_name_.find(found->second.front())->second);
}

std::size_t Replay::memory_of(const Device& device) {
  return sizeof(Device) + device_overhead + device.window.memory();
}

void Replay::make_room(std::int64_t now_ms) {
  const auto is_quiet = [&](const Device& device) { return device.window.newest().is_over(now_ms); };
  while (devices_.size() > 1 && (memory_ > memory_limit_ || is_quiet(devices_.back()))) {
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
