// Before log-in (XEP-0077 §3.1): strangers make an account, where the host lets them.
#include "base/clock.hpp"
#include "core/administrators.hpp"
#include "core/auth/password.hpp"
#include "modules/registration/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::registration {
namespace {

using Type = core::StanzaError::Type;

core::StanzaError not_acceptable() {
  return refusal(
      Type::modify, "not-acceptable",
      {"Give a valid user name and a password.", "Indiquez un nom d’utilisateur valide et un mot de passe."});
}
core::StanzaError conflict() {
  return refusal(Type::cancel, "conflict", {"This name is taken.", "Ce nom est déjà pris."});
}
core::StanzaError try_later() {
  return refusal(Type::wait, "resource-constraint", {"Please try again later.", "Veuillez réessayer plus tard."});
}

std::string result(const std::string& iq_id) {
  std::string out;
  xml::Writer(out).open("iq").attribute("type", "result").attribute("id", iq_id).close();
  return out;
}

std::string error(const std::string& iq_id, const core::StanzaError& refused, core::Language language) {
  std::string out, inner;
  core::append_error(inner, refused, language);
  xml::Writer writer(out);
  writer.open("iq").attribute("type", "error");
  if (!iq_id.empty()) writer.attribute("id", iq_id);
  writer.raw(inner).close();
  return out;
}

std::string form(const std::string& iq_id, core::Language language) {
  const core::Text instructions{"Choose a user name and a password.",
                                "Choisissez un nom d’utilisateur et un mot de passe."};
  std::string out;
  xml::Writer(out)
      .open("iq")
      .attribute("type", "result")
      .attribute("id", iq_id)
      .open("query", ns_register)
      .element("instructions", {}, instructions.in(language))
      .element("username")
      .element("password")
      .close()
      .close();
  return out;
}

}  // namespace

bool RegistrationModule::take(xml::Element iq, core::Stranger& stranger) {
  const auto query = iq.child("query", ns_register);
  const auto type = iq.attribute_or_empty("type");
  if (!query || !rules(stranger.host()).enabled || (type != "get" && type != "set")) return false;
  const std::string id(iq.attribute_or_empty("id"));
  if (id.empty()) {  // RFC 6120 §8.2.3
    stranger.answer()(error(id,
                            refusal(Type::modify, "bad-request", {"An iq needs an id.", "Un iq doit porter un id."}),
                            stranger.language()));
  } else if (type == "get") {
    stranger.answer()(form(id, stranger.language()));
  } else if (query.child("remove", ns_register)) {
    // §3.2: who is not known can't cancel anything.
    stranger.answer()(error(id,
                            refusal(Type::auth, "registration-required", {"Log in first.", "Connectez-vous d’abord."}),
                            stranger.language()));
  } else {
    make_account(id, query, stranger);
  }
  return true;
}

void RegistrationModule::make_account(const std::string& iq_id, xml::Element query, core::Stranger& stranger) {
  const auto answer = [send = stranger.answer(), iq_id,
                       language = stranger.language()](const std::optional<core::StanzaError>& refused) {
    send(refused ? error(iq_id, *refused, language) : result(iq_id));
  };
  const auto jid = core::Jid::make(query.child("username", ns_register).text(), stranger.host());
  auto password = core::auth::prepare_password(query.child("password", ns_register).text());
  if (!jid || !jid->has_local() || !password) return answer(not_acceptable());
  const auto* administrators = shard_.service<core::Administrators>();
  if (administrators != nullptr && administrators->is_administrator_anywhere(*jid)) return answer(conflict());
  if (const auto denied = stranger.ask_rules(*jid)) return answer(denied->error);
  if (!stranger.may_register()) return answer(try_later());

  const auto source = stranger.source();
  auto origin = make_ref<core::audit::Origin>(core::audit::Origin::Members{.source = source});
  const bool taken = make_keys(stranger.share(), std::move(*password), [this, jid = *jid, origin, answer](Keys keys) {
    if (!keys) return answer(keys.error().code == ErrorCode::invalid ? not_acceptable() : try_later());
    shard_.on_home(jid, [origin, answer, keys = std::move(*keys)](core::Shard& home, core::Account* account) {
      if (account == nullptr) return answer(try_later());
      if (account->exists || storage::is_gone(account->state)) return answer(conflict());  // the name rests
      storage::Account row{account->jid.str(), storage::AccountState::active, keys, utc_now_ns() / 1'000'000};
      core::change_account(home, *account,
                           {storage::PutAccount{std::move(row)},
                            core::about_account(account->jid, "registered", origin), storage::AccountState::active},
                           [answer](Result<> done) {
                             if (done) return answer(std::nullopt);
                             answer(done.error().code == ErrorCode::not_found ? conflict() : try_later());
                           });
    });
  });
  if (taken) return;
  stranger.could_not_register();
  answer(try_later());
}

}  // namespace valise::modules::registration
