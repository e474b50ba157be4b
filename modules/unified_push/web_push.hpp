// What a pushed message has to look like where content is sealed: RFC 8291, one record of RFC 8188. Pure.
#pragma once

#include <string_view>

namespace valise::modules::unified_push {

// Whether the body can be such a record: salt, record size, a public key of P-256 that is on the curve, and then a
// whole tag that is not plainly text. What it cannot know: whether it is honest ciphertext.
[[nodiscard]] bool is_web_push(std::string_view content_encoding, std::string_view body);

}  // namespace valise::modules::unified_push
