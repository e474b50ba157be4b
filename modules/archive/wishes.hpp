// XEP-0441: which messages a person wants to have archived. Pure.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/jid/jid.hpp"
#include "core/stanza.hpp"
#include "xml/document.hpp"

namespace valise::modules::archive {

inline constexpr std::string_view ns_mam = "urn:xmpp:mam:2";
inline constexpr std::size_t max_listed = 500;  // addresses of both lists together

enum class Default : std::uint8_t { always, never, roster };
[[nodiscard]] std::string_view name_of(Default value) noexcept;
[[nodiscard]] std::optional<Default> default_of(std::string_view name) noexcept;

struct Wishes {
  Default otherwise = Default::always;
  std::vector<std::string> always, never;  // normalised, sorted, none twice and none in both

  // §2.3 JID matching. `peer`: the other side as the message names it; `is_contact`: its bare JID is in the roster,
  // asked only where that matters. A full JID says more than a bare one, a list more than the default.
  template <class IsContact>
  [[nodiscard]] bool keeps(const core::Jid& peer, IsContact is_contact) const {
    if (!always.empty() || !never.empty()) {
      if (const auto said = listed(peer.full())) return *said;
      if (const auto said = listed(peer.bare())) return *said;
    }
    return otherwise == Default::always || (otherwise == Default::roster && is_contact());
  }

 private:
  [[nodiscard]] std::optional<bool> listed(std::string_view jid) const;
};

// Reads a <prefs/>. Errors: bad-request (no or an unknown default, an address in both lists), jid-malformed,
// resource-constraint (too many addresses).
[[nodiscard]] std::expected<Wishes, core::StanzaError> read_wishes(xml::Element prefs);
// The <prefs/>, as it is answered and as it is stored.
[[nodiscard]] std::string to_xml(const Wishes& wishes);

}  // namespace valise::modules::archive
