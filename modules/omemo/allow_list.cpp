#include "modules/omemo/allow_list.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/namespaces.hpp"
#include "modules/omemo/calls.hpp"
#include "modules/omemo/values.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;

constexpr std::string_view fallback_body = "Message chiffré OMEMO / OMEMO-encrypted message";
constexpr std::string_view eme = "urn:xmpp:eme:0";
constexpr std::string_view receipts = "urn:xmpp:receipts";
constexpr std::string_view markers = "urn:xmpp:chat-markers:0";
constexpr std::string_view chat_states = "http://jabber.org/protocol/chatstates";
constexpr std::string_view muc_user = "http://jabber.org/protocol/muc#user";
constexpr std::string_view conference = "jabber:x:conference";
constexpr std::string_view reactions = "urn:xmpp:reactions:0";
constexpr std::string_view fallback = "urn:xmpp:fallback:0";
constexpr std::string_view reply_ns = "urn:xmpp:reply:0";
constexpr std::string_view retract_0 = "urn:xmpp:message-retract:0";
constexpr std::string_view retract_1 = "urn:xmpp:message-retract:1";
constexpr std::string_view fasten = "urn:xmpp:fasten:0";

// Where an element may stand.
enum Place : unsigned { sealed = 1, control = 2, anywhere = 3 };

// What an element makes of a message without seal: there is one matter a message, signs and asides may stand by it.
enum class Matter : std::uint8_t { aside, sign, marker, retraction, removal, invitation, call };

// An element without children and text, with these attributes and no other. The first one must be there.
struct Rule {
  std::string_view name;
  std::string_view ns;
  Place place;
  Matter matter = Matter::aside;
  std::array<std::string_view, 4> attributes{};
};

constexpr Rule rules[] = {
    {"store", ns::hints, anywhere},
    {"no-store", ns::hints, anywhere},
    {"no-copy", ns::hints, anywhere},
    {"no-permanent-store", ns::hints, anywhere},
    {"origin-id", ns::stanza_ids, anywhere, Matter::aside, {"id"}},
    {"request", receipts, anywhere},
    {"received", receipts, anywhere, Matter::sign, {"id"}},
    {"markable", markers, anywhere},
    {"received", markers, anywhere, Matter::marker, {"id"}},
    {"displayed", markers, anywhere, Matter::marker, {"id"}},
    {"acknowledged", markers, anywhere, Matter::marker, {"id"}},
    {"active", chat_states, anywhere, Matter::sign},
    {"composing", chat_states, anywhere, Matter::sign},
    {"paused", chat_states, anywhere, Matter::sign},
    {"inactive", chat_states, anywhere, Matter::sign},
    {"gone", chat_states, anywhere, Matter::sign},
    {"attention", "urn:xmpp:attention:0", sealed},
    {"private", "urn:xmpp:carbons:2", anywhere},
    {"x", muc_user, sealed},
    {"replace", "urn:xmpp:message-correct:0", sealed, Matter::aside, {"id"}},
    {"reply", reply_ns, sealed, Matter::aside, {"id", "to"}},
    {"retract", retract_1, control, Matter::retraction, {"id"}},
    {"retract", retract_0, control, Matter::retraction, {"id"}},
    {"reactions", reactions, control, Matter::removal, {"id"}},  // without a reaction: takes an earlier one back
    {"x", conference, control, Matter::invitation, {"jid", "password", "continue", "thread"}},
};

// A reply names who wrote what it quotes: one of the two, or an occupant of the room.
bool is_author(std::string_view text, const core::Stanza& message) {
  const auto jid = core::Jid::parse(text);
  if (!jid) return false;
  const bool partner = (message.to && jid->same_bare(*message.to)) || jid->same_bare(message.from);
  return partner && (message.type == "groupchat" ? jid->resource().size() <= 128 : jid->is_bare());
}

bool may_hold(std::string_view name, std::string_view value, const core::Stanza& message) {
  if (name == "jid") return is_bare_address(value);
  if (name == "to") return is_author(value, message);
  if (name == "password") return is_token(value, 64);
  if (name == "continue") return is_boolean(value);
  if (name == "thread") return is_plain_token(value, 64);
  return !value.empty() && is_token(value);
}

