// What the page says, as HTML. Pure: the same input gives the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/invitations.hpp"
#include "core/text.hpp"
#include "modules/invitation_page/clients.hpp"

namespace valise::modules::invitation_page {

struct Reader {
  core::Language language = core::Language::english;
  Platform platform = Platform::unknown;
};

// The page of an invitation that is good. `sealed`: the host carries OMEMO only.
[[nodiscard]] std::string invitation_page(const core::Invitations::Made& made, const std::vector<Client>& clients,
                                          bool sealed, const Reader& reader);

// Why there is none. What each says is the same whatever the token was.
enum class Absence : std::uint8_t { unknown, over, too_many, unavailable };
[[nodiscard]] unsigned status_of(Absence absence) noexcept;
[[nodiscard]] std::string absence_page(Absence absence, std::string_view host, const Reader& reader);

// The Content-Security-Policy of both: their own style, by its hash, and nothing else.
[[nodiscard]] const std::string& content_security_policy();

}  // namespace valise::modules::invitation_page
