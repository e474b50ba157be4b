#include "core/jid/uri.hpp"

namespace valise::core {
namespace {

// RFC 5122 §2.2: what a node may hold as it is ("nodeallow" and RFC 3986's unreserved); the rest of UTF-8 byte by byte.
void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  constexpr std::string_view allowed = "-._~!$()*+,=";
  for (const char c : text) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (alphanumeric || allowed.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += hex[byte >> 4U];
      out += hex[byte & 15U];
    }
  }
}

}  // namespace

std::string xmpp_uri(std::string_view local, std::string_view domain) {
  std::string uri = "xmpp:";
  append_escaped(uri, local);
  if (!local.empty()) uri += '@';
  append_escaped(uri, domain);
  return uri;
}

}  // namespace valise::core
