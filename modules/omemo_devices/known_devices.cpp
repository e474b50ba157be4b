#include "modules/omemo_devices/known_devices.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "xml/document.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo_devices {
namespace {

constexpr std::array<std::string_view, 4> states{"heard-of", "let-in", "waiting", "revoked"};
constexpr std::array<std::string_view, 3> news{"", "device", "keys"};
constexpr std::array<std::string_view, 2> versions{"legacy", "omemo-2"};
constexpr std::size_t prekey_bytes = 8;  // enough to tell two of one device apart

std::string_view bytes_of(const Key& key) noexcept { return {reinterpret_cast<const char*>(key.data()), key.size()}; }

bool has(std::span<const std::uint32_t> ids, std::uint32_t id) { return std::ranges::find(ids, id) != ids.end(); }

std::optional<std::int64_t> number(xml::Element element, std::string_view name) {
  const auto text = element.attribute_or_empty(name);
  std::int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

template <std::size_t size>
std::optional<std::size_t> place_of(std::string_view name, const std::array<std::string_view, size>& names) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

void read_version(xml::Element element, Device::InVersion& in) {
  if (!element) return;
  in.named = element.attribute("named").has_value();
  in.keys = element.attribute("keys").has_value();
  in.signed_prekey = element.attribute_or_empty("spk");
  in.signed_prekey_ms = number(element, "since").value_or(0);
}

}  // namespace

std::string encode(const Device& device) {
  std::string out;
  xml::Writer writer(out);
  writer.open("device").attribute("state", states[static_cast<std::size_t>(device.state)]);
  writer.attribute("first", std::to_string(device.first_ms)).attribute("seen", std::to_string(device.seen_ms));
  writer.attribute_if("resource", device.resource);
  if (device.by_rule) writer.attribute("by-rule", "1");
  if (device.identity) writer.attribute("identity", crypto::hex_encode(bytes_of(*device.identity)));
  writer.attribute_if("news", news[static_cast<std::size_t>(device.news)]);
  for (std::size_t i = 0; i < versions.size(); ++i) {
    const auto& in = device.in[i];
    if (in == Device::InVersion()) continue;
    writer.open(versions[i]);
    if (in.named) writer.attribute("named", "1");
    if (in.keys) writer.attribute("keys", "1");
    writer.attribute_if("spk", in.signed_prekey).attribute("since", std::to_string(in.signed_prekey_ms)).close();
  }
  writer.close();
  return out;
}

std::optional<Device> decode(std::string_view name, std::string_view value) {
  const auto id = pep::parse_device_id(name);
  const auto document = xml::parse_element(value, {});
  if (!id || !document || document->root().name() != "device") return std::nullopt;
  const auto root = document->root();
  const auto state = place_of(root.attribute_or_empty("state"), states);
  const auto to_tell = place_of(root.attribute_or_empty("news"), news);
  const auto first = number(root, "first");
  const auto seen = number(root, "seen");
  if (!state || !to_tell || !first || !seen) return std::nullopt;
  Device device{.id = *id,
                .state = static_cast<State>(*state),
                .news = static_cast<News>(*to_tell),
                .first_ms = *first,
                .seen_ms = *seen,
                .by_rule = root.attribute("by-rule").has_value(),
                .resource = std::string(root.attribute_or_empty("resource")),
                .identity = {},
                .in = {}};
  if (const auto hex = root.attribute("identity")) {
    const auto bytes = crypto::hex_decode(*hex);
    device.identity = bytes ? omemo_keys::key_of(*bytes) : std::nullopt;
    if (!device.identity) return std::nullopt;
  }
  for (std::size_t i = 0; i < versions.size(); ++i) read_version(root.child(versions[i], {}), device.in[i]);
  return device;
}

std::string fingerprint(const Device& device) {
  if (!device.identity) return {};
  auto hex = crypto::hex_encode(bytes_of(*device.identity));
  for (std::size_t at = hex.size() - 8; at > 0; at -= 8) hex.insert(at, 1, ' ');
  return hex;
}

std::string identity_hash(const Device& device) {
  if (!device.identity) return {};
  return crypto::hex_encode(crypto::digest(crypto::Hash::sha256, bytes_of(*device.identity)));
}

std::string signed_prekey_mark(const Key& signed_prekey) {
  return crypto::hex_encode(bytes_of(signed_prekey).substr(0, prekey_bytes));
}

Device* KnownDevices::find(std::uint32_t id) noexcept {
  const auto found = std::ranges::lower_bound(all_, id, {}, &Device::id);
  return found != all_.end() && found->id == id ? &*found : nullptr;
}

const Device* KnownDevices::find(std::uint32_t id) const noexcept { return const_cast<KnownDevices*>(this)->find(id); }

Device& KnownDevices::put(Device device) {
  if (auto* there = find(device.id)) return *there = std::move(device);
  return *all_.insert(std::ranges::lower_bound(all_, device.id, {}, &Device::id), std::move(device));
}

Ids KnownDevices::kept_out() const {
  Ids ids;
  for (const auto& device : all_) {
    if (is_kept_out(device.state)) ids.push_back(device.id);
  }
  return ids;
}

bool KnownDevices::any(State state) const noexcept {
  return std::ranges::find(all_, state, &Device::state) != all_.end();
}

// With "device" the first one needs nobody. It is no first one any more where another was revoked.
bool KnownDevices::lets_in(const Rules& rules) const noexcept {
  if (rules.by_rule) return false;
  if (rules.approval == Approval::none) return true;
  return rules.approval == Approval::device && !any(State::let_in) && !any(State::revoked);
}

Device& KnownDevices::learn(std::uint32_t id, const By& by) {
  if (auto* known = find(id)) return *known;
  return put({.id = id, .first_ms = by.now_ms, .seen_ms = by.now_ms, .resource = std::string(by.resource)});
}

KnownDevices::Listed KnownDevices::list_published(OmemoVersion version, std::span<const std::uint32_t> list,
                                                  std::span<const std::uint32_t> before,
                                                  std::span<const std::uint32_t> other_list, const Rules& rules,
                                                  const By& by) {
  Listed out;
  const bool others = any(State::let_in);
  for (const auto id : list) {
    auto& device = learn(id, by);
    const auto earlier = device.state;
    if (earlier == State::let_in) {
      out.shown.push_back(id);
      if (has(before, id)) continue;
    } else if (earlier != State::revoked && !device.by_rule && lets_in(rules)) {
      device.state = State::let_in;
      out.shown.push_back(id);
    } else if (earlier == State::heard_of) {
      device.state = State::waiting;
    }
    device.by_rule = device.by_rule || (rules.by_rule && device.state == State::waiting);
    if (earlier == State::heard_of) device.news = others ? News::device : News::none;
    if (earlier != device.state) (device.state == State::let_in ? out.entered : out.waits).push_back(id);
    auto& named = device.of(version).named;
    const bool same = earlier == device.state && named && device.seen_ms / day_ms == by.now_ms / day_ms;
    named = is_kept_out(device.state);
    if (same) continue;
    device.seen_ms = by.now_ms;
    device.resource = by.resource;
    out.changed.push_back(id);
  }
  make_room(State::heard_of, max_heard_of, out.gone);
  make_room(State::waiting, rules.max_devices, out.gone);
  make_room(State::let_in, max_unlisted, out.gone, out.shown, other_list);
  for (auto* ids : {&out.waits, &out.changed}) {
    std::erase_if(*ids, [&](std::uint32_t id) { return has(out.gone, id); });
  }
  return out;
}

KnownDevices::Keyed KnownDevices::keys_published(OmemoVersion version, std::uint32_t id, const pep::DeviceKeys& keys,
                                                 std::array<bool, 2> lists, const Rules& rules, const By& by) {
  Keyed out;
  const bool is_new = find(id) == nullptr;
  auto& device = learn(id, by);
  const auto before = device;
  auto& in = device.of(version);
  if (device.identity && *device.identity != keys.identity) {
    out.what = Keyed::What::other;
  } else if (!in.keys) {
    out.what = Keyed::What::first;
  }
  device.identity = keys.identity;
  in.keys = true;
  const auto prekey = signed_prekey_mark(keys.signed_prekey);
  if (in.signed_prekey != prekey) {
    in.signed_prekey = prekey;
    in.signed_prekey_ms = by.now_ms;
  }
  if (device.state == State::let_in && out.what == Keyed::What::other) {
    const auto others = std::ranges::count(all_, State::let_in, &Device::state) > 1;
    device.news = others ? News::keys : News::none;
    // Another identity is another device; somebody has to be there who could approve it.
    out.put_out =
        rules.by_rule || rules.approval == Approval::administrator || (rules.approval == Approval::device && others);
  }
  // Who was told of it has to learn that it is another one that waits.
  const bool others_wait = device.state == State::waiting && out.what == Keyed::What::other;
  if (others_wait && device.news == News::none && any(State::let_in)) device.news = News::keys;
  if (out.put_out) {
    device.state = State::waiting;
    device.by_rule = rules.by_rule;
    for (std::size_t i = 0; i < lists.size(); ++i) device.in[i].named = lists[i];
  }
  if (device.seen_ms / day_ms != by.now_ms / day_ms || device != before) {
    device.seen_ms = by.now_ms;
    device.resource = by.resource;
  }
  out.changed = is_new || device != before;
  if (is_new) make_room(State::heard_of, max_heard_of - 1, out.gone, {&id, 1});  // itself aside
  return out;
}

Ids KnownDevices::keys_removed(OmemoVersion version, std::uint32_t id) {
  Ids changed;
  for (auto& device : all_) {
    if ((id != 0 && device.id != id) || !device.of(version).keys) continue;
    device.of(version).keys = false;
    changed.push_back(device.id);
  }
  return changed;
}

std::array<bool, 2> KnownDevices::approve(Device& device) {
  std::array<bool, 2> lists{};
  for (std::size_t i = 0; i < lists.size(); ++i) {
    auto& in = device.in[i];
    // Its keys went when it was revoked: where it has not published them anew, its client lists it when it does.
    lists[i] = in.named && (device.state == State::waiting || in.keys);
    in.named = false;
  }
  device.by_rule = false;
  device.state = State::let_in;
  return lists;
}

void KnownDevices::revoke(Device& device, std::array<bool, 2> lists) {
  device.state = State::revoked;
  device.news = News::none;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    device.in[i].named = device.in[i].named || lists[i];
    device.in[i].keys = false;
  }
}

