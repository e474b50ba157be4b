// What PEP's two avatar nodes, a vCard and presence say of a picture. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/stanza.hpp"

namespace valise::modules::avatars {

inline constexpr std::string_view data_node = "urn:xmpp:avatar:data";  // also the namespace
inline constexpr std::string_view metadata_node = "urn:xmpp:avatar:metadata";
inline constexpr std::string_view update_ns = "vcard-temp:x:update";

// The id of the picture that is in the data node (XEP-0398 §3.1: not that at an address elsewhere), in lower case;
// empty: the metadata name none, or are none.
[[nodiscard]] std::string id_of(std::string_view metadata);
// XEP-0084 §4.1: SHA-1 of the bytes.
[[nodiscard]] std::string id_of_picture(std::string_view bytes);
// The payloads for a picture; of metadata without one (bytes empty) those that say that there is none (§3.5).
[[nodiscard]] std::string data_payload(std::string_view bytes);
[[nodiscard]] std::string metadata_payload(std::string_view bytes);
// A <data/> as the <PHOTO/> of a vCard; empty: it is not the picture of that id.
[[nodiscard]] std::string photo_of(std::string_view data, std::string_view id);

// Whether a presence says that it shows no picture: an empty <photo/> (XEP-0153 §4.1).
[[nodiscard]] bool says_none(const core::Stanza& presence);
// XEP-0398 §4: the children of an available presence with the avatar's hash; nothing: they stay as they are, because
// the client says that it shows none, or says it already.
[[nodiscard]] std::optional<std::string> with_hash(const core::Stanza& presence, std::string_view hash);
// The same for a presence that the server repeats, whose children are `children`; `hash` empty: none is shown.
[[nodiscard]] std::string repeated_with_hash(std::string_view children, std::string_view hash);

}  // namespace valise::modules::avatars
