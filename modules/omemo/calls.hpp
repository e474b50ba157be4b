// Call set-up (XEP-0353, XEP-0482): ids, media and the names of reasons; no text.
#pragma once

#include <string>

#include "xml/document.hpp"

namespace valise::modules::omemo {

// Writes `element` anew if it is call set-up that may pass; false: it is not, and nothing was written.
[[nodiscard]] bool append_call(std::string& out, xml::Element element);

}  // namespace valise::modules::omemo
