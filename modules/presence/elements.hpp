// The children of an available presence that the server itself reads (RFC 6121 §4.7.2). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "xml/document.hpp"

namespace valise::modules::presence {

// RFC 6121 §4.7.2.3: an integer from -128 to 127, white space around it allowed. Nothing: it is not.
[[nodiscard]] std::optional<std::int8_t> parse_priority(std::string_view text) noexcept;
// Of a presence; 0 without <priority/>. Nothing: malformed, or there are two of them.
[[nodiscard]] std::optional<std::int8_t> priority_of(xml::Element presence);

// §4.7.2.1: at most one <show/>, with one of the four values.
[[nodiscard]] bool has_valid_show(xml::Element presence);

}  // namespace valise::modules::presence
