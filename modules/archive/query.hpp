// XEP-0313 §4: what a query asks for, read and checked. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "core/jid/jid.hpp"
#include "core/stanza.hpp"
#include "modules/archive/wishes.hpp"
#include "storage/types.hpp"

namespace valise::modules::archive {

inline constexpr std::size_t max_page = 250;
inline constexpr std::size_t max_query_id = 256;  // bytes; each result repeats it

struct Query {
  std::string id;                    // queryid
  storage::ArchiveRange range;       // the whole result set; its owner is left empty
  std::vector<std::uint64_t> ids;    // not empty: only these, ascending
  std::vector<std::uint64_t> named;  // have to be in the archive, else item-not-found
  // The page (XEP-0059).
  std::uint64_t page_after = 0;
  std::uint64_t page_before = storage::no_bound;
  bool backwards = false;  // from the end
  std::size_t max = max_page;
  bool flipped = false;
};

// Reads the <query/> of `owner`. Errors: bad-request, item-not-found for an id that can't be one of ours,
// feature-not-implemented for an unknown field (§4.1.5) and for a page by its index.
[[nodiscard]] std::expected<Query, core::StanzaError> read_query(xml::Element query);

// §4.1.5: the form of all fields.
[[nodiscard]] std::string query_form();

extern const core::StanzaError not_in_archive;

}  // namespace valise::modules::archive
