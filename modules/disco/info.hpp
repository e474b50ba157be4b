// disco#info as a value (XEP-0030 §3): gathered from the modules' manifests, and written. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/module.hpp"
#include "core/settings.hpp"

namespace valise::modules::disco {

struct Identity {
  std::string category, type, lang, name;
  friend auto operator<=>(const Identity&, const Identity&) = default;
};

// XEP-0128: a form behind the features.
struct Form {
  std::string type;                                                        // FORM_TYPE
  std::vector<std::pair<std::string, std::vector<std::string>>> fields{};  // without FORM_TYPE
};

struct Info {
  std::vector<Identity> identities;
  std::vector<std::string> features;
  std::vector<Form> forms;
};

// What a domain of this server says of itself. Identities and features are sorted and unique. `addresses`: contacts
// in the form of XEP-0157, "abuse-addresses=mailto:…"; others are left out.
[[nodiscard]] Info server_info(const std::vector<const core::Manifest*>& modules,
                               const std::vector<std::string>& addresses);
// What a bare JID of this server says; `host`: of what its host requires and has.
[[nodiscard]] Info account_info(const std::vector<const core::Manifest*>& modules, const core::HostSettings& host);

// True for "<field>-addresses=<URI>" with a field that XEP-0157 §2 registers and a mailto:, xmpp: or https: address.
[[nodiscard]] bool is_contact_address(std::string_view text) noexcept;

// The <query/>; `node` is repeated if it is not empty (§3.2).
[[nodiscard]] std::string to_xml(const Info& info, std::string_view node);

}  // namespace valise::modules::disco
