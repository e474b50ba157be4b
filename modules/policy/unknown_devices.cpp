#include "modules/policy/unknown_devices.hpp"

#include <charconv>

#include "core/namespaces.hpp"
#include "core/session.hpp"

namespace valise::modules {
namespace {
namespace ns = core::ns;

constexpr OmemoVersion versions[] = {OmemoVersion::legacy, OmemoVersion::omemo_2};

std::span<const std::uint32_t> list_of(const core::Account& account, OmemoVersion version, const DeviceLists& lists) {
  const auto found = lists.devices(account, version);
  return found ? *found : std::span<const std::uint32_t>();
}

bool names(std::span<const std::uint32_t> list, std::uint32_t device) {
  return std::ranges::find(list, device) != list.end();
}

// modules/omemo has found every rid well-formed.
void note(xml::Element keys, std::span<const std::uint32_t> own, core::DeviceIds& foreign) {
  for (const auto key : keys.children()) {
    if (key.is_text() || key.name() != "key") continue;
    const auto rid = key.attribute_or_empty("rid");
    std::uint32_t device = 0;
    std::from_chars(rid.data(), rid.data() + rid.size(), device);
    if (!names(own, device)) foreign.add(device);
  }
}

}  // namespace

void note_foreign_devices(core::Flow& flow, const DeviceLists& lists) {
  const auto& stanza = *flow.stanza;
  for (const auto child : stanza.root().children()) {
    if (child.is_text() || child.name() != "encrypted") continue;
    const bool legacy = child.ns() == ns::omemo_legacy;
    if (!legacy && child.ns() != ns::omemo_2) continue;
    auto& foreign = flow.foreign_devices[legacy ? 0 : 1];
    const auto own = list_of(flow.sender->account, legacy ? OmemoVersion::legacy : OmemoVersion::omemo_2, lists);
    const auto header = child.child("header", child.ns());
    if (legacy) {  // one list for both sides
      note(header, own, foreign);
      continue;
    }
    for (const auto keys : header.children()) {
      if (keys.is_text()) continue;
      const bool mine = keys.attribute_or_empty("jid") == stanza.from.bare();
      note(keys, mine ? own : std::span<const std::uint32_t>(), foreign);
    }
  }
}

std::uint32_t count_unknown_devices(const core::Flow& flow, const DeviceLists& lists) {
  std::uint32_t unknown = 0;
  for (const auto version : versions) {
    const auto theirs = list_of(*flow.recipient, version, lists);
    unknown += flow.foreign_devices[version == OmemoVersion::legacy ? 0 : 1].count_if(
        [theirs](std::uint32_t device) { return !names(theirs, device); });
  }
  return unknown;
}

}  // namespace valise::modules
