// The language of policies as people read it: docs/policy-reference.md, written from the tables themselves.
#include "policy/api.hpp"

#include <fmt/core.h>

#include "policy/lua_directory.hpp"

namespace valise::policy {
namespace {

constexpr std::string_view stanza_denied = "the stanza comes back as an error; an answer or error is not answered";
constexpr std::string_view error_to_request = "the error to the request";
constexpr std::string_view later = "";

constexpr EventInfo infos[] = {
    {Event::message, true, "at the sender (`out`) and, when it goes to a person, at the recipient (`in`)",
     stanza_denied},
    {Event::presence, true, "likewise, probes included", stanza_denied},
    {Event::subscription, true,
     "likewise, a presence of type `subscribe`, `subscribed`, `unsubscribe`, `unsubscribed`; it is a `presence` as "
     "well, "
     "and asked about once",
     stanza_denied},
    {Event::iq, true, "likewise", stanza_denied},
    {Event::login, true, "when the password was right, with the sender the account", "a SASL failure (lua/README.md)"},
    {Event::session, true, "at resource binding, with the sender the full address", "the error to `bind`"},
    {Event::registration, true, "when a stranger asks for an account, with the sender the address that he wants",
     error_to_request},
    {Event::publish, true, "when a person publishes to a PEP node, with the payload the node", error_to_request},
    {Event::device, true, "when a list of OMEMO devices is published; it is a `publish` as well, and asked about once",
     error_to_request},
    {Event::invitation, true,
     "when somebody makes an invitation from his client; what `valisectl` makes is not asked about", error_to_request},
    {Event::unsealed, true,
     "when something that is not sealed would be refused, or passes only by a mode; its `Kind` stands alone in a rule",
     "the error; or `Seal`"},
    {Event::room_creation, false, later, later},
    {Event::room_join, false, later, later},
    {Event::room_message, false, later, later},
    {Event::room_configuration, false, later, later},
    {Event::upload, false, later, later},
    {Event::mail_in, false, later, later},
    {Event::mail_out, false, later, later},
    {Event::federation_in, false, later, later},
    {Event::federation_out, false, later, later},
    {Event::record, true,
     "when a record goes into the audit log: its kind is the type (`login-failed`), its reason the payload; its `Kind` "
     "stands alone in a rule",
     "nothing: it has happened"},
    {Event::archive, true,
     "once a day, of each account whose archived messages may be old enough to go, with the sender the account; its "
     "`Kind` stands alone in a rule",
     "nothing; a rule that fails keeps all"},
};
static_assert(std::size(infos) == event_count);

// Events by name, "everywhere" if all that fire; "(out)" or "(in)" where it is one direction for all.
std::string places(EventMask mask) {
  bool all = true;
  for (const auto& info : infos) {
    if (info.fires && (mask & mask_of(info.event)) == 0) all = false;
  }
  const bool out = (mask & all_out) != 0, in = (mask & all_in & ~at::outward) != 0;
  if (all) return out && in ? "everywhere" : out ? "everywhere (out)" : "everywhere (in)";
  std::string text;
  for (const auto& info : infos) {
    if ((mask & mask_of(info.event)) == 0) continue;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", event_names[static_cast<std::size_t>(info.event)]);
  }
  return text + (out && in ? "" : out ? " (out)" : " (in)");
}

// A text in a cell of a table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

// `where`: with the column that says where they are known.
void append(std::string& out, std::span<const Function> functions, bool where, std::string_view before = {}) {
  for (const auto& [name, call, arguments, about, events, wants] : functions) {
    const bool table = arguments.starts_with('{') && arguments.find('|') == std::string_view::npos;
    out += fmt::format("| `{}{}{}{}{}` | {} |{}\n", before, name, table ? "" : "(", cell(arguments), table ? "" : ")",
                       cell(about), where ? fmt::format(" {} |", places(events)) : std::string());
  }
}

void append_events(std::string& out) {
  out += "\n## Events\n\n| `Kind` | asked | a denial is |\n| --- | --- | --- |\n";
  for (const auto& info : infos) {
    const auto name = event_names[static_cast<std::size_t>(info.event)];
    out += info.fires ? fmt::format("| `{}` | {} | {} |\n", name, info.asked, info.denied)
                      : fmt::format("| `{}` | fires when the feature is there | |\n", name);
  }
  out += "\n### What each has\n\n";
  for (const auto& info : infos) {
    out += fmt::format("* `{}`:", event_names[static_cast<std::size_t>(info.event)]);
    for (const auto& field : fact_fields()) {
      if ((field.events & mask_of(info.event)) != 0 && field.events != at::anywhere)
        out += fmt::format(" `{}`", field.name);
    }
    out += '\n';
  }
  out += "\nEach has besides:";
  for (const auto& field : fact_fields()) {
    if (field.events == at::anywhere) out += fmt::format(" `{}`", field.name);
  }
  out += ".\n";
}

constexpr std::string_view head =
    "# Policies: the reference\n\n"
    "`valised --describe-policy` prints it from the tables of which the language is made; "
    "[lua/README.md](../lua/README.md) "
    "introduces it.\nThe last column says where a fact is known: elsewhere it is `\"\"`, `0` or `false`. *out*: at the "
    "sender, *in*: at the recipient.\n";

}  // namespace

std::span<const EventInfo> events() { return infos; }

std::string PolicySet::reference() {
  std::string out(head);
  append_events(out);
  const auto section = [&](std::string_view title, std::string_view first, std::string_view second, bool where) {
    out += fmt::format("\n## {}\n\n| {} | {} |{}\n| --- | --- |{}\n", title, first, second, where ? " known |" : "",
                       where ? " --- |" : "");
  };
  section("Rules and what they are made of", "function", "does", false);
  for (const auto functions : {making_functions(), group_functions(), table_functions()}) append(out, functions, false);
  section("What ldap of a group takes", "key", "is", false);
  for (const auto& key : directory_keys()) out += fmt::format("| `{}` | {} |\n", key.name, cell(key.about));
  section("Matchers", "matcher", "matches", true);
  for (const auto functions : {matcher_functions(), party_functions(), keeping_functions()})
    append(out, functions, true);
  section("Actions", "action", "does", true);
  for (const auto functions : {action_functions(), keeping_actions()}) append(out, functions, true);
  section("What a function sees", "field", "is", true);
  for (const auto& field : fact_fields()) {
    out += fmt::format("| `m.{}` | {} | {} |\n", field.name, cell(field.about), places(field.events));
  }
  append(out, fact_methods(), true, "m:");
  append(out, party_methods(), true, "m:");
  section("Methods of limiters and memories", "method", "does", false);
  append(out, limiter_methods(), false, "limiter:");
  append(out, memory_methods(), false, "memory:");
  return out;
}

}  // namespace valise::policy
