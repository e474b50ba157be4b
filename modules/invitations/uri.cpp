#include "modules/invitations/uri.hpp"

#include "core/jid/uri.hpp"

namespace valise::modules::invitations {
std::string uri_of(const core::Invitation& invitation, std::string_view token) {
  const auto inviter = core::Jid::parse(invitation.inviter);
  const bool to_contact = invitation.name.empty() && invitation.contact && inviter.has_value();
  const auto local = to_contact ? inviter->local() : std::string_view(invitation.name);
  auto uri = core::xmpp_uri(local, to_contact ? inviter->domain() : std::string_view(invitation.host));
  uri += to_contact ? "?roster;preauth=" : "?register;preauth=";
  uri += token;
  if (to_contact && invitation.account) uri += ";ibr=y";
  return uri;
}

}  // namespace valise::modules::invitations
