#include "modules/pep/discovery.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "modules/pep/module.hpp"

namespace valise::modules::pep {

bool Pep::is_visible(const core::Account& account, const core::Jid& jid) const {
  const bool open = std::ranges::any_of(part(account).nodes, [](const auto& entry) {
    return entry.second.config.access == AccessModel::open && classify(entry.first).kind != NodeKind::probe;
  });
  return account_is_visible(requester(account, jid), open);
}

void Pep::each_node(const core::Account& account, const core::Jid& jid,
                    const std::function<void(std::string_view, std::string_view)>& visit) const {
  const auto who = requester(account, jid);
  const bool sealed = is_sealed(account);  // a title from before
  for (const auto& [node, state] : part(account).nodes) {
    if (!may_create(account, node) || is_kept_back(account, node, who)) continue;  // as find_shown
    if (!subscribe_refusal(state.config, who, is_owners_alone(account, node)))
      visit(node, sealed ? std::string_view() : std::string_view(state.config.title));
  }
}

std::optional<std::string> Pep::node_form(const core::Account& account, const core::Jid& jid,
                                          std::string_view node) const {
  const auto* state = find_shown(account, node);
  if (state == nullptr) return std::nullopt;
  const auto who = requester(account, jid);
  if (is_kept_back(account, node, who)) return std::nullopt;
  if (subscribe_refusal(state->config, who, is_owners_alone(account, node))) return std::nullopt;
  auto shown = state->config;
  if (is_sealed(account)) forget_prose(shown);
  return metadata_form(shown, limits_, account.jid.full());
}

bool Pep::may_read(const core::Account& account, const core::Jid& jid, std::string_view node) const {
  const auto* state = find_shown(account, node);
  return state != nullptr && !refusal_for(account, node, state->config, requester(account, jid));
}

void Pep::item_ids(const core::Account& account, std::string_view node,
                   std::move_only_function<void(std::optional<std::vector<std::string>>)> then) {
  const auto* state = find(account, node);
  if (state == nullptr || !state->config.persist) return then(std::vector<std::string>());
  NodeConfig expiry;
  expiry.item_expire_s = state->config.item_expire_s;
  const auto limit = items_kept(state->config, node, limits_);
  shard_.read([owner = account.jid.str(), node = std::string(node),
               limit](storage::Reader& reader) { return reader.pep_item_names(owner, node, limit); },
              [expiry, node = std::string(node), sealed = is_sealed(account), turned = switches(account),
               hidden = hidden_items(account, node, {}),
               then = std::move(then)](Result<std::vector<storage::PepItemName>> names) mutable {
                if (!names) return then(std::nullopt);
                std::vector<std::string> ids;
                for (auto& name : *names) {
                  if (sealed && !may_show_id(node, name.id, turned)) continue;
                  if (std::ranges::find(hidden, name.id) != hidden.end()) continue;
                  const bool live = is_live(expiry, IdGenerator::utc_ms(name.version), utc_now_ms());
                  if (live) ids.push_back(std::move(name.id));
                }
                then(std::move(ids));
              });
}

}  // namespace valise::modules::pep
