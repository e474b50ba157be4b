// XEP-0060 §7: publishing and retracting, by the account's owner only (XEP-0163 §2.2).
#include <algorithm>

#include "base/crypto.hpp"
#include "core/namespaces.hpp"
#include "modules/pep/allow_list.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

constexpr std::size_t max_item_id = 512;
constexpr std::string_view publish_options = "http://jabber.org/protocol/pubsub#publish-options";

Denial malformed(std::string_view pubsub) { return {errors::bad_request(pubsub), {}}; }

Denial bad_keys(PayloadFault fault) {
  const auto detail = describe(fault);
  Denial denial{errors::bad_request("invalid-payload"), "omemo-keys"};
  denial.error.text_en = "OMEMO keys refused: " + std::string(detail.english) + ". Reset OMEMO in the app.";
  denial.error.text_fr =
      "Clés OMEMO refusées : " + std::string(detail.french) + ". Réinitialisez OMEMO dans l’application.";
  return denial;
}

Denial not_here(AllowFault fault) {
  return {{.type = errors::Type::modify, .condition = "policy-violation", .text = describe(fault)},
          std::string(reason_of(fault))};
}

std::string publish_answer(const std::string& node, const std::string& item_id) {
  std::string out;
  xml::Writer writer(out);
  writer.open("pubsub", core::ns::pubsub).open("publish").attribute("node", node);
  writer.open("item").attribute("id", item_id).close().close().close();
  return out;
}

std::string retract_event(std::string_view node, std::string_view item_id) {
  std::string out;
  xml::Writer writer(out);
  writer.open("event", core::ns::pubsub_event).open("items").attribute("node", node);
  writer.open("retract").attribute("id", item_id).close().close().close();
  return out;
}

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

