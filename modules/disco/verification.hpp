// XEP-0115 §5: disco#info as a client sent it, and the hash that stands for it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.hpp"
#include "modules/disco/info.hpp"
#include "xml/document.hpp"

namespace valise::modules::disco {

inline constexpr std::size_t max_features = 512;
inline constexpr std::size_t max_identities = 32;
inline constexpr std::size_t max_forms = 8;
inline constexpr std::size_t max_form_values = 256;  // in all
inline constexpr std::size_t max_length = 1024;      // of each string

// From the <query/> of an answer. Nothing for what §5.4 calls ill-formed (duplicates) and for what breaks a limit.
// Forms without a hidden FORM_TYPE are left out, as §5.4 asks.
[[nodiscard]] std::optional<Info> parse_info(xml::Element query);

// The hash that the 'hash' attribute names ("sha-1", "sha-256", "sha-512").
[[nodiscard]] std::optional<crypto::Hash> hash_named(std::string_view name) noexcept;

// §5.1: base64 of the hash over identities, features and forms in canonical order.
[[nodiscard]] std::string verification_string(const Info& info, crypto::Hash hash);

// Whether a verified answer may stand for everybody who announces the same hash. The canonical text does not say where
// identities end, features end and forms begin, so an attacker could answer with features dressed up as an identity or
// a form and so take, say, OMEMO away from all users of a client. Here an answer is shared only if nothing in it could
// be a feature in disguise: plain identity categories and types, no '<' anywhere, and no form but software information.
[[nodiscard]] bool is_shareable(const Info& info) noexcept;

// What this server announces: <c/> for its stream features (§6.3), and whether a disco#info node asks for it.
[[nodiscard]] std::string stream_feature(const Info& server);
[[nodiscard]] bool is_own_node(std::string_view node, const Info& server);

}  // namespace valise::modules::disco
