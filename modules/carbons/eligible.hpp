// Which messages are copied (XEP-0280 §6.1, urn:xmpp:carbons:rules:0). Pure.
#pragma once

#include <cstdint>

#include "core/stanza.hpp"

namespace valise::modules::carbons {

inline constexpr std::string_view ns_carbons = "urn:xmpp:carbons:2";

enum class Direction : std::uint8_t { received, sent };

// Of a message of any type but error: whether an error is copied depends on what it answers. `from_person`: its sender
// is an account of ours, not an occupant of a room. Judged as the message came: what stages leave out changes nothing.
[[nodiscard]] bool is_eligible(const core::Stanza& message, Direction direction, bool from_person);

}  // namespace valise::modules::carbons
