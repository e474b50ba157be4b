// XEP-0163, XEP-0060 for accounts: the manifest, and who asks what.
#include "modules/pep/pep.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/options.hpp"
#include "core/namespaces.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/loading.hpp"
#include "modules/pep/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace pep {
namespace {

const config::Option<bool> probe_nodes_option{
    {.name = "pep.probe_nodes",
     .otherwise = true,
     .reason = "let compliance testers publish their empty OMEMO probes (4 an account, gone after 10 minutes)",
     .reload = config::Reload::live}};

// Device lists are small and asked for at every log-in and message: they are loaded with the account.
Result<> load_list(storage::Reader& reader, const std::string& owner, OmemoVersion version, PepPart& part) {
  const std::string node(device_list_node(version));
  if (!part.nodes.contains(node)) return {};
  auto items = reader.pep_items(owner, node, 1);
  if (!items) return std::unexpected(items.error());
  if (items->empty()) return {};
  auto& item = items->front();
  const auto list = stored_device_list(item.payload, version);
  if (!list) return {};
  auto& cached = part.list(version);
  cached.published = true;
  cached.published_ms = IdGenerator::utc_ms(item.version);
  cached.item_id = std::move(item.id);
  cached.payload = std::move(item.payload);
  cached.ids = ids_of(*list);
  return {};
}

// §6.3.4.6, §6.4.3.1: what subscriptions to accounts do not have; other things are in no specification.
core::StanzaError not_offered(xml::Element action) {
  if (!action || action.is("configure", core::ns::pubsub)) return errors::bad_request();  // §8.1.3: behind <create/>
  if (action.is("options", core::ns::pubsub) || action.is("default", core::ns::pubsub)) {
    return errors::unsupported("subscription-options");
  }
  return errors::of(errors::Type::cancel, "feature-not-implemented");
}

}  // namespace

Result<> load_part(storage::Reader& reader, const std::string& owner, PepPart& part) {
  auto nodes = reader.pep_nodes(owner);
  if (!nodes) return std::unexpected(nodes.error());
  for (auto& node : *nodes) {
    part.has_old_probes = part.has_old_probes || classify(node.node).kind == NodeKind::probe;
    NodeState state{.config = from_stored(node.node, node.config), .unsaved = false, .told = 0};
    part.nodes.emplace(std::move(node.node), std::move(state));
  }
  for (const auto version : {OmemoVersion::legacy, OmemoVersion::omemo_2}) {
    if (auto loaded = load_list(reader, owner, version, part); !loaded) return loaded;
  }
  return {};
}

void Pep::start(core::Registrar& registrar) {
  using core::IqTarget;
  account_slot_ = registrar.account_part(
      [](storage::Reader& reader, const std::string& owner) -> Result<std::unique_ptr<core::Part>> {
        auto part = std::make_unique<PepPart>();
        if (auto loaded = load_part(reader, owner, *part); !loaded) return std::unexpected(loaded.error());
        return part;
      });
  session_slot_ = registrar.session_part();
  registrar.on_session(core::SessionEvent::closed, [this](core::Session& session) { session_ends(session); });
  registrar.service_messages(&is_approval,
                             [this](core::Session& session, core::Flow flow) { answered(session, std::move(flow)); });
  registrar.iq(IqTarget::account, "get", "pubsub", core::ns::pubsub, [this](core::IqRequest r) { get(std::move(r)); });
  registrar.iq(IqTarget::account, "set", "pubsub", core::ns::pubsub, [this](core::IqRequest r) { set(std::move(r)); });
  registrar.iq(IqTarget::account, "get", "pubsub", core::ns::pubsub_owner,
               [this](core::IqRequest r) { owner_get(std::move(r)); });
  registrar.iq(IqTarget::account, "set", "pubsub", core::ns::pubsub_owner,
               [this](core::IqRequest r) { owner_set(std::move(r)); });
  shard_.publish<Pep>(*this);
  shard_.publish<DeviceLists>(*this);
  shard_.publish<PepDiscovery>(*this);
  shard_.publish<PepOwnChanges>(*this);
  // In the loop's first turn every module has published what others look for.
  shard_.post([this] { connect_services(); });
  sweep();
}