std::string item_event(std::string_view node, std::string_view item_id, std::string_view payload) {
  std::string out;
  xml::Writer writer(out);
  writer.open("event", core::ns::pubsub_event).open("items").attribute("node", node);
  writer.open("item").attribute("id", item_id).raw(payload).close().close().close();
  return out;
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

std::optional<Denial> Pep::check_payload(core::Account& account, Publication& wanted, xml::Element payload) {
  const bool sealed = is_sealed(account);
  if (!may_create(account, wanted.node)) return not_here(AllowFault::node);
  const auto kind = wanted.name.kind;
  if (kind == NodeKind::device_list || kind == NodeKind::bundle || kind == NodeKind::probe) {
    if (!payload) return malformed("payload-required");
    return check_omemo(account, wanted, payload);
  }
  if (!payload) {
    const auto* state = find(account, wanted.node);
    if (sealed || state == nullptr || state->config.deliver_payloads) return malformed("payload-required");
    return std::nullopt;
  }
  if (sealed) {
    auto allowed = allowed_payload(wanted.node, wanted.item_id, payload);
    if (!allowed) return not_here(allowed.error());
    wanted.payload = std::move(*allowed);
  } else {
    xml::append_tree(wanted.payload, payload, {});
  }
  if (wanted.payload.size() > max_item_bytes_) return Denial{errors::not_acceptable("payload-too-big"), {}};
  return std::nullopt;
}

std::expected<Publication, Denial> Pep::read_publication(core::Account& account, xml::Element publish) {
  Publication wanted;
  wanted.node = publish.attribute_or_empty("node");
  if (wanted.node.empty()) return std::unexpected(malformed("nodeid-required"));
  if (wanted.node.size() > max_node_name) return std::unexpected(Denial{errors::not_acceptable(), {}});
  wanted.name = classify(wanted.node);
  bool several = false;
  const auto item = only_element(publish, several);
  if (!item.is("item", core::ns::pubsub)) return std::unexpected(malformed("item-required"));
  if (several) return std::unexpected(Denial{errors::bad_request("max-items-exceeded"), {}});
  wanted.item_id = item.attribute_or_empty("id");
  if (wanted.item_id.size() > max_item_id) return std::unexpected(Denial{errors::not_acceptable(), {}});
  const auto payload = only_element(item, several);
  if (several || item.has_visible_text()) return std::unexpected(malformed("invalid-payload"));
  if (auto denial = check_payload(account, wanted, payload)) return std::unexpected(std::move(*denial));
  if (wanted.item_id.empty()) wanted.item_id = crypto::random_hex(16);
  return wanted;
}

// The node as the options ask: it exists and meets them, or it is made so (§7.1.4, §7.1.5). On failure nothing is made.
std::optional<core::StanzaError> Pep::prepare_node(core::Account& account, const std::string& node,
                                                   xml::Element options) {
  Fields wanted;
  if (options) {
    auto fields = read_form(options.child("x", core::ns::data_forms), publish_options);
    if (fields) {
      wanted = std::move(*fields);
    } else if (!is_forced(classify(node).kind)) {
      return errors::bad_request("invalid-options");
    }
  }
  if (is_sealed(account)) std::erase_if(wanted, [](const auto& field) { return is_prose(field.first); });
  if (const auto* state = find(account, node)) {
    if (meets(state->config, node, wanted, limits_)) return std::nullopt;
    return errors::precondition_not_met();
  }
  if (auto error = no_room_for(account, node)) return error;
  auto config = apply(default_config(node), node, wanted, limits_, is_sealed(account));
  if (!config || !meets(*config, node, wanted, limits_)) return errors::precondition_not_met();
  created(account, node, std::move(*config));
  return std::nullopt;
}

void Pep::refuse(core::IqRequest& request, const Denial& denial) {
  if (!denial.reason.empty()) {
    core::audit::Record record;
    record.kind = core::audit::Kind::denied;
    record.type = core::audit::StanzaType::set;
    record.verdict = core::audit::Outcome::refused;
    record.size = request.stanza().size;
    record.recipient = request.account()->jid.str();
    record.stanza_id = request.stanza().id;
    record.reason = denial.reason;
    record.rule = denial.rule;
    const auto* sender = request.account()->find(request.from().resource());
    if (sender != nullptr) record.origin = sender->origin;
    shard_.record(std::move(record));
  }
  request.error(denial.error);
}

// The administrator's rules about publications. XEP-0060 §7.1.3 has no condition of its own for it.
std::optional<Denial> Pep::ask_rules(core::Account& account, const core::IqRequest& request,
                                     std::string_view node) const {
  auto* rules = shard_.service<core::Rules>();
  const auto* sender = account.find(request.from().resource());
  if (rules == nullptr || sender == nullptr) return std::nullopt;
  auto tags = sender->tags;
  auto denied = rules->ask({.event = core::RuleQuestion::Event::publish,
                            .who = sender->jid,
                            .node = node,
                            .size = request.stanza().size,
                            .peer_address = sender->peer_address,
                            .mechanism = sender->mechanism,
                            .tls_version = sender->tls_version,
                            .language = request.language()},
                           tags);
  if (!denied) return std::nullopt;
  return Denial{std::move(denied->error), std::move(denied->reason), std::move(denied->rule)};
}

void Pep::publish(core::Account& account, core::IqRequest request, Turn turn) {
  const auto pubsub = request.payload();
  auto wanted = read_publication(account, pubsub.first_element());
  if (!wanted) return refuse(request, wanted.error());
  if (const auto denied = ask_rules(account, request, wanted->node)) return refuse(request, *denied);
  const auto options = pubsub.child("publish-options", core::ns::pubsub);
  if (auto error = prepare_node(account, wanted->node, options)) return request.error(*error);
  if (!wanted->bundle) return store_item(account, std::move(request), std::move(*wanted));

  // One device has one identity, whichever version its bundle is of (rule "same id in both namespaces").
  const auto other = wanted->name.version == OmemoVersion::legacy ? OmemoVersion::omemo_2 : OmemoVersion::legacy;
  const auto device = wanted->device;
  identity_key(account, other, device,
               [this, jid = account.jid, other, request = std::move(request), wanted = std::move(*wanted),
                turn = std::move(turn)](std::optional<omemo_keys::Key> known) mutable {
                 auto* owner = shard_.find_account(jid.full());
                 if (owner == nullptr) return request.error(core::store_away);
                 const auto theirs = known && other == OmemoVersion::omemo_2 ? omemo_keys::montgomery_u(*known) : known;
                 if (theirs && theirs != identity_u(*wanted.bundle)) {
                   return refuse(request, bad_keys(PayloadFault::identity_differs));
                 }
                 store_item(*owner, std::move(request), std::move(wanted));
               });
}

void Pep::store_item(core::Account& account, core::IqRequest request, Publication wanted) {
  const auto* state = find(account, wanted.node);
  if (state == nullptr) return request.error(core::store_away);  // reloaded meanwhile
  std::vector<storage::Write> writes;
  save(account, wanted.node, writes);
  if (state->config.persist) {
    storage::PepItem item{
        .node = wanted.node, .id = wanted.item_id, .publisher = request.from().str(), .payload = wanted.payload};
    writes.emplace_back(
        storage::PutPepItem{account.jid.str(), std::move(item), items_kept(state->config, wanted.node, limits_)});
  }
  commit(account, std::move(request), std::move(writes),
         [this, wanted = std::move(wanted)](core::Account& owner, core::IqRequest& answered) mutable {
           published(owner, answered, std::move(wanted));
         });
}

// The item is durable.
void Pep::published(core::Account& account, core::IqRequest& request, Publication done) {
  auto& state = part(account);
  if (auto* saved = find(account, done.node)) saved->unsaved = false;
  request.result(publish_answer(done.node, done.item_id));
  if (done.list) {
    auto& cached = state.list(done.name.version);
    std::vector<std::uint32_t> ids, added;
    for (const auto& device : done.list->devices) {
      ids.push_back(device.id);
      if (std::ranges::find(cached.ids, device.id) == cached.ids.end()) added.push_back(device.id);
    }
    cached = {.published = true,
              .item_id = done.item_id,
              .payload = std::move(done.payload),
              .ids = std::move(ids),
              .changes = cached.changes + 1};
    return tell_list(account, done.name.version, added);
  }
  if (done.bundle) state.remember_identity(done.name.version, done.device, done.bundle->identity);
  tell(account, done.node, item_event(done.node, done.item_id, done.payload));
  if (done.bundle) bundle_came(account, done.name.version, done.device);
}

void Pep::retract(core::Account& account, core::IqRequest request, Turn turn) {
  const auto retract = request.payload().first_element();
  std::string node(retract.attribute_or_empty("node"));
  if (node.empty()) return request.error(errors::bad_request("nodeid-required"));
  const auto item = retract.child("item", core::ns::pubsub);
  std::string id(item.attribute_or_empty("id"));
  if (id.empty()) return request.error(errors::bad_request("item-required"));
  const auto* state = find(account, node);
  if (state == nullptr) return not_found(request);
  if (!state->config.persist) return request.error(errors::unsupported("persistent-items"));
  const auto notify = retract.attribute_or_empty("notify");
  const bool asked = notify == "1" || notify == "true";
  shard_.read(
      [owner = account.jid.str(), node, id](storage::Reader& reader) { return reader.pep_items(owner, node, 1, id); },
      [this, jid = account.jid, node, id, asked, request = std::move(request),
       turn = std::move(turn)](Result<std::vector<storage::PepItem>> found) mutable {
        auto* owner = shard_.find_account(jid.full());
        if (!found || owner == nullptr) return request.error(core::store_away);
        if (found->empty()) return request.error(errors::item_not_found());
        retract_now(*owner, std::move(request), std::move(node), std::move(id), asked);
      });
}

void Pep::retract_now(core::Account& account, core::IqRequest request, std::string node, std::string id, bool notify) {
  std::vector<storage::Write> writes;
  writes.emplace_back(storage::RemovePepItem{account.jid.str(), node, id});
  commit(account, std::move(request), std::move(writes),
         [this, node, id, notify](core::Account& owner, core::IqRequest& answered) {
           auto& state = part(owner);
           const auto name = classify(node);
           auto& list = state.list(name.version);
           if (name.kind == NodeKind::device_list && list.item_id == id) list = {.changes = list.changes + 1};
           if (name.kind == NodeKind::bundle) {
             const auto device = name.version == OmemoVersion::legacy ? name.device : parse_device_id(id).value_or(0);
             state.identities.erase({name.version, device});
           }
           answered.result();
           const auto* saved = find(owner, node);
           if (saved != nullptr && (notify || saved->config.notify_retract)) tell(owner, node, retract_event(node, id));
         });
}

}  // namespace valise::modules::pep
