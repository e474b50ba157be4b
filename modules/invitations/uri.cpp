#include "modules/invitations/uri.hpp"

namespace valise::modules::invitations {
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

std::string uri_of(const core::Invitation& invitation, std::string_view token) {
  std::string uri = "xmpp:";
  const auto inviter = core::Jid::parse(invitation.inviter);
  const bool to_contact = invitation.name.empty() && invitation.contact && inviter.has_value();
  const auto local = to_contact ? inviter->local() : std::string_view(invitation.name);
  append_escaped(uri, local);
  if (!local.empty()) uri += '@';
  append_escaped(uri, to_contact ? inviter->domain() : std::string_view(invitation.host));
  uri += to_contact ? "?roster;preauth=" : "?register;preauth=";
  uri += token;
  if (to_contact && invitation.account) uri += ";ibr=y";
  return uri;
}

}  // namespace valise::modules::invitations
