// The two commands of XEP-0401: people invite contacts, administrators invite people to make an account.
#include "base/clock.hpp"
#include "core/services.hpp"
#include "modules/invitations/module.hpp"

namespace valise::modules::invitations {
namespace {

using commands::Execution;
using commands::Field;
using commands::FieldType;
using commands::Form;

core::StanzaError refusal(const Error& error) {
  using Type = core::StanzaError::Type;
  if (error.code == ErrorCode::conflict) {
    return {
        .type = Type::cancel,
        .condition = "conflict",
        .text = {"This name is taken, or kept for an invitation.", "Ce nom est pris, ou réservé pour une invitation."}};
  }
  if (error.code == ErrorCode::limit) {
    return {.type = Type::wait,
            .condition = "resource-constraint",
            .text = {"Too many invitations are open. Some have to be used or run out first.",
                     "Trop d’invitations sont ouvertes. Il faut d’abord que certaines servent ou expirent."}};
  }
  if (error.code == ErrorCode::invalid) {
    return {.type = Type::modify,
            .condition = "not-acceptable",
            .text = {"This is no name for an account.", "Ceci n’est pas un nom de compte."}};
  }
  return core::store_away;
}

// XEP-0401 §5.1, §8.2
Form result_of(const core::Invitations::Made& made) {
  Form form{.form_type = "urn:xmpp:invite#invitation",
            .fields = {{.name = "uri", .label = {"Invitation", "Invitation"}, .values = {made.uri}}}};
  if (!made.web_url.empty()) {
    form.fields.push_back({.name = "landing-url", .label = {"Web page", "Page web"}, .values = {made.web_url}});
  }
  form.fields.push_back(
      {.name = "expire", .label = {"Until", "Jusqu’au"}, .values = {format_utc_ms(made.invitation.expires_ms)}});
  return form;
}

// The administrator's rules about invitations of people. A denial is on its way into the log when this returns.
core::Verdict ask_rules(const Execution& execution, const Invitation& wish) {
  auto& shard = execution.shard();
  auto* rules = shard.service<core::Rules>();
  if (rules == nullptr) return nullptr;
  core::RuleQuestion question{.event = core::RuleQuestion::Event::invitation,
                              .who = execution.asker(),
                              .uses = wish.uses,
                              .language = execution.language()};
  std::vector<std::string> tags;
  auto* account = shard.find_account(execution.asker().bare());
  if (const auto* session = account == nullptr ? nullptr : account->find_id(execution.session())) {
    tags = session->tags;
    question.peer_address = session->peer_address;
    question.mechanism = session->mechanism;
    question.tls_version = session->tls_version;
  }
  auto denied = rules->ask(question, tags).refusal;
  if (!denied) return nullptr;
  core::audit::Record record;
  record.kind = core::audit::Kind::denied;
  record.verdict = core::audit::Outcome::refused;
  record.origin = execution.origin();
  record.reason = denied->reason;
  record.rule = denied->rule;
  shard.record(std::move(record));
  return denied;
}

void answer(std::shared_ptr<Execution> execution, Result<core::Invitations::Made> made) {
  if (!made) return execution->refuse(refusal(made.error()));
  execution->complete(result_of(*made));
}

}  // namespace

void InvitationsModule::declare(commands::Commands& commands) {
  const auto on_host = [this](const std::string& host) { return enabled(host); };
  commands.add({.node = std::string(ns_invite) + "#invite",
                .name = {"Invite somebody", "Inviter quelqu’un"},
                .role = commands::Role::account,
                .on_host = on_host,
                .run = [this](Execution execution) { invite(std::move(execution)); }});
  const Form form{
      .title = {"Invite somebody to make an account", "Inviter quelqu’un à créer un compte"},
      .instructions = {"The link that you get is for one person. The name may be left to that person.",
                       "Le lien obtenu est pour une seule personne. Le nom peut lui être laissé."},
      .fields = {{.name = "username", .label = {"User name", "Nom d’utilisateur"}},
                 {.name = "roster-subscription",
                  .type = FieldType::boolean,
                  .label = {"We become contacts", "Nous devenons contacts"},
                  .values = {"1"}},
                 {.name = "groups",
                  .type = FieldType::text_multi,
                  .label = {"In these groups of the contact list", "Dans ces groupes de la liste de contacts"}}}};
  commands.add({.node = std::string(ns_invite) + "#create-account",
                .name = {"Invite to make an account", "Inviter à créer un compte"},
                .role = commands::Role::administrator,
                .stages = 1,
                .ask = [form](const commands::Values&, unsigned) { return form; },
                .on_host = on_host,
                .run = [this](Execution execution) { create_account(std::move(execution)); }});
}

void InvitationsModule::invite(Execution execution) {
  Invitation wish{.host = execution.host(),
                  .inviter = std::string(execution.asker().bare()),
                  .account = rules(execution.host()).by_people,
                  .contact = true};
  make_for(std::move(execution), std::move(wish));
}

void InvitationsModule::make_for(Execution execution, Invitation wish) {
  if (const auto denied = ask_rules(execution, wish)) return execution.refuse(denied->error);
  auto by = execution.origin();
  auto waiting = std::make_shared<Execution>(std::move(execution));
  make(std::move(wish), 0, std::move(by), [waiting](Result<Made> made) { answer(waiting, std::move(made)); });
}

void InvitationsModule::create_account(Execution execution) {
  const auto& values = execution.values();
  Invitation wish{.host = execution.host(),
                  .inviter = std::string(execution.asker().bare()),
                  .account = true,
                  .contact = values.is_true("roster-subscription")};
  for (const auto& group : values.all("groups")) {
    if (!group.empty()) wish.groups.push_back(group);
  }
  if (const auto& name = values.text("username"); !name.empty()) {
    const auto jid = core::Jid::make(name, execution.host());
    if (!jid || !jid->has_local()) return execution.refuse(refusal({ErrorCode::invalid, {}}));
    wish.name = std::string(jid->local());
  }
  make_for(std::move(execution), std::move(wish));
}

}  // namespace valise::modules::invitations