// False, and nothing written, if the attribute that gives it its meaning is missing or no token.
bool append_by_rule(std::string& out, xml::Element element, const Rule& rule, const core::Stanza& message) {
  const auto first = rule.attributes[0];
  if (!first.empty() && !may_hold(first, element.attribute_or_empty(first), message)) return false;
  xml::Writer writer(out);
  writer.open(rule.name, rule.ns);
  for (const auto name : rule.attributes) {
    if (name.empty()) break;
    const auto value = element.attribute(name);
    if (value && may_hold(name, *value, message)) writer.attribute(name, *value);
  }
  writer.close();
  return true;
}

const Rule* find_rule(xml::Element element, Place place) {
  for (const auto& rule : rules) {
    if ((rule.place & place) != 0 && element.name() == rule.name && element.ns() == rule.ns) return &rule;
  }
  return nullptr;
}

// Each element once: a row of hints or chat states spells words, too.
class Once {
 public:
  [[nodiscard]] bool first(const Rule& rule) {
    const auto bit = 1u << (&rule - rules);
    const bool is_first = (seen_ & bit) == 0;
    seen_ |= bit;
    return is_first;
  }

 private:
  static_assert(std::size(rules) <= 32);
  std::uint32_t seen_ = 0;
};

// <x xmlns='…muc#user'><invite to/></x> and <decline to/>: the free-text reason is left out.
bool append_mediated_invite(std::string& out, xml::Element element) {
  if (!element.is("x", muc_user)) return false;
  const auto first = element.first_element();
  if (first.ns() != muc_user || (first.name() != "invite" && first.name() != "decline")) return false;
  const auto to = first.attribute_or_empty("to");
  if (!is_bare_address(to)) return false;
  xml::Writer(out).open("x", muc_user).open(first.name()).attribute("to", to).close().close();
  return true;
}

// Retraction 0.2 rides on message fastening: <apply-to xmlns='urn:xmpp:fasten:0' id><retract/></apply-to>.
bool append_fastened_retraction(std::string& out, xml::Element element) {
  const auto id = element.attribute_or_empty("id");
  if (!element.is("apply-to", fasten) || id.empty() || !is_token(id)) return false;
  const auto inner = element.first_element();
  if (!inner.is("retract", retract_0) || !is_empty_element(inner) || element.has_visible_text()) return false;
  xml::Writer(out).open("apply-to", fasten).attribute("id", id).element("retract", retract_0).close();
  return true;
}

// XEP-0428 beside a payload: which part of the (sealed) body is a quote. Numbers only.
bool append_fallback(std::string& out, xml::Element element) {
  if (!element.is("fallback", fallback)) return false;
  const auto for_ns = element.attribute_or_empty("for");
  if (for_ns != reply_ns && for_ns != ns::omemo_2 && for_ns != retract_1) return false;
  xml::Writer writer(out);
  writer.open("fallback", fallback).attribute("for", for_ns);
  for (const auto* name : {"body", "subject"}) {
    const auto range = element.child(name, fallback);
    if (!range) continue;
    writer.open(name);
    for (const auto* edge : {"start", "end"}) {
      const auto value = range.attribute_or_empty(edge);
      if (is_number(value, 7)) writer.attribute(edge, value);
    }
    writer.close();
  }
  writer.close();
  return true;
}

bool append_thread(std::string& out, xml::Element element) {
  if (!element.is("thread", ns::client)) return false;
  const auto text = element.single_text();
  if (!text || !is_plain_token(*text, 64)) return false;
  xml::Writer(out).element("thread", {}, *text);
  return true;
}

bool is_encrypted(xml::Element element) {
  return element.name() == "encrypted" && (element.ns() == ns::omemo_legacy || element.ns() == ns::omemo_2);
}

// What the server alone may say: left out silently wherever a client says it (XEP-0359 and kin: spoofing).
bool is_servers_own(xml::Element element) {
  return element.is("stanza-id", ns::stanza_ids) || element.is("delay", ns::delay) ||
         element.is("occupant-id", "urn:xmpp:occupant-id:0") ||
         element.is("addresses", "http://jabber.org/protocol/address") ||
         element.is("displayed", "urn:xmpp:mds:displayed:0");  // XEP-0490: for the server, which strips it
}