void Pep::configure(const config::Snapshot& snapshot) {
  using namespace config::options;
  limits_.max_items = static_cast<std::uint32_t>(snapshot.get(limits_node_items));
  max_nodes_ = static_cast<std::size_t>(snapshot.get(limits_nodes));
  limits_.item_bytes = static_cast<std::uint32_t>(snapshot.get(limits_item));
  max_devices_ = static_cast<std::size_t>(snapshot.get(omemo_max_devices));
  probe_nodes_ = snapshot.get(probe_nodes_option);
}

// Where content is sealed, nobody publishes for another.
core::Features Pep::features(const std::string& host) const {
  const auto* settings = shard_.host(host);
  if (settings == nullptr || settings->sealed) return {};
  return {.server = {},
          .account = {"http://jabber.org/protocol/pubsub#publish-only-affiliation",
                      "http://jabber.org/protocol/pubsub#publisher-affiliation"}};
}

void Pep::connect_services() {
  gate_ = shard_.service<DeviceGate>();
  if (auto* presence = shard_.service<core::PresenceEvents>()) {
    presence->on_available([this](core::Session& session, bool first) {
      offer(session);
      if (!first) return;
      ask_owner_again(session);
      note_unlisted(session.account);
    });
    presence->on_unavailable([this](core::Session& session) {
      if (auto* part = session.part<PepSession>(session_slot_)) part->offered.clear();
    });
  }
  if (auto* capabilities = shard_.service<core::Capabilities>()) {
    capabilities->on_change([this](core::Session& session) { offer(session); });
  }
  if (auto* contacts = shard_.service<core::Contacts>()) {
    contacts->on_change([this](core::Account& account, std::string_view contact, const storage::RosterItem* before,
                               const storage::RosterItem* after) { contact_changed(account, contact, before, after); });
  }
}

NodeState* Pep::find(const core::Account& account, std::string_view node) const {
  auto& nodes = part(account).nodes;
  const auto found = nodes.find(node);
  return found == nodes.end() ? nullptr : &found->second;
}

NodeState* Pep::find_shown(const core::Account& account, std::string_view node) const {
  return may_create(account, node) ? find(account, node) : nullptr;
}

Requester Pep::requester(const core::Account& account, const core::Jid& jid) const {
  const auto* contacts = shard_.service<core::Contacts>();
  return requester_as(account, jid, contacts == nullptr ? nullptr : contacts->find(account, jid.bare()));
}

// How `jid` stands to the account if `contact` is what its contact list says; it must outlive the answer.
Requester Pep::requester_as(const core::Account& account, const core::Jid& jid,
                            const storage::RosterItem* contact) const {
  Requester requester{.owner = jid.bare() == account.jid.full(),
                      .insider = shard_.host(jid.domain()) != nullptr,
                      .bare = std::string(jid.bare())};
  if (contact != nullptr) {
    requester.sees_presence =
        contact->subscription == storage::Subscription::from || contact->subscription == storage::Subscription::both;
    requester.groups = contact->groups;
  }
  return requester;
}

bool Pep::is_sealed(const core::Account& account) const {
  const auto* host = shard_.host(account.jid.domain());
  return host == nullptr || host->sealed;
}

core::Switches Pep::switches(const core::Account& account) const {
  const auto* host = shard_.host(account.jid.domain());
  return host == nullptr ? core::Switches() : host->switches;
}

bool Pep::is_owners_alone(const core::Account& account, std::string_view node) const {
  return is_private(node) && is_sealed(account);
}

std::optional<core::StanzaError> Pep::refusal_for(const core::Account& account, std::string_view node,
                                                  const NodeConfig& config, const Requester& who) const {
  if (is_kept_back(account, node, who)) return errors::item_not_found();
  return read_refusal(config, who, is_owners_alone(account, node));
}

std::span<const std::uint32_t> Pep::kept_out(const core::Account& account) const {
  return gate_ == nullptr ? std::span<const std::uint32_t>() : gate_->kept_out(account);
}

bool Pep::is_kept_back(const core::Account& account, std::string_view node, const Requester& who) const {
  const auto out = kept_out(account);
  if (out.empty() || who.owner) return false;
  const auto name = classify(node);
  const bool of_device = name.kind == NodeKind::bundle || name.kind == NodeKind::verification;
  return of_device && std::ranges::find(out, name.device) != out.end();
}

