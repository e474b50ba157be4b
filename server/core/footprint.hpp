// What a waiting unit weighs, for the committer's bound: an estimate that counts what a peer can make large.
#pragma once

#include <concepts>
#include <cstddef>

#include "core/unit.hpp"

namespace valise::core {

namespace detail {

template <class T, class... Some>
concept is_one_of = (std::same_as<T, Some> || ...);

inline std::size_t weight(const storage::PutMessage& write) {
  std::size_t bytes = write.message.stanza.size() + write.message.from.size() + write.message.to.size() +
                      write.message.stanza_id.size();
  for (const auto& box : write.boxes) bytes += sizeof box + box.owner.size() + box.peer.size();
  return bytes;
}
inline std::size_t weight(const storage::PutPepItem& write) {
  return write.item.payload.size() + write.item.id.size() + write.item.publisher.size();
}
inline std::size_t weight(const storage::PutAccountData& write) {
  return write.data.name.size() + write.data.value.size();
}
inline std::size_t weight(const storage::PutRosterItem& write) {
  std::size_t bytes = write.item.name.size() + write.item.jid.size() + write.item.pending_in.size();
  for (const auto& group : write.item.groups) bytes += sizeof group + group.size();
  return bytes;
}
inline std::size_t weight(const storage::RemoveAccountData& write) { return write.name.size(); }
inline std::size_t weight(const storage::MarkDelivered& write) { return write.ids.size() * sizeof write.ids.front(); }
inline std::size_t weight(const storage::MarkUndelivered& write) { return write.ids.size() * sizeof write.ids.front(); }
inline std::size_t weight(const storage::ExpireMessages& write) { return write.ids.size() * sizeof write.ids.front(); }
inline std::size_t weight(const storage::PutHeld& write) {
  const auto& message = write.message;
  return message.stanza.size() + message.from.size() + message.to.size() + message.stanza_id.size();
}
inline std::size_t weight(const storage::PutPepNode& write) {
  std::size_t bytes = write.node.node.size();
  for (const auto& [name, value] : write.node.config) bytes += sizeof name + sizeof value + name.size() + value.size();
  return bytes;
}
// What only names its row: its bytes count with the unit's. There is no catch-all, so that a new write is weighed here
// or does not compile.
template <class Write>
  requires is_one_of<Write, storage::PutAccount, storage::SetAccountState, storage::SetAccountKeys,
                     storage::EraseAccount, storage::RemoveRosterItem, storage::RemovePepNode, storage::RemovePepItem,
                     storage::PurgePepNode, storage::RemoveHeld, storage::SetHeldDue>
std::size_t weight(const Write&) {
  return 0;
}

}  // namespace detail

[[nodiscard]] inline std::size_t footprint(const Unit& unit) {
  std::size_t bytes = sizeof unit + unit.keeps + unit.writes.size() * sizeof(storage::Write);
  if (unit.record) {
    bytes += unit.record->recipient.size() + unit.record->stanza_id.size() + unit.record->reason.size() +
             unit.record->rule.size() + unit.record->identity.size();
  }
  for (const auto& write : unit.writes) {
    bytes += std::visit([](const auto& value) { return detail::weight(value); }, write);
  }
  return bytes;
}

}  // namespace valise::core
