// Which nodes may be published where only sealed content passes, and what of their payloads goes on: those that have a
// row in the table (modules/omemo/table). Each payload is written anew from what was understood; anything else is gone.
// Pure. `switches`: of the owner's host.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "core/switches.hpp"
#include "core/text.hpp"
#include "xml/document.hpp"

namespace valise::modules::pep {

enum class AllowFault : std::uint8_t {
  node,     // this node may not be published here
  item_id,  // too long, or not the one that the payload asks for
  payload,  // not what belongs into the node, or too large
  picture,  // an avatar that is no picture, too large, or with too much beside the picture
};
[[nodiscard]] core::Text describe(AllowFault fault) noexcept;
[[nodiscard]] std::string_view reason_of(AllowFault fault) noexcept;  // for the record

// True if the node has an open row there (OMEMO's lists and bundles are not its business: has_keys).
[[nodiscard]] bool is_allowed_node(std::string_view node, core::Switches switches = {}) noexcept;
// The same of those.
[[nodiscard]] bool has_keys(std::string_view node) noexcept;

// An item there may be named so; empty where the server names it.
[[nodiscard]] bool is_allowed_item_id(std::string_view node, std::string_view item_id);
// The payload to store. `item_id` may be empty where the server makes it.
[[nodiscard]] std::expected<std::string, AllowFault> allowed_payload(std::string_view node, std::string_view item_id,
                                                                     xml::Element payload,
                                                                     core::Switches switches = {});

}  // namespace valise::modules::pep