std::vector<std::string> Pep::hidden_items(const core::Account& account, std::string_view node,
                                           const Requester& who) const {
  const auto out = kept_out(account);
  const auto name = out.empty() || who.owner ? NodeName() : classify(node);
  std::vector<std::string> ids;
  if (name.kind != NodeKind::bundle || name.version != OmemoVersion::omemo_2) return ids;
  for (const auto device : out) ids.push_back(std::to_string(device));
  return ids;
}

// With legacy code and the request repeated: without either, Profanity never publishes its device list.
void Pep::not_found(core::IqRequest& request) const {
  auto error = errors::item_not_found();
  error.legacy_code = 404;
  std::string echo;
  xml::append_tree(echo, request.payload(), core::ns::client);
  request.error_with_echo(error, std::move(echo));
}

void Pep::get(core::IqRequest request) {
  auto& account = *request.account();
  find_old_probes(account);
  if (!is_visible(account, request.from())) return request.error(core::service_unavailable);
  const auto action = request.payload().first_element();
  const auto node = action.attribute_or_empty("node");
  if (action.is("items", core::ns::pubsub)) return get_items(account, std::move(request), action);
  if (action.is("subscriptions", core::ns::pubsub)) return get_subscriptions(account, std::move(request), node);
  if (action.is("affiliations", core::ns::pubsub)) return get_affiliations(account, std::move(request), node);
  request.error(not_offered(action));
}

void Pep::set(core::IqRequest request) {
  auto& account = *request.account();
  find_old_probes(account);
  if (!is_visible(account, request.from())) return request.error(core::service_unavailable);
  const auto action = request.payload().first_element();
  if (action.is("create", core::ns::pubsub) && !request.from_owner()) return request.error(errors::forbidden());
  in_turn(account, std::move(request), [this](core::Account& owner, core::IqRequest asked, Turn turn) {
    const auto wanted = asked.payload().first_element();
    const auto name = wanted.ns() == core::ns::pubsub ? wanted.name() : std::string_view();
    if (name == "publish") return publish(owner, std::move(asked), std::move(turn));
    if (name == "retract") return retract(owner, std::move(asked), std::move(turn));
    if (name == "subscribe") return subscribe(owner, std::move(asked), wanted);
    if (name == "unsubscribe") return unsubscribe(owner, std::move(asked), wanted);
    if (name == "create") return create(owner, std::move(asked));
    asked.error(not_offered(wanted));
  });
}

void Pep::owner_get(core::IqRequest request) {
  auto& account = *request.account();
  find_old_probes(account);
  if (!is_visible(account, request.from())) return request.error(core::service_unavailable);
  if (!request.from_owner()) return request.error(errors::forbidden());
  const auto action = request.payload().first_element();
  const auto node = action.attribute_or_empty("node");
  std::string answer;
  xml::Writer writer(answer);
  writer.open("pubsub", core::ns::pubsub_owner);
  if (action.is("default", core::ns::pubsub_owner)) {
    if (action.attribute_or_empty("type") == "collection") return request.error(errors::unsupported("collections"));
    writer.open("default").raw(config_form(default_config(node), limits_)).close().close();
    return request.result(std::move(answer));
  }
  if (node.empty()) return request.error(errors::bad_request("nodeid-required"));
  const auto* state = find(account, node);
  if (state == nullptr) return not_found(request);
  if (action.is("configure", core::ns::pubsub_owner)) {
    auto shown = state->config;
    if (is_sealed(account)) forget_prose(shown);
    writer.open("configure").attribute("node", node).raw(config_form(shown, limits_)).close();
  } else if (action.is("affiliations", core::ns::pubsub_owner)) {
    writer.open("affiliations").attribute("node", node);
    writer.open("affiliation").attribute("jid", account.jid.full()).attribute("affiliation", "owner").close();
    for (const auto& [jid, affiliation] : state->config.affiliations) {
      writer.open("affiliation").attribute("jid", jid).attribute("affiliation", name_of(affiliation)).close();
    }
    writer.close();
  } else if (action.is("subscriptions", core::ns::pubsub_owner)) {
    writer.open("subscriptions").attribute("node", node);
    for (const auto& jid : state->config.subscribers) {
      writer.open("subscription").attribute("jid", jid).attribute("subscription", "subscribed").close();
    }
    writer.close();
  } else {
    return request.error(not_offered(action));
  }
  writer.close();
  request.result(std::move(answer));
}

