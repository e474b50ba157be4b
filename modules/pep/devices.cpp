#include "modules/pep/devices.hpp"

#include "modules/pep/module.hpp"

namespace valise::modules::pep {
namespace {

std::optional<omemo_keys::Key> identity_of(const std::vector<storage::PepItem>& items, OmemoVersion version) {
  if (items.empty()) return std::nullopt;
  const auto document = xml::parse_element(items.front().payload);
  if (!document) return std::nullopt;
  const auto bundle = parse_bundle(document->root(), version);
  return bundle ? std::optional(bundle->identity) : std::nullopt;
}

}  // namespace

std::optional<std::span<const std::uint32_t>> Pep::devices(const core::Account& account, OmemoVersion version) const {
  const auto& list = part(account).known_list(version);
  if (!list.published) return std::nullopt;
  return std::span(list.ids);
}

Pep::Item Pep::list_item(const core::Account& account, OmemoVersion version) const {
  const auto& list = part(account).known_list(version);
  if (!list.published) return {};
  return {list.item_id, list.payload};
}

void Pep::identity_key(const core::Account& account, OmemoVersion version, std::uint32_t device,
                       std::move_only_function<void(std::optional<omemo_keys::Key>)> then) {
  const auto& state = part(account);
  const auto known = state.identities.find({version, device});
  if (known != state.identities.end()) return then(known->second);
  const auto node = bundle_node(version, device);
  if (!state.nodes.contains(node)) return then(std::nullopt);
  const auto item_id = version == OmemoVersion::omemo_2 ? std::to_string(device) : std::string();
  shard_.read([owner = account.jid.str(), node,
               item_id](storage::Reader& reader) { return reader.pep_items(owner, node, 1, item_id); },
              [this, jid = account.jid, version, device,
               then = std::move(then)](Result<std::vector<storage::PepItem>> items) mutable {
                const auto key = items ? identity_of(*items, version) : std::nullopt;
                auto* owner = shard_.find_account(jid.full());
                if (key && owner != nullptr && part(*owner).identities.size() < max_known_identities) {
                  // What was published meanwhile is newer and stays.
                  part(*owner).identities.try_emplace({version, device}, *key);
                }
                then(key);
              });
}

const omemo_keys::Key* Pep::known_identity(const core::Account& account, OmemoVersion version,
                                           std::uint32_t device) const {
  const auto& known = part(account).identities;
  const auto found = known.find({version, device});
  return found == known.end() ? nullptr : &found->second;
}

bool Pep::is_settled(const core::Account& account) const {
  const auto& state = part(account);
  return !state.busy && state.waiting.empty() && state.committing == 0;
}

// Behind the changes that wait for their turn, and then behind their commits.
bool Pep::when_settled(core::Account& account, std::move_only_function<void()> then) {
  constexpr std::size_t place = 256;
  return in_turn(account, place, true, [then = std::move(then)](core::Account& owner, Turn) mutable {
    owner.in_order(std::move(then), place);
  });
}

}  // namespace valise::modules::pep