// A header without keys (Converse, where no device of that version is trusted): nothing in it can be read.
bool is_for_nobody(xml::Element encrypted) {
  const auto header = encrypted.child("header", encrypted.ns());
  if (!header) return false;
  for (const auto child : header.children()) {
    if (child.is("key", encrypted.ns()) || (child.is("keys", encrypted.ns()) && child.first_element())) return false;
  }
  return true;
}

// Validates all <encrypted/>; docs/sealed.md D8. False: `out.refused` says why.
bool check_seals(const core::Stanza& message, Rebuilt& out) {
  bool seen[2] = {false, false};
  bool for_nobody = false;
  for (const auto child : message.root().children()) {
    if (!is_encrypted(child)) continue;
    auto& twice = seen[child.ns() == ns::omemo_2 ? 1 : 0];
    if (std::exchange(twice, true)) {
      out.detail = "two of one version";
      break;
    }
    if (is_for_nobody(child)) {
      for_nobody = true;
      twice = false;
      continue;
    }
    auto& envelope = out.envelopes[out.envelope_count];
    if (const auto* why = check_envelope(child, {}, parties_of(message), envelope)) {
      out.detail = why;
      break;
    }
    ++out.envelope_count;
    out.seal.form = seen[0] && seen[1] ? core::Seal::Form::both
                    : seen[1]          ? core::Seal::Form::omemo_2
                                       : core::Seal::Form::legacy;
    out.seal.has_payload = out.seal.has_payload || envelope.has_payload;
    out.seal.sender_device = envelope.sender_device;
    out.seal.keys += envelope.keys;
    out.seal.prekeys += envelope.prekeys;
    out.seal.payload_bytes = std::max(out.seal.payload_bytes, envelope.payload_bytes);
  }
  if (out.detail.empty() && for_nobody && out.seal.form == core::Seal::Form::none) out.detail = "no keys";
  if (!out.detail.empty()) out.refused = Reason::malformed;
  return out.detail.empty();
}

// Beside a valid seal: what is not allowed is left out, the message survives.
void rebuild_sealed(const core::Stanza& message, Rebuilt& out) {
  bool body = false;
  bool encryption = false;
  bool thread = false;
  unsigned fallbacks = 0;
  Once once;
  for (const auto child : message.root().children()) {
    if (child.is_text()) continue;
    if (is_encrypted(child)) {
      if (is_for_nobody(child)) {
        ++out.stripped;
      } else {
        append_encrypted(out.children, child);
      }
    } else if (child.is("body", ns::client)) {
      body = true;
    } else if (child.is("encryption", eme)) {
      encryption = true;
    } else if (const auto* rule = find_rule(child, sealed);
               rule != nullptr && is_empty_element(child) && once.first(*rule)) {
      if (!append_by_rule(out.children, child, *rule, message)) ++out.stripped;
    } else if (fallbacks < 2 && append_fallback(out.children, child)) {
      ++fallbacks;
    } else if (!thread && append_thread(out.children, child)) {
      thread = true;
    } else {
      ++out.stripped;
    }
  }
  const bool newest_is_2 = out.seal.form != core::Seal::Form::legacy;
  if (encryption) {
    xml::Writer(out.children)
        .open("encryption", eme)
        .attribute("namespace", newest_is_2 ? ns::omemo_2 : ns::omemo_legacy)
        .attribute("name", newest_is_2 ? "OMEMO 2" : "OMEMO")
        .close();
  }
  // One constant sentence instead of whatever stood there: it can carry nothing.
  if (body && out.seal.has_payload) xml::Writer(out.children).element("body", {}, fallback_body);
}

Reason reason_for(xml::Element element) {
  if (element.ns() == reactions) return Reason::reaction;
  if (element.ns() == "jabber:x:oob" || element.ns() == "urn:xmpp:sims:1" || element.ns() == "urn:xmpp:sfs:0") {
    return Reason::file;
  }
  return Reason::plaintext;
}

// Writes `child` if it is an element of control; what it is about, or nothing.
std::optional<Matter> append_control(std::string& out, xml::Element child, const core::Stanza& message, Once& once) {
  const auto* rule = find_rule(child, control);
  if (rule != nullptr && (is_empty_element(child) || rule->matter == Matter::invitation)) {  // its reason is left out
    if (!once.first(*rule)) return Matter::aside;
    return append_by_rule(out, child, *rule, message) ? std::optional(rule->matter) : std::nullopt;
  }
  if (append_call(out, child)) return Matter::call;
  if (append_mediated_invite(out, child)) return Matter::invitation;
  if (append_fastened_retraction(out, child)) return Matter::retraction;
  return std::nullopt;
}