void Pep::owner_set(core::IqRequest request) {
  auto& account = *request.account();
  find_old_probes(account);
  if (!is_visible(account, request.from())) return request.error(core::service_unavailable);
  if (!request.from_owner()) return request.error(errors::forbidden());
  in_turn(account, std::move(request), [this](core::Account& owner, core::IqRequest asked, Turn turn) {
    const auto wanted = asked.payload().first_element();
    std::string node(wanted.attribute_or_empty("node"));
    if (node.empty()) return asked.error(errors::bad_request("nodeid-required"));
    if (find(owner, node) == nullptr) return not_found(asked);
    if (wanted.is("configure", core::ns::pubsub_owner)) return configure_node(owner, std::move(asked), wanted);
    const bool deletes = wanted.is("delete", core::ns::pubsub_owner);
    if (deletes || wanted.is("purge", core::ns::pubsub_owner)) {
      NodeChange change{.kind = deletes ? NodeChange::Kind::deleted : NodeChange::Kind::emptied, .node = node};
      return ask_follower(owner, std::move(asked), std::move(change), std::move(turn),
                          [this, node, deletes](core::Account& now, core::IqRequest then, OwnChanges changes) mutable {
                            if (find(now, node) == nullptr) return not_found(then);  // read anew meanwhile
                            if (deletes) return delete_node(now, std::move(then), std::move(node), std::move(changes));
                            purge_node(now, std::move(then), std::move(node), std::move(changes));
                          });
    }
    if (wanted.is("affiliations", core::ns::pubsub_owner)) return set_affiliations(owner, std::move(asked), wanted);
    if (wanted.is("subscriptions", core::ns::pubsub_owner)) return set_subscriptions(owner, std::move(asked), wanted);
    asked.error(not_offered(wanted));
  });
}

}  // namespace pep

const core::Manifest& pep_manifest() {
  // What clients look for before they publish (Profanity: publish-options, Monal: subscribe); the domain says the same,
  // because Converse asks there.
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out{std::string(core::ns::pubsub)};
    for (const std::string_view feature : {"access-authorize",
                                           "access-open",
                                           "access-presence",
                                           "access-roster",
                                           "access-whitelist",
                                           "auto-create",
                                           "auto-subscribe",
                                           "config-node",
                                           "config-node-max",
                                           "create-and-configure",
                                           "create-nodes",
                                           "delete-items",
                                           "delete-nodes",
                                           "filtered-notifications",
                                           "item-ids",
                                           "last-published",
                                           "manage-subscriptions",
                                           "member-affiliation",
                                           "meta-data",
                                           "modify-affiliations",
                                           "multi-items",
                                           "outcast-affiliation",
                                           "persistent-items",
                                           "publish",
                                           "publish-options",
                                           "pubsub-on-a-jid",
                                           "purge-nodes",
                                           "retract-items",
                                           "retrieve-affiliations",
                                           "retrieve-default",
                                           "retrieve-items",
                                           "retrieve-subscriptions",
                                           "rsm",
                                           "subscribe",
                                           "subscription-notifications"}) {
      out.push_back(std::string(core::ns::pubsub) + "#" + std::string(feature));
    }
    return out;
  }();
  static const std::vector<std::string_view> features(names.begin(), names.end());
  static const core::Manifest manifest{
      .name = "pep",
      .summary = "Every account is a publish-subscribe service: device lists, key bundles, avatars, bookmarks.",
      .implements = {{"XEP-0163", "1.2.2"},
                     {"XEP-0059", "1.0"},
                     {"XEP-0060", "1.27.0", core::Completeness::partial},
                     {"XEP-0222", "1.0.1"},
                     {"XEP-0223", "1.1.1"},
                     {"XEP-0384", "0.9.1", core::Completeness::partial}},
      .server_features = features,
      .account_features = features,
      .account_identities = {{"pubsub", "pep", ""}},
      .options = [](config::Registry& registry) { registry.add(pep::probe_nodes_option); },
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> { return std::make_unique<pep::Pep>(shard); },
  };
  return manifest;
}

}  // namespace valise::modules
