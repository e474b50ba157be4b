// Where the padlock is, in the client at hand (docs/sealed.md §5).
#pragma once

#include <string_view>

#include "core/text.hpp"

namespace valise::modules::omemo {

// What a person reads whose message was not sealed: the text of `plaintext`, and one sentence more if `node`, what the
// session's capabilities say its software is called (XEP-0115 §4), is to the letter one that is known. Nothing of the
// node is in it.
[[nodiscard]] core::Text text_for_client(std::string_view node) noexcept;

}  // namespace valise::modules::omemo
