// RFC 5122: an address as a URI.
#pragma once

#include <string>
#include <string_view>

namespace valise::core {

// "xmpp:local@domain", both normalised; `local` may be empty.
[[nodiscard]] std::string xmpp_uri(std::string_view local, std::string_view domain);

}  // namespace valise::core
