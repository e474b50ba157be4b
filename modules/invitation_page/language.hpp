// Which of the two languages a browser is answered in. Pure.
#pragma once

#include <string_view>

#include "core/text.hpp"

namespace valise::modules::invitation_page {

// Accept-Language (RFC 9110 §12.5.4): the better of French and English; `otherwise` where it names neither, or both
// alike. The first 32 ranges count; what is no range counts for nothing.
[[nodiscard]] core::Language preferred_language(std::string_view accept_language, core::Language otherwise);

// The language that a query asks for ("lang=fr"), else `otherwise`.
[[nodiscard]] core::Language language_asked_for(std::string_view query, core::Language otherwise);

}  // namespace valise::modules::invitation_page
