// XEP-0060 §8.1–8.5: creating, configuring, purging and deleting nodes.
#include <algorithm>

#include "base/clock.hpp"
#include "core/namespaces.hpp"
#include "modules/pep/allow_list.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

constexpr std::string_view node_config = "http://jabber.org/protocol/pubsub#node_config";
constexpr std::size_t max_omemo_nodes = 256;  // device lists, bundles and verifications
constexpr std::size_t max_probes = 4;

core::StanzaError config_error(ConfigFault fault) {
  switch (fault) {
    case ConfigFault::not_acceptable:
      return errors::not_acceptable();  // §8.2.5.2
    case ConfigFault::unsupported_access_model:
      return errors::not_acceptable("unsupported-access-model");
    case ConfigFault::unsupported_collection:
      return errors::unsupported("collections");
  }
  return errors::not_acceptable();
}

// §8.2.5.3
std::string configuration_event(std::string_view node, const NodeConfig& config, const NodeLimits& limits) {
  std::string out;
  xml::Writer writer(out);
  writer.open("event", core::ns::pubsub_event).open("configuration").attribute("node", node);
  if (config.deliver_payloads) writer.raw(changed_form(config, limits));
  writer.close().close();
  return out;
}

}  // namespace

// With sealed content required only nodes exist that have a row in the table.
bool Pep::may_create(const core::Account& account, std::string_view node) const {
  const auto kind = classify(node).kind;
  if (kind == NodeKind::probe && !probe_nodes_) return !is_sealed(account);
  return !is_sealed(account) || has_keys(node) || is_allowed_node(node, switches(account));
}

std::optional<core::StanzaError> Pep::no_room_for(const core::Account& account, std::string_view node) const {
  if (node.size() > max_node_name) return errors::not_acceptable();
  const auto counted_as = [](std::string_view name) {
    const auto kind = classify(name).kind;
    if (kind == NodeKind::probe) return 0;
    return is_forced(kind) ? 1 : 2;
  };
  const auto group = counted_as(node);
  const auto& nodes = part(account).nodes;
  const auto count = static_cast<std::size_t>(
      std::ranges::count_if(nodes, [&](const auto& entry) { return counted_as(entry.first) == group; }));
  const std::size_t limit = group == 0 ? max_probes : group == 1 ? max_omemo_nodes : max_nodes_;
  if (count < limit) return std::nullopt;
  return errors::too_many({"This account has too many nodes.", "Ce compte a trop de nœuds."});
}

// In memory; the caller saves it.
void Pep::created(core::Account& account, const std::string& node, NodeConfig config) {
  config.created_ms = utc_now_ms();
  if (classify(node).kind == NodeKind::probe) {
    probes_.push_back({shard_.loop().now_ms() + probe_life_ms, config.created_ms, account.jid, node});
  }
  part(account).nodes.emplace(node, NodeState{.config = std::move(config)});
}

void Pep::create(core::Account& account, core::IqRequest request) {
  const std::string node(request.payload().first_element().attribute_or_empty("node"));
  if (node.empty()) return request.error(errors::not_acceptable("nodeid-required"));  // no instant nodes
  if (find(account, node) != nullptr) return request.error(errors::of(errors::Type::cancel, "conflict"));
  if (!may_create(account, node)) {
    return request.error(
        {.type = errors::Type::modify, .condition = "policy-violation", .text = describe(AllowFault::node)});
  }
  if (auto error = no_room_for(account, node)) return request.error(*error);
  const auto configure = request.payload().child("configure", core::ns::pubsub);
  if (configure.attribute("node")) return request.error(errors::bad_request());  // §8.1.3
  auto config = default_config(node);
  if (const auto form = configure.child("x", core::ns::data_forms)) {
    const auto fields = read_form(form, node_config);
    if (!fields && !is_forced(classify(node).kind)) return request.error(errors::bad_request());
    auto changed = apply(std::move(config), node, fields ? *fields : Fields(), limits_, is_sealed(account));
    if (!changed) return request.error(config_error(changed.error()));
    config = std::move(*changed);
  }
  created(account, node, std::move(config));
  std::string answer;
  xml::Writer writer(answer);
  writer.open("pubsub", core::ns::pubsub).open("create").attribute("node", node).close().close();
  commit_config(account, std::move(request), node, std::move(answer));
}

