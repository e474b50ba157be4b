// Before log-in (XEP-0077 §3.1): strangers make an account, where the host lets them.
#include <fmt/core.h>

#include "base/clock.hpp"
#include "core/administrators.hpp"
#include "core/auth/password.hpp"
#include "core/invitations.hpp"
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
core::StanzaError needs_invitation() {
  return refusal(Type::cancel, "not-allowed",
                 {"An account is made here by invitation only.", "Ici, un compte ne se crée que sur invitation."});
}
core::StanzaError another_name() {
  return refusal(Type::modify, "not-acceptable",
                 {"This invitation is for another name.", "Cette invitation est pour un autre nom."});
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

const core::Invitation* invitation_of(core::Stranger& stranger) {
  const auto* invited = dynamic_cast<core::Invited*>(&stranger);
  return invited == nullptr ? nullptr : invited->invitation();
}

std::string form(const std::string& iq_id, core::Stranger& stranger, std::int64_t password_minimum) {
  const auto language = stranger.language();
  const auto* invitation = invitation_of(stranger);
  const core::Text format{"Choose a user name and a password of at least {} characters.",
                          "Choisissez un nom d’utilisateur et un mot de passe d’au moins {} caractères."};
  const auto instructions = fmt::format(fmt::runtime(format.in(language)), password_minimum);
  std::string out;
  xml::Writer(out)
      .open("iq")
      .attribute("type", "result")
      .attribute("id", iq_id)
      .open("query", ns_register)
      .element("instructions", {}, instructions)
      .element("username", {}, invitation == nullptr ? std::string_view() : std::string_view(invitation->name))
      .element("password")
      .close()
      .close();
  return out;
}

}  // namespace

// XEP-0077 §4: who may make an account here at all.
bool RegistrationModule::is_open(const std::string& host) const {
  const auto* invitations = shard_.service<core::Invitations>();
  return rules(host).enabled || (invitations != nullptr && invitations->enabled(host));
}

