// What modules handle (core::Registrar), and what of it reaches anybody. A module that handles something without a row
// here does not start.
#include "core/namespaces.hpp"
#include "modules/omemo/table/table.hpp"

namespace valise::modules::omemo::table {
namespace {
namespace ns = core::ns;
using enum Verdict;
using enum core::Handled::Kind;

constexpr HandlerRow table_rows[] = {
    // -- what is asked of the server, of one's own account, or of somebody else's: module, place, type, element
    {"archive", iq, "account", "get set", "prefs", "urn:xmpp:mam:2", pass, "addresses, for their owner alone"},
    {"archive", iq, "account", "get", "metadata", "urn:xmpp:mam:2", strip, "it is answered"},
    {"archive", iq, "account", "get set", "query", "urn:xmpp:mam:2", pass,
     "stored messages to their owner, by the rules of now; of the query its id comes back"},
    {"blocking", iq, "account", "get", "blocklist", "urn:xmpp:blocking", strip, "it is answered"},
    {"blocking", iq, "account", "set", "block", "urn:xmpp:blocking", pass,
     "addresses, for their owner alone; a report's reason and text for the administrators (modules/reports)"},
    {"blocking", iq, "account", "set", "unblock", "urn:xmpp:blocking", pass, "addresses, for their owner alone"},
    {"carbons", iq, "account", "set", "enable", "urn:xmpp:carbons:2", strip, "it is answered"},
    {"carbons", iq, "account", "set", "disable", "urn:xmpp:carbons:2", strip, "it is answered"},
    {"clients", iq, "account", "get", "list", "urn:xmpp:cam:0", strip, "it is answered"},
    {"clients", iq, "account", "set", "revoke", "urn:xmpp:cam:0", strip, "the id of a client that is to go"},
    {"commands", iq, "server", "set", "command", "http://jabber.org/protocol/commands", pass,
     "forms of the server by type and bound; administrators' announcements are recorded"},
    {"disco", iq, "server account", "get", "query", ns::disco_info, strip, "it is answered"},
    {"disco", iq, "server account", "get", "query", ns::disco_items, strip, "it is answered"},
    {"external_services", iq, "server", "get", "services", "urn:xmpp:extdisco:2", strip, "it is answered"},
    {"external_services", iq, "server", "get", "credentials", "urn:xmpp:extdisco:2", strip, "it is answered"},
    {"labels", iq, "server", "get", "catalog", "urn:xmpp:sec-label:catalog:2", pass,
     "the configured labels; of the question the address comes back"},
    {"last_activity", iq, "server account", "get", "query", "jabber:iq:last", strip, "it is answered"},
    {"pep", iq, "account", "get set", "pubsub", ns::pubsub, pass,
     "as the tables of published nodes and cards say; nobody but the owner publishes"},
    {"pep", iq, "account", "get set", "pubsub", ns::pubsub_owner, pass,
     "who may read; title, description, type and language are not heard"},
    {"ping", iq, "server account", "get", "ping", ns::ping, strip, "it is answered"},
    {"private_storage", iq, "account", "get set", "query", "jabber:iq:private", pass,
     "as the table of private XML says, for its owner alone"},
    {"push", iq, "account", "set", "enable", "urn:xmpp:push:0", pass,
     "node and eight publish options, tokens of 256, to the push service that is named"},
    {"push", iq, "account", "set", "disable", "urn:xmpp:push:0", strip, "it is answered"},
    {"registration", iq, "server account", "get set", "query", "jabber:iq:register", strip,
     "a name and keys made from the password; other fields are not read"},
    {"roster", iq, "account", "get set", "query", ns::roster, pass, "names and groups, for their owner alone"},
    {"time", iq, "server", "get", "time", "urn:xmpp:time", strip, "it is answered"},
    {"unified_push", iq, "server", "set", "register", "http://gultsch.de/xmpp/drafts/unified-push", pass,
     "names of an application and of an instance, base64 of 32 bytes, back to the same device"},
    {"vcard", iq, "account", "get set", "vCard", "vcard-temp", pass, "as the table of cards says"},
    {"version", iq, "server", "get", "query", "jabber:iq:version", strip, "it is answered"},
    // -- at the stages of a stanza (ARCHITECTURE.md): module, stage, kinds
    {"omemo",
     hook,
     "sealed",
     "message presence iq",
     {},
     {},
     pass,
     "the tables of this room: everything is written anew"},
    {"omemo", hook, "blocking", "message iq", {}, {}, pass, "answers that were asked for; messages for listed devices"},
    {"avatars", hook, "sealed", "presence", {}, {}, pass, "puts in the hash of the avatar"},
    {"displayed", hook, "policy_out", "message", {}, {}, strip, "takes `displayed` out and publishes it by the table"},
    {"archive", hook, "policy_out policy_in", "message", {}, {}, pass, "keeps the message as it goes on"},
    {"archive", hook, "validate", "iq", {}, {}, strip, "decides alone"},
    {"blocking", hook, "validate blocking", "message presence iq", {}, {}, strip, "decides alone"},
    {"labels",
     hook,
     "sealed",
     "message presence iq",
     {},
     {},
     strip,
     "decides alone; which label of the catalogue it is, rules may ask"},
    {"last_activity", hook, "blocking", "iq", {}, {}, strip, "decides alone"},
    {"offline", hook, "policy_in", "message", {}, {}, strip, "decides when"},
    {"omemo_devices", hook, "policy_out", "message", {}, {}, strip, "notes when a device was last heard of"},
    {"policy",
     hook,
     "policy_out policy_in",
     "message presence iq",
     {},
     {},
     strip,
     "decides alone; the tags of a rule stand in the record"},
    {"private_storage", hook, "validate", "iq", {}, {}, strip, "decides alone"},
    {"vcard", hook, "validate", "iq", {}, {}, strip, "decides alone"},
    // -- parts of the way that have one owner
    {"presence", owner, "outbound_presence", {}, {}, {}, pass, "presence, as it was written anew"},
    {"presence", owner, "inbound_presence", {}, {}, {}, pass, "presence, as it was written anew"},
    {"pep",
     owner,
     "service_messages",
     {},
     {},
     {},
     strip,
     "the owner's answer to a request for a subscription: yes or no"},
    {"omemo", owner, "departures", {}, {}, {}, strip, "decides when"},
    {"offline",
     owner,
     "offline_messages",
     {},
     {},
     {},
     pass,
     "the message, as it was written anew; checked again when it goes out"},
    {"delay",
     owner,
     "held_messages",
     {},
     {},
     {},
     pass,
     "the message, as it was written anew; checked again when its time has come"},
    {"carbons",
     owner,
     "message_copies",
     {},
     {},
     {},
     pass,
     "the message, as it was written anew, to devices of its two people"},
    {"push",
     owner,
     "arrivals",
     {},
     {},
     {},
     pass,
     "numbers, to a push service; with `push.sender` the sender's address"},
    // -- elements of the stream
    {"csi", nonza, {}, {}, {}, "urn:xmpp:csi:0", strip, "says whether somebody looks"},
    {"csi", bind, {}, {}, "active", "urn:xmpp:csi:0", strip, "says whether somebody looks"},
    {"csi", bind, {}, {}, "inactive", "urn:xmpp:csi:0", strip, "says whether somebody looks"},
    {"carbons", bind, {}, {}, "enable", "urn:xmpp:carbons:2", strip, "it is switched on"},
    {"archive", bind, {}, {}, {}, {}, strip, "the ends of one's own archive: ids and times"},
};

// `words` are apart by blanks; an empty list is the empty word alone.
constexpr bool has_word(std::string_view words, std::string_view word) noexcept {
  if (words == word) return true;
  if (word.empty()) return false;
  while (!words.empty()) {
    const auto end = words.find(' ');
    if (words.substr(0, end) == word) return true;
    words = end == std::string_view::npos ? std::string_view() : words.substr(end + 1);
  }
  return false;
}

}  // namespace

std::span<const HandlerRow> handler_rows() noexcept { return table_rows; }

bool has_row(const core::Handled& what) {
  for (const auto& row : table_rows) {
    if (row.module == what.module && row.kind == what.kind && row.name == what.name && row.ns == what.ns &&
        has_word(row.place, what.place) && has_word(row.type, what.type)) {
      return true;
    }
  }
  return false;
}

}  // namespace valise::modules::omemo::table