Ids KnownDevices::silent(std::span<const std::uint32_t> listed, std::int64_t now_ms, std::int64_t after_ms) const {
  std::vector<const Device*> there;
  for (const auto& device : all_) {
    if (device.state == State::let_in && has(listed, device.id)) there.push_back(&device);
  }
  const auto last = std::ranges::max_element(there, {}, &Device::seen_ms);
  Ids ids;
  for (const auto* device : there) {
    if (device != *last && device->seen_ms + after_ms <= now_ms) ids.push_back(device->id);
  }
  return ids;
}

void KnownDevices::make_room(State state, std::size_t most, Ids& gone, std::span<const std::uint32_t> listed,
                             std::span<const std::uint32_t> listed_too) {
  std::vector<std::pair<std::int64_t, std::uint32_t>> those;
  for (const auto& device : all_) {
    const bool is_listed = has(listed, device.id) || has(listed_too, device.id);
    if (device.state == state && !is_listed) those.emplace_back(device.seen_ms, device.id);
  }
  if (those.size() <= most) return;
  std::ranges::sort(those);
  those.resize(those.size() - most);
  for (const auto& [seen_ms, id] : those) gone.push_back(id);
  std::erase_if(all_, [&](const Device& device) { return has(gone, device.id); });
}

}  // namespace valise::modules::omemo_devices
