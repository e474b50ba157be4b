#include "modules/omemo_devices/health.hpp"

#include "base/clock.hpp"
#include "modules/pep/omemo_payloads.hpp"

namespace valise::modules::omemo_devices {
namespace {

Result<std::optional<PublishedKeys>> keys_of(storage::Reader& reader, const std::string& account, OmemoVersion version,
                                             std::uint32_t device) {
  const auto item_id = version == OmemoVersion::omemo_2 ? std::to_string(device) : std::string();
  const auto items = reader.pep_items(account, pep::bundle_node(version, device), 1, item_id);
  if (!items) return std::unexpected(items.error());
  if (items->empty()) return std::nullopt;
  const auto document = xml::parse_element(items->front().payload);
  const auto bundle =
      document ? pep::parse_bundle(document->root(), version) : std::unexpected(pep::PayloadFault::structure);
  if (!bundle) return std::nullopt;
  return PublishedKeys{.prekeys = bundle->prekeys.size(),
                       .signed_prekey = signed_prekey_mark(bundle->signed_prekey.key),
                       .published_ms = IdGenerator::utc_ms(items->front().version)};
}

Result<Ids> list_of(storage::Reader& reader, const std::string& account, OmemoVersion version) {
  const auto items = reader.pep_items(account, pep::device_list_node(version), 1);
  if (!items) return std::unexpected(items.error());
  if (items->empty()) return Ids();
  return pep::ids_of(pep::stored_device_list(items->front().payload, version).value_or(pep::DeviceList()));
}

}  // namespace

std::optional<Ailment> ailment_of(std::uint32_t id, OmemoVersion version, const Device* known,
                                  const std::optional<PublishedKeys>& keys, const HealthTerms& terms) {
  Ailment found{.device = id, .version = version, .problems = {}};
  const auto is_old = [&](std::int64_t ms, std::int64_t term) {
    return term != 0 && ms != 0 && ms + term <= terms.now_ms;
  };
  if (known != nullptr && known->state == State::waiting) found.problems.emplace_back("waiting");
  if (!keys) {
    found.problems.emplace_back("no-bundle");
  } else {
    found.prekeys = keys->prekeys;
    found.signed_prekey_ms = keys->published_ms;
    const bool same = known != nullptr && known->of(version).signed_prekey == keys->signed_prekey;
    if (same && known->of(version).signed_prekey_ms != 0) found.signed_prekey_ms = known->of(version).signed_prekey_ms;
    if (keys->prekeys < least_prekeys[static_cast<std::size_t>(version)]) found.problems.emplace_back("few-prekeys");
    if (is_old(found.signed_prekey_ms, terms.signed_prekey_ms)) found.problems.emplace_back("old-signed-prekey");
  }
  if (known != nullptr) {
    found.seen_ms = known->seen_ms;
    if (is_old(known->seen_ms, terms.silent_ms)) found.problems.emplace_back("silent");
  }
  if (found.problems.empty()) return std::nullopt;
  return found;
}

Result<std::vector<Ailment>> ailments(storage::Reader& reader, const std::string& account, const HealthTerms& terms) {
  const auto rows = reader.account_data(account, storage::DataKind::omemo_device);
  if (!rows) return std::unexpected(rows.error());
  KnownDevices known;
  for (const auto& row : *rows) {
    if (auto device = decode(row.name, row.value)) known.put(std::move(*device));
  }
  std::vector<Ailment> all;
  for (const auto version : {OmemoVersion::legacy, OmemoVersion::omemo_2}) {
    auto ids = list_of(reader, account, version);
    if (!ids) return std::unexpected(ids.error());
    for (const auto& device : known.all()) {
      if (device.state == State::waiting && device.of(version).named) ids->push_back(device.id);
    }
    for (const auto id : *ids) {
      const auto keys = keys_of(reader, account, version, id);
      if (!keys) return std::unexpected(keys.error());
      if (auto one = ailment_of(id, version, known.find(id), *keys, terms)) all.push_back(std::move(*one));
    }
  }
  return all;
}

}  // namespace valise::modules::omemo_devices
