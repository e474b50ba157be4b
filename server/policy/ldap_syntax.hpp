// Private to this folder: whether what a policy says of a directory is well-formed, found when the file is loaded. Each
// function returns what is wrong, or "".
#pragma once

#include <string>
#include <string_view>

namespace valise::policy {

struct LdapUri {
  enum class Scheme : std::uint8_t { ldaps, ldap, ldapi };
  Scheme scheme = Scheme::ldaps;
  bool loopback = false;  // an address of this machine itself, as a number
};
// "ldaps://host", "ldap://host:389", "ldapi://%2Frun%2Fslapd%2Fldapi": one server, and nothing behind it.
[[nodiscard]] std::string read_ldap_uri(std::string_view text, LdapUri& uri);
// RFC 4515 §3.
[[nodiscard]] std::string filter_fault(std::string_view text);
// RFC 4514 §3, roughly: parts with a type and a value.
[[nodiscard]] std::string dn_fault(std::string_view text);
// RFC 4512 §2.5: "mail", "mail;lang-fr", "0.9.2342.19200300.100.1.3".
[[nodiscard]] std::string attribute_fault(std::string_view text);

}  // namespace valise::policy
