// Behind log-in: what is on file, a new password (XEP-0077 §3.3), the end of the account (§3.2).
#include "core/auth/password.hpp"
#include "modules/registration/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::registration {
namespace {

using Type = core::StanzaError::Type;

core::StanzaError bad_request() {
  return refusal(Type::modify, "bad-request",
                 {"A new password needs your user name and the password; a removal nothing else.",
                  "Un nouveau mot de passe exige votre nom d’utilisateur et le mot de passe ; une suppression rien "
                  "d’autre."});
}
core::StanzaError not_allowed(core::Text text) { return refusal(Type::cancel, "not-allowed", text); }
core::StanzaError try_later() {
  return refusal(Type::wait, "resource-constraint", {"Please try again later.", "Veuillez réessayer plus tard."});
}
core::StanzaError not_registered() {
  return refusal(Type::auth, "registration-required", {"You have no account here.", "Vous n’avez pas de compte ici."});
}

// <remove/>, and nothing else (§3.2).
bool stands_alone(xml::Element query) {
  std::size_t elements = 0;
  for (const auto node : query.children()) elements += node.is_text() ? 0 : 1;
  return elements == 1 && !query.has_visible_text();
}

}  // namespace

core::Session* RegistrationModule::own_session(core::IqRequest& request) {
  auto* session = request.session();
  const bool at_home = session != nullptr && session->jid.domain() == request.host();
  if (at_home && (request.account() == nullptr || request.from_owner())) return session;
  // Somebody else's account answers like an address that nobody has; a host where he has none knows him not.
  const bool of_somebody = request.account() != nullptr;
  request.error(of_somebody || !request.is_set() ? core::service_unavailable : not_registered());
  return nullptr;
}

void RegistrationModule::get(core::IqRequest request) {
  const auto* session = own_session(request);
  if (session == nullptr) return;
  const auto& allowed = rules(session->jid.domain());
  const core::Text may{"You have an account here. You can give it a new password.",
                       "Vous avez un compte ici. Vous pouvez lui donner un nouveau mot de passe."};
  const core::Text may_not{"You have an account here.", "Vous avez un compte ici."};
  std::string out;
  xml::Writer writer(out);
  writer.open("query", ns_register).element("registered");
  writer.element("instructions", {}, (allowed.change_password ? may : may_not).in(request.language()));
  writer.element("username", {}, session->jid.local());
  if (allowed.change_password) writer.element("password");  // §3.1: empty, it is not known here
  writer.close();
  request.result(std::move(out));
}

void RegistrationModule::set(core::IqRequest request) {
  auto* session = own_session(request);
  if (session == nullptr) return;
  const auto& allowed = rules(session->jid.domain());
  if (request.payload().child("remove", ns_register)) {
    if (!stands_alone(request.payload())) return request.error(bad_request());
    if (allowed.remove) return remove_own(std::move(request), *session);
    return request.error(not_allowed(
        {"Only an administrator can remove accounts here.", "Seul un administrateur peut supprimer un compte ici."}));
  }
  if (allowed.change_password) return change_password(std::move(request), *session);
  request.error(not_allowed({"Passwords can't be changed from here. Please ask your administrator.",
                             "Le mot de passe ne peut être changé d’ici. Veuillez contacter votre administrateur."}));
}

void RegistrationModule::change_password(core::IqRequest request, core::Session& session) {
  const auto username = request.payload().child("username", ns_register);
  const auto text = request.payload().child("password", ns_register).text();
  if (!username || text.empty()) return request.error(bad_request());  // §3.3: the old one stays
  const auto& jid = session.account.jid;
  const auto named = core::Jid::make(username.text(), jid.domain());
  if (!named || *named != jid) {
    return request.error(
        refusal(Type::auth, "forbidden",
                {"You can change your own password only.", "Vous ne pouvez changer que votre propre mot de passe."}));
  }
  if (session.tls_version.empty()) {
    return request.error(refusal(Type::modify, "not-authorized",
                                 {"Passwords are changed on encrypted connections only.",
                                  "Un mot de passe ne se change que sur une connexion chiffrée."}));
  }
  auto password = core::auth::prepare_password(text);
  if (!password) {
    return request.error(refusal(Type::modify, "not-acceptable",
                                 {"This can't be a password: it is too long or holds control characters.",
                                  "Ceci ne peut être un mot de passe : trop long, ou avec des caractères de "
                                  "contrôle."}));
  }
  if (const auto error = short_password(shard_, jid.domain(), *password)) return request.error(*error);
  auto& recent = session.account.ensure_part<Recent>(slot_);
  const auto now = shard_.loop().now_ms();
  if (recent.under_way || recent.being_kept != 0 || !recent.passwords.has_room(passwords_per_hour_, now)) {
    return request.error(try_later());
  }
  const core::Share share{.known = true, .network = core::auth::Network::parse(session.peer_address)};
  auto shared = std::make_shared<core::IqRequest>(std::move(request));  // it has to be answered either way
  const bool taken = make_keys(share, std::move(*password), [this, jid, id = session.id, shared](Keys keys) {
    with_new_keys(std::move(*shared), jid, id, std::move(keys));
  });
  if (!taken) return shared->error(try_later());
  recent.passwords.add(now);
  recent.under_way = true;
}

void RegistrationModule::with_new_keys(core::IqRequest request, const core::Jid& jid, std::uint64_t session_id,
                                       Keys keys) {
  auto* account = shard_.find_account(jid.bare());
  if (account != nullptr) account->ensure_part<Recent>(slot_).under_way = false;
  // A session that was ended meanwhile, perhaps by another new password, has no say any more.
  const auto* session = account == nullptr ? nullptr : account->find_id(session_id);
  if (!keys || session == nullptr || !account->exists) return request.error(try_later());
  if (account->part_or_empty<Recent>(slot_).being_kept != 0) return request.error(try_later());
  set_keys(*account, std::move(*keys), core::about_account(jid, "password-changed", session->origin), session_id,
           [request = std::move(request)](Result<> done) mutable {
             if (done) return request.result();
             request.error(done.error().code == ErrorCode::not_found ? not_registered() : try_later());
           });
}

void RegistrationModule::remove_own(core::IqRequest request, core::Session& session) {
  if (std::exchange(session.account.ensure_part<Recent>(slot_).leaving, true)) return request.error(try_later());
  auto record = core::about_account(session.account.jid, "removed", session.origin);
  remove(
      session.account, std::move(record),
      [this, jid = session.account.jid, request = std::move(request)](Result<> done) mutable {
        if (auto* account = shard_.find_account(jid.bare())) account->ensure_part<Recent>(slot_).leaving = false;
        if (done) return request.result();
        request.error(done.error().code == ErrorCode::not_found ? not_registered() : try_later());
      },
      [](bool) {});
}

}  // namespace valise::modules::registration
