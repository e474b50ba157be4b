#include "modules/pep/discovery.hpp"

#include <algorithm>

#include "modules/pep/module.hpp"

namespace valise::modules::pep {
namespace {
constexpr std::size_t max_listed_items = 256;
}

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
    if (!refusal_for(account, node, state.config, who))
      visit(node, sealed ? std::string_view() : std::string_view(state.config.title));
  }
}

std::optional<std::string> Pep::node_form(const core::Account& account, const core::Jid& jid,
                                          std::string_view node) const {
  const auto* state = find(account, node);
  if (state == nullptr || refusal_for(account, node, state->config, requester(account, jid))) return std::nullopt;
  auto shown = state->config;
  if (is_sealed(account)) forget_prose(shown);
  return metadata_form(shown);
}

void Pep::item_ids(const core::Account& account, std::string_view node,
                   std::move_only_function<void(std::optional<std::vector<std::string>>)> then) {
  shard_.read([owner = account.jid.str(), node = std::string(node)](
                  storage::Reader& reader) { return reader.pep_items(owner, node, max_listed_items); },
              [then = std::move(then)](Result<std::vector<storage::PepItem>> items) mutable {
                if (!items) return then(std::nullopt);
                std::vector<std::string> ids;
                for (auto& item : *items) ids.push_back(std::move(item.id));
                then(std::move(ids));
              });
}

}  // namespace valise::modules::pep
