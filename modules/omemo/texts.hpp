// What people read when something unsealed is refused: one sentence that says what to do, in French and English.
#pragma once

#include <string_view>

#include "core/flow.hpp"

namespace valise::modules::omemo {

enum class Reason : std::uint8_t { plaintext, reaction, file, subject, malformed, service };

[[nodiscard]] std::string_view code_of(Reason reason) noexcept;
[[nodiscard]] core::Text text_of(Reason reason) noexcept;

// The refusal: policy-violation, type modify, one text, and the application condition
// <sealed-required xmlns='urn:valise:policy:0' reason='…'/>. Clients were seen to read other conditions as
// something else (rooms left, chats closed); this one displays well in all.
[[nodiscard]] core::Verdict refuse(Reason reason);

}  // namespace valise::modules::omemo
