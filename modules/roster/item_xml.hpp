// Roster items on the wire (RFC 6121 §2.1): reading what a client sets, writing what it sees. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "core/jid/jid.hpp"
#include "core/stanza.hpp"
#include "storage/types.hpp"

namespace valise::modules::roster {

inline constexpr std::size_t max_name = 1023;     // bytes of a name or of one group
inline constexpr std::size_t max_request = 2048;  // bytes kept of an inbound request; above, without its children

struct ItemChange {
  core::Jid jid;
  bool remove = false;
  std::string name;
  std::vector<std::string> groups;
};

// Reads the <query/> of a roster set. Errors as RFC 6121 §2.3.3 names them; `max_groups` exceeded: resource-constraint.
[[nodiscard]] std::expected<ItemChange, core::StanzaError> parse_set(xml::Element query, const core::Jid& owner,
                                                                     std::size_t max_groups);

void append_item(std::string& out, const storage::RosterItem& item);
// <query><item/></query> of a push (§2.1.6); null: the item with `jid` is gone.
[[nodiscard]] std::string push_query(std::string_view jid, const storage::RosterItem* item, std::uint64_t version);

// A row's `pending_in` for this request, without the mark of book.hpp, and the request again.
[[nodiscard]] std::string stored_request(const core::Stanza& subscribe);
[[nodiscard]] core::StanzaPtr restored_request(const storage::RosterItem& item);

}  // namespace valise::modules::roster