bool RegistrationModule::take(xml::Element iq, core::Stranger& stranger) {
  const auto query = iq.child("query", ns_register);
  const auto preauth = iq.child("preauth", ns_pars);
  const auto type = iq.attribute_or_empty("type");
  if (!is_open(stranger.host()) || (type != "get" && type != "set")) return false;
  if (!query && !(preauth && type == "set")) return false;
  const std::string id(iq.attribute_or_empty("id"));
  if (id.empty()) {  // RFC 6120 §8.2.3
    stranger.answer()(error(id,
                            refusal(Type::modify, "bad-request", {"An iq needs an id.", "Un iq doit porter un id."}),
                            stranger.language()));
  } else if (preauth) {
    show_invitation(id, preauth.attribute_or_empty("token"), stranger);
  } else if (type == "get") {
    stranger.answer()(form(id, stranger, core::password_minimum(shard_, stranger.host())));
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

// XEP-0445 §4. Only here its time counts: the account may be made later.
void RegistrationModule::show_invitation(const std::string& iq_id, std::string_view token, core::Stranger& stranger) {
  const core::StanzaError unknown{
      .type = Type::cancel,
      .condition = "item-not-found",
      .text = {"This invitation is not valid, or not any more.", "Cette invitation n’est pas ou n’est plus valable."}};
  auto refuse = [send = stranger.answer(), answer = error(iq_id, unknown, stranger.language())] { send(answer); };
  auto* invitations = shard_.service<core::Invitations>();
  auto* invited = dynamic_cast<core::Invited*>(&stranger);
  if (invitations == nullptr || invited == nullptr) return refuse();
  invitations->look_up(stranger.host(), token,
                       [admit = invited->admit(), refuse, iq_id](std::optional<core::Invitation> found) {
                         if (!found || !found->account) return refuse();
                         admit(std::move(*found), result(iq_id));
                       });
}

void RegistrationModule::make_account(const std::string& iq_id, xml::Element query, core::Stranger& stranger) {
  const Answer answer = [send = stranger.answer(), iq_id,
                         language = stranger.language()](const std::optional<core::StanzaError>& refused) {
    send(refused ? error(iq_id, *refused, language) : result(iq_id));
  };
  const auto* invitation = invitation_of(stranger);
  if (invitation == nullptr && !rules(stranger.host()).enabled) return answer(needs_invitation());
  const auto jid = core::Jid::make(query.child("username", ns_register).text(), stranger.host());
  auto password = core::auth::prepare_password(query.child("password", ns_register).text());
  if (!jid || !jid->has_local() || !password) return answer(not_acceptable());
  if (const auto error = short_password(shard_, stranger.host(), *password)) return answer(*error);
  const bool is_named = invitation != nullptr && !invitation->name.empty();
  if (is_named && invitation->name != jid->local()) return answer(another_name());
  const auto* administrators = shard_.service<core::Administrators>();
  const bool is_special = administrators != nullptr && administrators->is_administrator_anywhere(*jid);
  if (is_special && !is_named) return answer(conflict());
  if (const auto denied = stranger.ask_rules(*jid)) return answer(denied->error);
  // Who is invited is counted by his invitation.
  if (invitation == nullptr && !stranger.may_register()) return answer(try_later());

  auto origin = make_ref<core::audit::Origin>(core::audit::Origin::Members{.source = stranger.source()});
  if (auto* invitations = shard_.service<core::Invitations>();
      invitations != nullptr && invitations->enabled(stranger.host())) {
    return make_invited({.jid = *jid,
                         .invitation = invitation == nullptr ? std::string() : invitation->id,
                         .share = stranger.share(),
                         .origin = origin,
                         .answer = answer},
                        std::move(*password));
  }
  const bool taken = make_keys(stranger.share(), std::move(*password), [this, jid = *jid, origin, answer](Keys keys) {
    if (!keys) return answer(keys.error().code == ErrorCode::invalid ? not_acceptable() : try_later());
    put_account({.jid = jid, .invitation = {}, .share = {}, .origin = origin, .answer = answer}, std::move(*keys));
  });
  if (taken) return;
  stranger.could_not_register();
  answer(try_later());
}

// In this order: the use of the invitation or the name is ours, the name is free, and only then the keys are made.
void RegistrationModule::make_invited(Newcomer newcomer, std::string password) {
  auto& invitations = *shard_.service<core::Invitations>();
  const auto jid = newcomer.jid;
  const auto id = newcomer.invitation;
  auto answer = [&invitations, id, jid, send = newcomer.answer](const std::optional<core::StanzaError>& refused) {
    if (!id.empty()) invitations.finish(id, jid, !refused);
    send(refused);
  };
  auto shared = std::make_shared<std::string>(std::move(password));
  invitations.begin(id, jid, [this, newcomer = std::move(newcomer), answer, shared](Result<> begun) mutable {
    if (!begun) {
      const auto code = begun.error().code;
      return newcomer.answer(code == ErrorCode::conflict    ? conflict()
                             : code == ErrorCode::not_found ? needs_invitation()
                                                            : try_later());
    }
    newcomer.answer = answer;
    shard_.on_home(newcomer.jid, [this, newcomer, shared](core::Shard&, core::Account* account) {
      const bool away = account == nullptr;
      const bool is_taken = !away && (account->exists || storage::is_gone(account->state));
      shard_.post([this, newcomer, shared, away, is_taken] {
        if (away) return newcomer.answer(try_later());
        if (is_taken) return newcomer.answer(conflict());
        const bool taken = make_keys(newcomer.share, std::move(*shared), [this, newcomer](Keys keys) {
          if (!keys) return newcomer.answer(keys.error().code == ErrorCode::invalid ? not_acceptable() : try_later());
          put_account(newcomer, std::move(*keys));
        });
        if (!taken) newcomer.answer(try_later());
      });
    });
  });
}

void RegistrationModule::put_account(const Newcomer& newcomer, std::vector<storage::ScramKey> keys) {
  const auto* invitations = shard_.service<core::Invitations>();
  std::optional<storage::Write> use;
  if (!newcomer.invitation.empty() && invitations != nullptr) use = invitations->use(newcomer.invitation, newcomer.jid);
  shard_.on_home(newcomer.jid, [newcomer, use = std::move(use), keys = std::move(keys)](
                                   core::Shard& home, core::Account* account) mutable {
    const auto& answer = newcomer.answer;
    if (account == nullptr) return answer(try_later());
    if (account->exists || storage::is_gone(account->state)) return answer(conflict());  // the name rests
    storage::Account row{account->jid.str(), storage::AccountState::active, keys, utc_now_ms()};
    core::change_account(
        home, *account,
        {storage::PutAccount{std::move(row)}, core::about_account(account->jid, "registered", newcomer.origin),
         storage::AccountState::active, std::move(use)},
        [answer](Result<> done) {
          if (done) return answer(std::nullopt);
          answer(done.error().code == ErrorCode::not_found ? conflict() : try_later());
        });
  });
}

}  // namespace valise::modules::registration
