// XEP-0060 §7.2: deleting an item, by the owner or by who published it.
#include <algorithm>

#include "core/namespaces.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/module.hpp"

namespace valise::modules::pep {
namespace {

// The one item that is named; nothing if there is none, or more.
std::string id_of(xml::Element retract) {
  std::string id;
  for (const auto item : retract.children()) {
    if (item.is_text()) continue;
    if (!id.empty() || !item.is("item", core::ns::pubsub)) return {};
    id = item.attribute_or_empty("id");
    if (id.empty()) return {};
  }
  return id;
}

}  // namespace

void Pep::retract(core::Account& account, core::IqRequest request, Turn turn) {
  const auto retract = request.payload().first_element();
  std::string node(retract.attribute_or_empty("node"));
  if (node.empty()) return request.error(errors::bad_request("nodeid-required"));
  std::string id = id_of(retract);
  if (id.empty()) return request.error(errors::bad_request("item-required"));
  const auto* state = find(account, node);
  if (!request.from_owner()) {
    const bool closed = state == nullptr || is_sealed(account) || is_forced(classify(node).kind);
    if (closed || publish_refusal(state->config, requester(account, request.from()))) {
      return request.error(errors::forbidden());
    }
  }
  if (state == nullptr) return not_found(request);
  if (!state->config.persist) return request.error(errors::unsupported("persistent-items"));
  const auto notify = retract.attribute_or_empty("notify");
  const bool asked = notify == "1" || notify == "true";
  read_behind(
      account,
      [owner = account.jid.str(), node, id](storage::Reader& reader) { return reader.pep_items(owner, node, 1, id); },
      [this, jid = account.jid, node, id, asked, request = std::move(request),
       turn = std::move(turn)](Result<std::vector<storage::PepItem>> found) mutable {
        auto* owner = shard_.find_account(jid.full());
        if (!found || owner == nullptr) return request.error(core::store_away);
        if (found->empty()) return request.error(errors::item_not_found());
        // §4.1: others delete what is their own.
        if (!request.from_owner() && bare_of(found->front().publisher) != request.from().bare()) {
          return request.error(errors::forbidden());
        }
        NodeChange change{.kind = NodeChange::Kind::retracted, .node = node, .id = id};
        ask_follower(*owner, std::move(request), std::move(change), std::move(turn),
                     [this, node = std::move(node), id = std::move(id), asked](core::Account& now, core::IqRequest then,
                                                                               OwnChanges changes) mutable {
                       retract_now(now, std::move(then), std::move(node), std::move(id), asked, std::move(changes));
                     });
      });
}

void Pep::retract_now(core::Account& account, core::IqRequest request, std::string node, std::string id, bool notify,
                      OwnChanges changes) {
  std::vector<storage::Write> writes;
  auto told = carry_out(account, changes, request.from().full(), writes);
  if (!told) return request.error(told.error());
  writes.emplace_back(storage::RemovePepItem{account.jid.str(), node, id});
  commit(account, std::move(request), std::move(writes),
         [this, node, id, notify, told = std::move(*told), changes = std::move(changes)](
             core::Account& owner, core::IqRequest& answered) mutable {
           forget_item(owner, node, id);
           answered.result();
           const auto* saved = find(owner, node);
           const auto hidden = hidden_items(owner, node, {});
           const bool tells = saved != nullptr && (notify || saved->config.notify_retract) &&
                              std::ranges::find(hidden, id) == hidden.end() &&
                              (!is_sealed(owner) || may_show_id(node, id, switches(owner)));
           if (tells) tell(owner, node, {.event = retract_event(node, id)});
           own_changes_done(owner, std::move(told), changes);
         });
}

// What memory holds of an item that is gone.
void Pep::forget_item(core::Account& account, const std::string& node, std::string_view id) {
  auto& state = part(account);
  const auto name = classify(node);
  if (name.kind == NodeKind::device_list && state.known_list(name.version).item_id == id) {
    auto& list = state.list(name.version);
    list = {.changes = list.changes + 1};
  }
  if (name.kind == NodeKind::bundle) {
    const auto device = name.version == OmemoVersion::legacy ? name.device : parse_device_id(id).value_or(0);
    state.identities.erase({name.version, device});
  }
}

}  // namespace valise::modules::pep
