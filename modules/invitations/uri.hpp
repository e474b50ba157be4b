// The addresses by which an invitation is passed on. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/invitations.hpp"

namespace valise::modules::invitations {

// XEP-0401 §5.1 and §5.4, RFC 5122: with the inviter as contact, or to make an account.
[[nodiscard]] std::string uri_of(const core::Invitation& invitation, std::string_view token);

}  // namespace valise::modules::invitations
