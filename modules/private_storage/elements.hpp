// The elements of a request, and what of them is kept where only sealed content passes (docs/sealed.md 3.5). Pure.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/stanza.hpp"
#include "xml/document.hpp"

namespace valise::modules::private_storage {

inline constexpr std::string_view ns_private = "jabber:iq:private";
inline constexpr std::size_t max_key = 1'024;    // namespace and name of an element together
inline constexpr std::size_t max_elements = 64;  // different ones of an account
inline constexpr std::size_t max_delimiter = 8;  // characters of roster:delimiter

// What names an element in the store: "{namespace}name".
[[nodiscard]] std::string key_of(xml::Element element);

// The elements of a query, in their order. Errors (XEP-0049 §2.3): `not-acceptable` without any, for an element without
// a namespace of its own, for a reserved namespace, and where `one_namespace` is asked for and there are more.
[[nodiscard]] std::expected<std::vector<xml::Element>, core::StanzaError> elements_of(xml::Element query,
                                                                                      bool one_namespace);

enum class Fault : std::uint8_t { ns, content };
[[nodiscard]] core::Text describe(Fault fault) noexcept;
[[nodiscard]] std::string_view reason_of(Fault fault) noexcept;  // for the record

// Which namespaces are kept on a host, and how.
struct Schema {
  bool sealed = true;                    // else everything
  std::vector<std::string> opened = {};  // private.namespaces: as they are
};
// The element as it is kept: storage:bookmarks and roster:delimiter are written anew from what was understood.
[[nodiscard]] std::expected<std::string, Fault> kept(const Schema& schema, xml::Element element);
// What is shown of stored XML (one or several elements of one key): as `kept`; what may not be there is left out.
[[nodiscard]] std::string shown(const Schema& schema, const std::string& stored);

}  // namespace valise::modules::private_storage
