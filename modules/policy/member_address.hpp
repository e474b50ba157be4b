// Private to this folder: who can be a member of a group in the store or in a directory.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace valise::modules {

// The canonical bare address of a person: with "@", without a resource. `*` may stand in an address (RFC 8265 §3.3) but
// is a pattern in policies, so nobody with one gets in. Errors: what is wrong with it, for an administrator.
[[nodiscard]] std::expected<std::string, std::string> member_address(std::string_view text);

}  // namespace valise::modules