// Without a seal only control elements pass, of one matter; anything that could hold text refuses the whole.
void rebuild_control(const core::Stanza& message, Rebuilt& out) {
  bool body = message.root().has_visible_text();
  bool thread = false;
  bool sign = false;
  unsigned matters = 0;
  std::optional<Matter> matter;
  Once once;
  for (const auto child : message.root().children()) {
    if (child.is_text()) continue;
    if (child.is("body", ns::client) || child.is("fallback", fallback)) {
      body = true;  // a retraction brings its own sentence for old clients: dropped; alone it is plain text
    } else if (child.is("thread", ns::client) || child.is("encryption", eme) || is_servers_own(child)) {
      const bool kept = !thread && append_thread(out.children, child);
      thread = thread || kept;
      if (!kept) ++out.stripped;
    } else if (const auto found = append_control(out.children, child, message, once)) {
      sign = sign || *found == Matter::sign;
      if (*found == Matter::aside || *found == Matter::sign) continue;
      matter = found;
      ++matters;
    } else {
      const bool subject = message.type == "groupchat" && child.is("subject", ns::client);
      out.refused = subject ? Reason::subject : reason_for(child);
    }
  }
  const bool retraction = matter == Matter::retraction;
  if (body && !retraction && out.refused != Reason::reaction && out.refused != Reason::file)
    out.refused = Reason::plaintext;
  if (!out.refused && (matters > 1 || (!sign && matters == 0))) out.refused = Reason::plaintext;
  if (matter == Matter::invitation && message.type == "groupchat") out.refused = Reason::plaintext;
  if (retraction && out.children.find("<store ") == std::string::npos) {
    xml::Writer(out.children).element("store", ns::hints);  // so that it is archived like what it takes back
  }
}

}  // namespace

void canonicalise(core::Stanza& stanza) {
  // RFC 6121 §5.2.2: an unknown type is "normal".
  static constexpr std::string_view types[] = {"chat", "error", "groupchat", "headline", "normal"};
  if (stanza.kind == core::Kind::message && std::ranges::find(types, stanza.type) == std::end(types))
    stanza.type.clear();
  if (!is_token(stanza.id)) stanza.id.clear();
  if (!is_language(stanza.lang)) stanza.lang.clear();
}

Rebuilt rebuild_message(const core::Stanza& message) {
  Rebuilt out;
  out.children.reserve(message.size + 64);
  if (message.type == "headline") {  // only the server's own and PEP events
    out.refused = Reason::plaintext;
    return out;
  }
  if (!check_seals(message, out)) return out;
  if (out.seal.form != core::Seal::Form::none) {
    rebuild_sealed(message, out);
  } else {
    rebuild_control(message, out);
  }
  return out;
}

std::string rebuild_error(const core::Stanza& stanza) {
  static constexpr std::string_view conditions[] = {"bad-request",
                                                    "conflict",
                                                    "feature-not-implemented",
                                                    "forbidden",
                                                    "gone",
                                                    "internal-server-error",
                                                    "item-not-found",
                                                    "jid-malformed",
                                                    "not-acceptable",
                                                    "not-allowed",
                                                    "not-authorized",
                                                    "policy-violation",
                                                    "recipient-unavailable",
                                                    "redirect",
                                                    "registration-required",
                                                    "remote-server-not-found",
                                                    "remote-server-timeout",
                                                    "resource-constraint",
                                                    "service-unavailable",
                                                    "subscription-required",
                                                    "undefined-condition",
                                                    "unexpected-request"};
  std::string_view condition = "undefined-condition";
  std::string_view type = "cancel";
  if (const auto error = stanza.child("error", ns::client)) {
    for (const auto known : {"auth", "cancel", "continue", "modify", "wait"}) {
      if (error.attribute_or_empty("type") == known) type = known;
    }
    for (const auto known : conditions) {
      if (error.child(known, ns::stanza_errors)) condition = known;
    }
  }
  std::string out;
  xml::Writer(out).open("error").attribute("type", type).element(condition, ns::stanza_errors).close();
  return out;
}

}  // namespace valise::modules::omemo
