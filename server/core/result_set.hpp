// XEP-0059: a page of a longer list, named by the ids before and behind it. Pure.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/stanza.hpp"
#include "xml/writer.hpp"

namespace valise::core {

struct PageWish {
  std::optional<std::size_t> max;     // 0: only the count (§2.7)
  std::optional<std::string> after;   // the page begins behind this id
  std::optional<std::string> before;  // it ends before this id; empty: at the end of the list (§2.5)
  std::optional<std::size_t> index;   // it begins at this place (§2.6)
};
// What the <set/> of `parent` asks for; nothing if there is none. Errors: bad-request.
[[nodiscard]] std::expected<std::optional<PageWish>, StanzaError> read_page_wish(xml::Element parent);

struct Page {
  std::size_t first = 0;
  std::size_t count = 0;
};
// The part of `ids`, which are in the list's order and different, that is wished, at most `most` of them. Nothing: the
// id that is named is not there (§2.4: item-not-found).
[[nodiscard]] std::optional<Page> page_of(std::span<const std::string> ids, const PageWish& wish, std::size_t most);

// The <set/> of the answer. `total`: of the whole list.
void append_page(xml::Writer& writer, std::span<const std::string> ids, const Page& page);

}  // namespace valise::core
