// XEP-0060 §8.6: nodes of access model "authorize". The owner's devices get a form for each person who asks, and again
// when one comes online, as long as nobody answered; any of them answers. No text of any person is in it, so it holds
// where content is sealed, too: node, address and yes or no.
#include <algorithm>

#include "core/namespaces.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

constexpr std::string_view form_type = "http://jabber.org/protocol/pubsub#subscribe_authorization";
constexpr core::Text title{"Subscription request", "Demande d’abonnement"};
constexpr core::Text instructions{"Somebody asks to read what you publish at this node.",
                                  "Quelqu’un demande à lire ce que vous publiez dans ce nœud."};
constexpr core::Text node_label{"Node", "Nœud"};
constexpr core::Text jid_label{"Who asks", "Demandeur"};
constexpr core::Text allow_label{"Allow this address to subscribe?", "Autoriser cette adresse à s’abonner ?"};

void append_field(xml::Writer& form, std::string_view name, std::string_view type, std::string_view label,
                  std::string_view value) {
  form.open("field").attribute("var", name).attribute("type", type).attribute_if("label", label);
  form.element("value", {}, value).close();
}

std::string request_form(const std::string& node, const std::string& jid, core::Language language) {
  std::string out;
  xml::Writer form(out);
  form.open("x", core::ns::data_forms).attribute("type", "form");
  form.element("title", {}, title.in(language)).element("instructions", {}, instructions.in(language));
  append_field(form, "FORM_TYPE", "hidden", {}, form_type);
  append_field(form, "pubsub#node", "text-single", node_label.in(language), node);
  append_field(form, "pubsub#subscriber_jid", "jid-single", jid_label.in(language), jid);
  append_field(form, "pubsub#allow", "boolean", allow_label.in(language), "false");
  form.close();
  return out;
}

xml::Element form_of(const core::Stanza& message) { return message.child("x", core::ns::data_forms); }

std::string value_of(const Fields& fields, std::string_view name) {
  for (const auto& [field, values] : fields) {
    if (field == name && !values.empty()) return values.front();
  }
  return {};
}

core::Verdict refusal(const core::StanzaError& error) { return core::make_refusal(error, "pep-approval"); }

}  // namespace

bool is_approval(const core::Stanza& message) {
  if (message.is_error() || message.type == "groupchat") return false;
  for (const auto field : form_of(message).children()) {
    if (field.is("field", core::ns::data_forms) && field.attribute_or_empty("var") == "FORM_TYPE") {
      return field.child("value", core::ns::data_forms).text() == form_type;
    }
  }
  return false;
}

void Pep::each_unanswered(const core::Account& account, const std::function<void(Unanswered&)>& change) const {
  for (auto* session : account.sessions) {
    if (auto* mine = session->part<PepSession>(session_slot_)) change(mine->unanswered);
  }
}

// To all devices of the owner, or to one; each is asked once about a person until somebody answers.
void Pep::ask_owner(core::Account& account, const std::string& node, const std::string& jid, core::Session* only) {
  if (find_shown(account, node) == nullptr) return;
  const auto sessions = account.sessions;
  for (auto* session : sessions) {
    if (!session->available || (only != nullptr && session != only)) continue;
    if (!session->ensure_part<PepSession>(session_slot_).unanswered.first(node, bare_of(jid))) continue;
    auto message = core::make_message("normal", account.jid, session->jid, request_form(node, jid, session->language));
    message->id = "approve-" + jid;  // reflected in the answer (§8.6); the form says what it is about
    deliver(*session, message);
  }
}

void Pep::ask_owner_again(core::Session& session) {
  for (const auto& [node, state] : part(session.account).nodes) {
    for (const auto& jid : state.config.pending) ask_owner(session.account, node, jid, &session);
  }
}

void Pep::answered(core::Session& session, core::Flow flow) {
  const auto fields = read_form(form_of(*flow.stanza), form_type);
  if (!fields && fields.error() == FormFault::cancelled) {  // the request waits on
    auto passing = std::move(flow);
    (void)shard_.record_passing(passing, core::audit::Kind::message);
    return;
  }
  const auto allow = fields ? value_of(*fields, "pubsub#allow") : std::string();
  const bool yes = allow == "1" || allow == "true";
  const bool no = allow == "0" || allow == "false";
  if (!yes && !no) return shard_.refuse(std::move(flow), refusal(errors::bad_request()));
  const auto jid = core::Jid::parse(value_of(*fields, "pubsub#subscriber_jid"));
  if (!jid) return shard_.refuse(std::move(flow), refusal(errors::bad_request("invalid-jid")));
  const auto bytes = sizeof flow + flow.stanza->memory();
  const auto waiting = std::make_shared<core::Flow>(std::move(flow));
  const bool taken = in_turn(session.account, bytes, true,
                             [this, node = value_of(*fields, "pubsub#node"), jid = jid->str(), yes, waiting](
                                 core::Account& owner, Turn) { approve(owner, std::move(*waiting), node, jid, yes); });
  if (!taken) shard_.refuse(std::move(*waiting), refusal(core::store_away));
}

void Pep::approve(core::Account& account, core::Flow flow, const std::string& node, const std::string& jid,
                  bool allow) {
  auto* state = find(account, node);
  const std::string bare(bare_of(jid));
  // It is a person that is let in: since the form was made he may have asked anew, from another device.
  const auto waiting = state == nullptr ? std::vector<std::string>() : addresses_of(state->config.pending, bare);
  if (waiting.empty()) return shard_.refuse(std::move(flow), refusal(errors::item_not_found()));
  const auto named = std::ranges::find(waiting, jid);
  const auto& granted = named == waiting.end() ? waiting.front() : *named;
  Changed changed;
  for (const auto& address : waiting) {
    state->config.pending.erase(address);
    const bool added = allow && address == granted && add_subscriber(state->config.subscribers, bare, address);
    changed.emplace_back(address, added ? "subscribed" : "none");
  }
  each_unanswered(account, [&](Unanswered& forms) { forms.answered(node, bare); });
  core::describe(flow);
  auto record = std::move(flow.record);
  record.kind = core::audit::Kind::message;
  record.verdict = core::audit::Outcome::delivered;
  commit_config(account, node, std::move(record),
                [this, node, changed = std::move(changed), flow = std::make_shared<core::Flow>(std::move(flow))](
                    core::Account& owner, bool durable) {
                  shard_.handled(*flow);
                  if (!durable) return shard_.route_error(*flow->stanza, core::store_away, flow->language);
                  tell_changed(owner, node, changed);
                });
}

}  // namespace valise::modules::pep