void Pep::configure_node(core::Account& account, core::IqRequest request, xml::Element configure) {
  const std::string node(configure.attribute_or_empty("node"));
  auto* state = find(account, node);
  const auto fields = read_form(configure.child("x", core::ns::data_forms), node_config);
  if (!fields && fields.error() == FormFault::cancelled) return request.result();  // §8.2.3
  if (!fields) return request.error(errors::bad_request());
  auto config = apply(state->config, node, *fields, limits_, is_sealed(account));
  if (!config) return request.error(config_error(config.error()));
  if (*config == state->config) return request.result();
  auto changed = recalculate(account, node, *config);
  state->config = std::move(*config);
  commit_config(account, std::move(request), node, {},
                [this, node, changed = std::move(changed)](core::Account& owner) {
                  tell_changed(owner, node, changed);
                  const auto* saved = find(owner, node);
                  if (saved == nullptr || !saved->config.notify_config) return;
                  auto shown = saved->config;
                  if (is_sealed(owner)) forget_prose(shown);
                  tell(owner, node, {.event = configuration_event(node, shown, limits_)});
                });
}

void Pep::delete_node(core::Account& account, core::IqRequest request, std::string node, OwnChanges changes) {
  std::vector<storage::Write> writes;
  auto told = carry_out(account, changes, request.from().full(), writes);
  if (!told) return request.error(told.error());
  auto& state = part(account);
  const auto entry = state.nodes.extract(node);
  const auto name = classify(node);
  forget_contents(account, name);
  each_unanswered(account, [&](Unanswered& forms) { forms.forget(node); });
  if (name.kind == NodeKind::probe) {
    std::erase_if(probes_, [&](const Probe& probe) { return probe.node == node && probe.account == account.jid; });
  }
  writes.emplace_back(storage::RemovePepNode{account.jid.str(), node});
  commit(account, std::move(request), std::move(writes),
         [this, node, config = entry.mapped().config, told = std::move(*told), changes = std::move(changes)](
             core::Account& owner, core::IqRequest& answered) mutable {
           answered.result();
           if (config.notify_delete) {
             tell_with(owner, node, config, {.event = node_event("delete", node), .to_pending = true});
           }
           own_changes_done(owner, std::move(told), changes);
         });
}

// What memory holds of the items of a node that is emptied or goes.
void Pep::forget_contents(core::Account& account, const NodeName& name) {
  auto& state = part(account);
  if (name.kind == NodeKind::device_list) {
    auto& list = state.list(name.version);
    list = CachedDeviceList{.changes = list.changes + 1};
  }
  if (name.kind == NodeKind::bundle) state.forget_identities(name);
}

void Pep::purge_node(core::Account& account, core::IqRequest request, std::string node, OwnChanges changes) {
  if (!find(account, node)->config.persist) return request.error(errors::unsupported("persistent-items"));  // §8.5.3.3
  std::vector<storage::Write> writes;
  auto told = carry_out(account, changes, request.from().full(), writes);
  if (!told) return request.error(told.error());
  forget_contents(account, classify(node));
  save(account, node, writes);
  writes.emplace_back(storage::PurgePepNode{account.jid.str(), node});
  commit(account, std::move(request), std::move(writes),
         [this, node, told = std::move(*told), changes = std::move(changes)](core::Account& owner,
                                                                             core::IqRequest& answered) mutable {
           answered.result();
           auto* saved = find(owner, node);
           if (saved != nullptr) {
             saved->unsaved = false;
             if (saved->config.notify_retract) tell(owner, node, {.event = node_event("purge", node)});
           }
           own_changes_done(owner, std::move(told), changes);
         });
}

}  // namespace valise::modules::pep
