// What of a publication is understood and stored (XEP-0060 §7.1.3; OMEMO nodes and sealed hosts by their own rules).
#include <algorithm>

#include "base/crypto.hpp"
#include "core/namespaces.hpp"
#include "modules/pep/denials.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

constexpr std::size_t max_item_id = 512;

xml::Element only_element(xml::Element parent, bool& several) {
  xml::Element found;
  for (const auto child : parent.children()) {
    if (child.is_text()) continue;
    several = several || found;
    found = child;
  }
  return found;
}

}  // namespace

bool may_show_id(std::string_view node, std::string_view item_id, core::Switches switches) {
  const auto kind = classify(node).kind;
  if (is_forced(kind) && kind != NodeKind::verification) return true;
  return is_allowed_node(node, switches) && is_allowed_item_id(node, item_id);
}

bool keep_allowed(storage::PepItem& item, core::Switches switches) {
  if (!may_show_id(item.node, item.id, switches)) return false;
  if (!is_allowed_node(item.node, switches) || item.payload.empty()) return true;
  const auto document = xml::parse_element(item.payload);
  if (!document) return false;
  auto allowed = allowed_payload(item.node, item.id, document->root(), switches);
  if (allowed) item.payload = std::move(*allowed);
  return allowed.has_value();
}

// A label may stand beside a device only if the device itself signed it (XEP-0384 §5.3.1).
void Pep::keep_verified_labels(core::Account& account, DeviceList& list) const {
  const auto& identities = part(account).identities;
  for (auto& device : list.devices) {
    if (device.label.empty()) continue;
    const auto known = identities.find({OmemoVersion::omemo_2, device.id});
    if (known != identities.end() && omemo_keys::verify_ed25519(known->second, device.label, device.label_signature)) {
      continue;
    }
    device.label.clear();
    device.label_signature.clear();
  }
}

std::optional<Denial> Pep::check_omemo(core::Account& account, Publication& wanted, xml::Element payload) {
  const auto version = wanted.name.version;
  if (wanted.name.kind == NodeKind::probe) {
    if (!is_probe_payload(payload)) return bad_keys(PayloadFault::structure);
    wanted.item_id = crypto::random_hex(16);
    xml::append_tree(wanted.payload, payload, {});
    return std::nullopt;
  }
  if (wanted.name.kind == NodeKind::device_list) {
    if (payload.raw().size() > max_device_list_bytes) return bad_keys(PayloadFault::too_large);
    auto list = parse_device_list(payload, version, max_devices_);
    if (!list) return bad_keys(list.error());
    keep_verified_labels(account, *list);
    wanted.payload = to_xml(*list, version);
    wanted.list = std::move(*list);
    return std::nullopt;
  }
  if (payload.raw().size() > max_bundle_bytes) return bad_keys(PayloadFault::too_large);
  wanted.device = wanted.name.device;
  if (version == OmemoVersion::omemo_2) {
    const auto id = parse_device_id(wanted.item_id);
    if (!id) return bad_keys(PayloadFault::wrong_place);
    wanted.device = *id;
  }
  auto bundle = parse_bundle(payload, version);
  if (!bundle) return bad_keys(bundle.error());
  if (auto good = check_keys(*bundle); !good) return bad_keys(good.error());
  wanted.payload = to_xml(*bundle);
  wanted.bundle = std::move(*bundle);
  return std::nullopt;
}

std::optional<Denial> Pep::check_payload(core::Account& account, Publication& wanted, xml::Element payload,
                                         const NodeConfig& config) {
  const bool sealed = is_sealed(account);
  const auto kind = wanted.name.kind;
  if (kind == NodeKind::device_list || kind == NodeKind::bundle || kind == NodeKind::probe) {
    if (!payload) return malformed("payload-required");
    return check_omemo(account, wanted, payload);
  }
  if (!payload) {
    if (config.deliver_payloads) return malformed("payload-required");
    if (sealed && !is_allowed_item_id(wanted.node, wanted.item_id)) return not_here(AllowFault::item_id);
    return std::nullopt;
  }
  if (sealed) {
    auto allowed = allowed_payload(wanted.node, wanted.item_id, payload, switches(account));
    if (!allowed) return not_here(allowed.error());
    wanted.payload = std::move(*allowed);
  } else {
    xml::append_tree(wanted.payload, payload, {});
  }
  if (wanted.payload.size() > payload_limit(config, limits_)) {
    return Denial{errors::not_acceptable("payload-too-big"), {}};
  }
  return std::nullopt;
}

// `config`: as the node has it, or is going to.
std::expected<Publication, Denial> Pep::read_publication(core::Account& account, xml::Element publish,
                                                         const NodeConfig& config) {
  Publication wanted;
  wanted.node = publish.attribute_or_empty("node");
  wanted.name = classify(wanted.node);
  bool several = false;
  const auto item = only_element(publish, several);
  if (is_signal(config)) {
    if (item) return std::unexpected(malformed("item-forbidden"));
    wanted.has_item = false;
    return wanted;
  }
  if (!item.is("item", core::ns::pubsub)) return std::unexpected(malformed("item-required"));
  if (several) return std::unexpected(Denial{errors::bad_request("max-items-exceeded"), {}});
  wanted.item_id = item.attribute_or_empty("id");
  if (wanted.item_id.size() > max_item_id) return std::unexpected(Denial{errors::not_acceptable(), {}});
  const auto payload = only_element(item, several);
  if (several || item.has_visible_text()) return std::unexpected(malformed("invalid-payload"));
  if (auto denial = check_payload(account, wanted, payload, config)) return std::unexpected(std::move(*denial));
  if (wanted.item_id.empty()) wanted.item_id = crypto::random_hex(16);
  return wanted;
}

}  // namespace valise::modules::pep
