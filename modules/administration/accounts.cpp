// What changes accounts. Each change is one record with the administrator as the one who acts.
#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "core/auth/password.hpp"
#include "modules/administration/module.hpp"

namespace valise::modules::administration {
namespace {

using commands::Commands;
using commands::Field;
using commands::FieldType;
using commands::Form;
using commands::Values;
using core::StanzaError;
using Keys = Result<std::vector<storage::ScramKey>>;

const core::Text one_account{"The account (name@host)", "Le compte (nom@hôte)"};
const core::Text more_accounts{"The accounts (name@host), one a line", "Les comptes (nom@hôte), un par ligne"};

Form form_of(core::Text title, core::Text instructions, std::vector<Field> fields) {
  return {.title = title, .instructions = instructions, .form_type = ns_admin, .fields = std::move(fields)};
}
Field accounts_field(core::Text label = more_accounts) {
  return {.name = "accountjids", .type = FieldType::jid_multi, .label = label, .required = true};
}
Field account_field() {
  return {.name = "accountjid", .type = FieldType::jid_single, .label = one_account, .required = true};
}
Field password_field() {
  return {.name = "password", .type = FieldType::text_private, .label = {"Password", "Mot de passe"}, .required = true};
}

Outcome outcome_of(const Result<>& done) {
  if (done) return Outcome::done;
  return done.error().code == ErrorCode::not_found ? Outcome::unknown : Outcome::not_now;
}

// An administrator who shuts himself out needs another one.
bool is_about_himself(Execution& execution, const std::vector<core::Jid>& addresses) {
  const auto mine = [&](const core::Jid& jid) { return jid.same_bare(execution.asker()); };
  if (std::ranges::none_of(addresses, mine)) return false;
  execution.refuse(refusal(StanzaError::Type::cancel, "not-allowed",
                           {"Not your own account: another administrator has to do that.",
                            "Pas votre propre compte : un autre administrateur doit le faire."}));
  return true;
}

// ---- disabling and enabling (§4.3, §4.4), deleting (§4.2), ending sessions (§4.5)

void set_state(Execution execution, std::string reason, storage::AccountState state) {
  auto addresses = accounts_of(execution, false);
  if (addresses.empty()) return;
  if (state == storage::AccountState::disabled && is_about_himself(execution, addresses)) return;
  auto origin = execution.origin();
  on_each(std::move(execution), std::move(addresses),
          [reason = std::move(reason), state, origin](core::Shard& there, core::Account& account, const core::Jid&,
                                                      Give give) {
            if (!account.exists) return give(Outcome::unknown);
            core::change_account(there, account,
                                 {storage::SetAccountState{account.jid.str(), state},
                                  core::about_account(account.jid, reason, origin), state},
                                 [give = std::move(give)](Result<> done) mutable { give(outcome_of(done)); });
          });
}

void remove(Execution execution) {
  auto addresses = accounts_of(execution, false);
  if (addresses.empty() || is_about_himself(execution, addresses)) return;
  auto origin = execution.origin();
  on_each(std::move(execution), std::move(addresses),
          [origin](core::Shard& there, core::Account& account, const core::Jid&, Give give) {
            auto* registration = there.service<core::Registration>();
            if (!account.exists || registration == nullptr) return give(Outcome::unknown);
            // Done when it is gone for good; that its contacts learn of it outlives a crash (modules/registration).
            registration->remove(
                account, core::about_account(account.jid, "user-delete", origin),
                [give = std::move(give)](Result<> done) mutable { give(outcome_of(done)); }, [](bool) {});
          });
}

Form deletion_form(const Values& so_far, unsigned stage) {
  const core::Text title{"Delete accounts", "Supprimer des comptes"};
  if (stage == 0) {
    return form_of(title,
                   {"Each of them is erased with all that it owns. Its name is not given again.",
                    "Chacun est effacé avec tout ce qui lui appartient. Son nom n’est plus donné."},
                   {accounts_field()});
  }
  Field named{.type = FieldType::fixed, .label = {"To be erased", "À effacer"}};
  named.values = so_far.all("accountjids");
  return form_of(title,
                 {"This can't be undone. Complete it to erase these accounts.",
                  "C’est définitif. Terminez pour effacer ces comptes."},
                 {std::move(named)});
}

void end_sessions(Execution execution) {
  auto addresses = accounts_of(execution, true);
  if (addresses.empty()) return;
  auto origin = execution.origin();
  const auto own = execution.session();  // it waits for the answer
  on_each(std::move(execution), std::move(addresses),
          [origin, own](core::Shard& there, core::Account& account, const core::Jid& jid, Give give) {
            if (!account.exists) return give(Outcome::unknown);
            bool any = false;
            const auto sessions = account.sessions;
            for (auto* session : sessions) {
              if (std::ranges::find(account.sessions, session) == account.sessions.end()) continue;
              if (session->id == own || (!jid.is_bare() && session->jid != jid)) continue;
              session->stream.end("policy-violation", "an administrator ended this session");
              any = true;
            }
            // An account whose sessions are over already is as it should be; nothing happened, so there is no record.
            if (!any) return give(jid.is_bare() ? Outcome::done : Outcome::unknown);
            there.record(core::about_account(jid, "session-kick", origin));
            give(Outcome::done);
          });
}

// ---- adding (§4.1) and new passwords (§4.7)

// The keys of the password that was submitted, then `then`; where there is none, or no room, it is answered.
void with_keys(Execution execution, std::move_only_function<void(Execution, std::vector<storage::ScramKey>)> then) {
  const auto& text = execution.values().text("password");
  if (!execution.is_encrypted()) {
    return execution.refuse(refusal(StanzaError::Type::modify, "not-authorized",
                                    {"Passwords are given on encrypted connections only.",
                                     "Un mot de passe ne se donne que sur une connexion chiffrée."}));
  }
  auto password = core::auth::prepare_password(text);
  const auto& again = execution.values().all("password-verify");
  if (!password || (!again.empty() && again.front() != text)) {
    return execution.refuse(refusal(StanzaError::Type::modify, "not-acceptable",
                                    {"The two passwords differ, or this can't be one.",
                                     "Les deux mots de passe diffèrent, ou ce ne peut en être un."}));
  }
  auto& shard = execution.shard();
  if (const auto error = core::too_short(shard, execution.host(), *password)) return execution.refuse(*error);
  auto waiting = std::make_shared<std::pair<Execution, decltype(then)>>(std::move(execution), std::move(then));
  const bool taken = shard.compute(
      core::Share{.known = true, .network = {}},
      [password = std::move(*password), rounds = shard.settings().scram_iterations]() mutable -> Keys {
        auto keys = core::auth::make_keys(password, rounds);
        crypto::wipe(password);
        return keys;
      },
      [waiting](Keys keys) {
        if (!keys) return waiting->first.refuse(try_later());
        waiting->second(std::move(waiting->first), std::move(*keys));
      });
  if (!taken) waiting->first.refuse(try_later());
}

void add(Execution execution) {
  const auto jid = account_of(execution, "accountjid");
  if (!jid) return;
  with_keys(std::move(execution), [jid = *jid](Execution ready, std::vector<storage::ScramKey> keys) {
    auto origin = ready.origin();
    on_each(std::move(ready), {jid},
            [keys = std::move(keys), origin](core::Shard& there, core::Account& account, const core::Jid&, Give give) {
              if (account.exists || storage::is_gone(account.state)) return give(Outcome::exists);
              storage::Account row{account.jid.str(), storage::AccountState::active, keys, utc_now_ms()};
              core::change_account(
                  there, account,
                  {storage::PutAccount{std::move(row)}, core::about_account(account.jid, "user-add", origin),
                   storage::AccountState::active},
                  [give = std::move(give)](Result<> done) mutable { give(outcome_of(done)); });
            });
  });
}

void change_password(Execution execution) {
  const auto jid = account_of(execution, "accountjid");
  if (!jid) return;
  with_keys(std::move(execution), [jid = *jid](Execution ready, std::vector<storage::ScramKey> keys) {
    auto origin = ready.origin();
    const auto own = jid.same_bare(ready.asker()) ? ready.session() : 0;
    on_each(
        std::move(ready), {jid},
        [keys = std::move(keys), origin, own](core::Shard& there, core::Account& account, const core::Jid&, Give give) {
          auto* registration = there.service<core::Registration>();
          if (!account.exists || registration == nullptr) return give(Outcome::unknown);
          registration->set_keys(account, keys, core::about_account(account.jid, "user-passwd", origin), own,
                                 [give = std::move(give)](Result<> done) mutable { give(outcome_of(done)); });
        });
  });
}

}  // namespace

void declare_accounts(Commands& commands) {
  const Field again{.name = "password-verify",
                    .type = FieldType::text_private,
                    .label = {"The same again", "Le même encore une fois"}};
  const core::Text add_title{"Add an account", "Ajouter un compte"};
  commands.add(
      command("add-user", add_title, form_of(add_title, {}, {account_field(), password_field(), again}), &add));
  auto deletion = command("delete-user", {"Delete accounts", "Supprimer des comptes"}, {}, &remove);
  deletion.stages = 2;
  deletion.may_be_cut = true;
  deletion.ask = &deletion_form;
  commands.add(std::move(deletion));
  const core::Text disable_title{"Disable accounts", "Désactiver des comptes"};
  commands.add(command(
      "disable-user", disable_title,
      form_of(disable_title,
              {"Their sessions end, and they can't log in until they are enabled again.",
               "Leurs sessions prennent fin et ils ne peuvent se connecter avant d’être réactivés."},
              {accounts_field()}),
      [](Execution execution) { set_state(std::move(execution), "user-disable", storage::AccountState::disabled); }));
  const core::Text enable_title{"Enable accounts again", "Réactiver des comptes"};
  commands.add(command(
      "reenable-user", enable_title, form_of(enable_title, {}, {accounts_field()}),
      [](Execution execution) { set_state(std::move(execution), "user-enable", storage::AccountState::active); }));
  const core::Text end_title{"End sessions", "Mettre fin à des sessions"};
  commands.add(command("end-user-session", end_title,
                       form_of(end_title,
                               {"name@host ends all sessions, name@host/resource that one; they may log in again.",
                                "nom@hôte met fin à toutes les sessions, nom@hôte/ressource à celle-là ; une nouvelle "
                                "connexion reste possible."},
                               {accounts_field({"Accounts or devices", "Comptes ou appareils"})}),
                       &end_sessions));
  const core::Text password_title{"Change a password", "Changer un mot de passe"};
  commands.add(command("change-user-password", password_title,
                       form_of(password_title, {}, {account_field(), password_field()}), &change_password));
}

}  // namespace valise::modules::administration
