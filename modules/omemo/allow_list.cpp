#include "modules/omemo/allow_list.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "core/namespaces.hpp"
#include "modules/omemo/encrypted.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;

constexpr std::string_view fallback_body = "Message chiffré OMEMO / OMEMO-encrypted message";
constexpr std::string_view eme = "urn:xmpp:eme:0";
constexpr std::string_view receipts = "urn:xmpp:receipts";
constexpr std::string_view markers = "urn:xmpp:chat-markers:0";
constexpr std::string_view chat_states = "http://jabber.org/protocol/chatstates";
constexpr std::string_view jingle_message = "urn:xmpp:jingle-message:0";
constexpr std::string_view muc_user = "http://jabber.org/protocol/muc#user";
constexpr std::string_view conference = "jabber:x:conference";
constexpr std::string_view reactions = "urn:xmpp:reactions:0";
constexpr std::string_view fallback = "urn:xmpp:fallback:0";
constexpr std::string_view reply_ns = "urn:xmpp:reply:0";

// Where an element may stand.
enum Place : unsigned { sealed = 1, control = 2, anywhere = 3 };

// An element without children and text, with these attributes and no other; each a token (ids, JIDs, numbers).
struct Rule {
  std::string_view name;
  std::string_view ns;
  Place place;
  std::array<std::string_view, 4> attributes{};
};

constexpr Rule rules[] = {
    {"store", ns::hints, anywhere},
    {"no-store", ns::hints, anywhere},
    {"no-copy", ns::hints, anywhere},
    {"no-permanent-store", ns::hints, anywhere},
    {"origin-id", ns::stanza_ids, anywhere, {"id"}},
    {"request", receipts, anywhere},
    {"received", receipts, anywhere, {"id"}},
    {"markable", markers, anywhere},
    {"received", markers, anywhere, {"id"}},
    {"displayed", markers, anywhere, {"id"}},
    {"acknowledged", markers, anywhere, {"id"}},
    {"active", chat_states, anywhere},
    {"composing", chat_states, anywhere},
    {"paused", chat_states, anywhere},
    {"inactive", chat_states, anywhere},
    {"gone", chat_states, anywhere},
    {"attention", "urn:xmpp:attention:0", sealed},
    {"private", "urn:xmpp:carbons:2", anywhere},
    {"x", muc_user, sealed},
    {"replace", "urn:xmpp:message-correct:0", sealed, {"id"}},
    {"reply", reply_ns, sealed, {"id", "to"}},
    {"retract", "urn:xmpp:message-retract:1", control, {"id"}},
    {"retract", "urn:xmpp:message-retract:0", control, {"id"}},
    {"reactions", reactions, control, {"id"}},  // without a reaction: takes an earlier one back
    {"ringing", jingle_message, control, {"id"}},
    {"reject", jingle_message, control, {"id"}},
    {"retract", jingle_message, control, {"id"}},
    {"accept", jingle_message, control, {"id"}},
    {"finish", jingle_message, control, {"id"}},
    {"x", conference, control, {"jid", "password", "continue", "thread"}},
};

bool is_token(std::string_view text, std::size_t limit = 128) {
  return text.size() <= limit && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

// JIDs may hold any letter, but no control character.
bool is_address(std::string_view text) {
  return text.size() <= 3071 && std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
}

bool is_empty_element(xml::Element element) { return !element.first_element() && !element.has_visible_text(); }

void append_by_rule(std::string& out, xml::Element element, const Rule& rule) {
  xml::Writer writer(out);
  writer.open(rule.name, rule.ns);
  for (const auto name : rule.attributes) {
    if (name.empty()) break;
    const auto value = element.attribute(name);
    if (!value) continue;
    if (name == "jid" || name == "to" ? is_address(*value) : is_token(*value, name == "password" ? 64 : 128)) {
      writer.attribute(name, *value);
    }
  }
  writer.close();
}

const Rule* find_rule(xml::Element element, Place place) {
  for (const auto& rule : rules) {
    if ((rule.place & place) != 0 && element.name() == rule.name && element.ns() == rule.ns) return &rule;
  }
  return nullptr;
}

// Call set-up: ids and media only. <propose id><description media/></propose>, <proceed id><device id/></proceed>.
bool append_call(std::string& out, xml::Element element) {
  const bool propose = element.name() == "propose";
  if (element.ns() != jingle_message || (!propose && element.name() != "proceed")) return false;
  const auto id = element.attribute_or_empty("id");
  if (!is_token(id)) return false;
  xml::Writer writer(out);
  writer.open(element.name(), jingle_message).attribute("id", id);
  for (const auto child : element.children()) {
    if (child.is("description", "urn:xmpp:jingle:apps:rtp:1") && propose) {
      const auto media = child.attribute_or_empty("media");
      if (media == "audio" || media == "video") {
        writer.open("description", child.ns()).attribute("media", media).close();
      }
    } else if (child.is("device", "http://gultsch.de/xmpp/drafts/omemo/dlts-srtp-verification") && !propose) {
      const auto device = child.attribute_or_empty("id");
      if (is_token(device, 10)) writer.open("device", child.ns()).attribute("id", device).close();
    }
  }
  writer.close();
  return true;
}

// <x xmlns='…muc#user'><invite to/></x> and <decline to/>: the free-text reason is left out.
bool append_mediated_invite(std::string& out, xml::Element element) {
  if (!element.is("x", muc_user)) return false;
  const auto first = element.first_element();
  if (!first || (first.name() != "invite" && first.name() != "decline")) return false;
  const auto to = first.attribute_or_empty("to");
  if (!is_address(to)) return false;
  xml::Writer(out).open("x", muc_user).open(first.name()).attribute("to", to).close().close();
  return true;
}

// XEP-0428 beside a payload: which part of the (sealed) body is a quote. Numbers only.
bool append_fallback(std::string& out, xml::Element element) {
  if (!element.is("fallback", fallback)) return false;
  const auto for_ns = element.attribute_or_empty("for");
  if (for_ns != reply_ns && for_ns != ns::omemo_2 && for_ns != "urn:xmpp:message-retract:1") return false;
  xml::Writer writer(out);
  writer.open("fallback", fallback).attribute("for", for_ns);
  for (const auto child : element.children()) {
    if (!child.is("body", fallback) && !child.is("subject", fallback)) continue;
    writer.open(child.name());
    for (const auto name : {"start", "end"}) {
      const auto value = child.attribute_or_empty(name);
      if (!value.empty() && value.size() < 8 && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
        writer.attribute(name, value);
      }
    }
    writer.close();
  }
  writer.close();
  return true;
}

bool append_thread(std::string& out, xml::Element element) {
  if (!element.is("thread", ns::client)) return false;
  const auto text = element.single_text();
  const bool token = text && !text->empty() && text->size() <= 64 && std::ranges::all_of(*text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
  });
  if (token) xml::Writer(out).element("thread", {}, *text);
  return token;
}

// The bytes that came in where they are innocent (decision D1), else written anew.
void append_encrypted(std::string& out, xml::Element element) {
  const bool plain = element.document()->raw_is_portable() && element.declares_ns() &&
                     element.raw().find('&') == std::string_view::npos;
  if (plain) {
    out += element.raw();
  } else {
    xml::append_tree(out, element, ns::client);
  }
}

bool is_encrypted(xml::Element element) {
  return element.name() == "encrypted" && (element.ns() == ns::omemo_legacy || element.ns() == ns::omemo_2);
}

// What the server alone may say: left out silently wherever a client says it (XEP-0359 and kin: spoofing).
bool is_servers_own(xml::Element element) {
  return element.is("stanza-id", ns::stanza_ids) || element.is("delay", ns::delay) ||
         element.is("occupant-id", "urn:xmpp:occupant-id:0") || element.is("addresses", "http://jabber.org/protocol/address");
}

// Validates all <encrypted/>; decision D8. False: `out.refused` says why.
bool check_seals(const core::Stanza& message, Rebuilt& out) {
  bool seen[2] = {false, false};
  for (const auto child : message.root().children()) {
    if (!is_encrypted(child)) continue;
    Envelope envelope;
    const auto* why = check_envelope(child, {}, envelope);
    auto& twice = seen[envelope.version == Version::omemo_2 ? 1 : 0];
    if (why == nullptr && twice) why = "two of one version";
    if (why != nullptr) {
      out.detail = why;
      out.refused = Reason::malformed;
      return false;
    }
    twice = true;
    out.seal.form = seen[0] && seen[1] ? core::Seal::Form::both
                    : seen[1]          ? core::Seal::Form::omemo_2
                                       : core::Seal::Form::legacy;
    out.seal.has_payload = out.seal.has_payload || envelope.has_payload;
    out.seal.sender_device = envelope.sender_device;
    out.seal.keys += envelope.keys;
  }
  return true;
}

// Beside a valid seal: what is not allowed is left out, the message survives.
void rebuild_sealed(const core::Stanza& message, Rebuilt& out) {
  bool body = false;
  bool encryption = false;
  for (const auto child : message.root().children()) {
    if (child.is_text()) continue;
    if (is_encrypted(child)) {
      append_encrypted(out.children, child);
    } else if (child.is("body", ns::client)) {
      body = true;
    } else if (child.is("encryption", eme)) {
      encryption = true;
    } else if (const auto* rule = find_rule(child, sealed); rule != nullptr && is_empty_element(child)) {
      append_by_rule(out.children, child, *rule);
    } else if (!append_fallback(out.children, child) && !append_thread(out.children, child)) {
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

// Without a seal only control elements pass; anything that could hold text refuses the whole.
void rebuild_control(const core::Stanza& message, Rebuilt& out) {
  bool retraction = false;
  bool body = message.root().has_visible_text();
  std::optional<Reason> refused;
  for (const auto child : message.root().children()) {
    if (child.is_text()) continue;
    if (child.is("body", ns::client) || child.is("fallback", fallback)) {
      body = true;  // a retraction brings its own sentence for old clients: dropped; alone it is plain text
    } else if (const auto* rule = find_rule(child, control); rule != nullptr && is_empty_element(child)) {
      retraction = retraction || (child.name() == "retract" && child.ns() != jingle_message);
      append_by_rule(out.children, child, *rule);
    } else if (append_call(out.children, child) || append_mediated_invite(out.children, child) ||
               append_thread(out.children, child)) {
      continue;
    } else if (child.is("thread", ns::client) || child.is("encryption", eme) || is_servers_own(child)) {
      ++out.stripped;
    } else if (child.is("x", conference)) {  // with a reason inside: only its attributes pass
      append_by_rule(out.children, child, *find_rule(child, control));
    } else {
      refused = reason_for(child);
      if (message.type == "groupchat" && child.is("subject", ns::client)) refused = Reason::subject;
    }
  }
  if (body && !retraction && !refused) refused = Reason::plaintext;
  if (body && refused && *refused == Reason::subject) refused = Reason::plaintext;
  out.refused = refused;
  if (retraction && out.children.find("<store ") == std::string::npos) {
    xml::Writer(out.children).element("store", ns::hints);  // so that it is archived like what it takes back
  }
}

}  // namespace

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
  static constexpr std::string_view conditions[] = {
      "bad-request", "conflict", "feature-not-implemented", "forbidden", "gone", "internal-server-error",
      "item-not-found", "jid-malformed", "not-acceptable", "not-allowed", "not-authorized", "policy-violation",
      "recipient-unavailable", "redirect", "registration-required", "remote-server-not-found",
      "remote-server-timeout", "resource-constraint", "service-unavailable", "subscription-required",
      "undefined-condition", "unexpected-request"};
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

namespace {
constexpr std::string_view readable[] = {ns::disco_info, ns::disco_items, ns::ping, "jabber:iq:version", "jabber:iq:last",
                                         "urn:xmpp:time", "vcard-temp", ns::pubsub};

bool is_any_of(std::string_view text, std::span<const std::string_view> list) {
  return std::ranges::find(list, text) != list.end();
}
}  // namespace

bool may_pass_request(const core::Stanza& iq) {
  const auto payload = iq.payload();
  if (iq.type == "get") return is_any_of(payload.ns(), readable) && !payload.has_visible_text();
  if (payload.ns() == ns::pubsub) {  // no publishing into somebody else's nodes
    const auto verb = payload.first_element();
    return verb.name() == "subscribe" || verb.name() == "unsubscribe" || verb.name() == "options";
  }
  if (payload.is("encrypted", ns::omemo_2)) {
    Envelope envelope;
    return check_envelope(payload, {}, envelope) == nullptr;
  }
  return false;
}

bool may_pass_answer(const core::Stanza& iq) {
  const auto payload = iq.payload();
  if (iq.type == "error" || !payload) return true;
  if (payload.is("encrypted", ns::omemo_2)) return may_pass_request(iq);
  return is_any_of(payload.ns(), readable);
}

std::string rebuild_presence(const core::Stanza& presence) {
  std::string out;
  const auto root = presence.root();
  const auto show = root.child("show", ns::client).text();
  for (const auto known : {"away", "chat", "dnd", "xa"}) {
    if (show == known) xml::Writer(out).element("show", {}, show);
  }
  const auto priority = root.child("priority", ns::client).text();
  const bool number = !priority.empty() && priority.size() <= 4 &&
                      priority.find_first_not_of("0123456789", priority[0] == '-' ? 1 : 0) == std::string::npos;
  if (number) xml::Writer(out).element("priority", {}, priority);
  if (const auto caps = root.child("c", ns::caps)) {
    xml::Writer writer(out);
    writer.open("c", ns::caps);
    for (const auto name : {"hash", "node", "ver"}) {
      const auto value = caps.attribute_or_empty(name);
      if (is_token(value)) writer.attribute_if(name, value);
    }
    writer.close();
  }
  if (const auto idle = root.child("idle", "urn:xmpp:idle:1")) {
    const auto since = idle.attribute_or_empty("since");
    if (is_token(since, 40)) xml::Writer(out).open("idle", "urn:xmpp:idle:1").attribute("since", since).close();
  }
  if (const auto update = root.child("x", "vcard-temp:x:update")) {
    const auto photo = update.child("photo", "vcard-temp:x:update");
    xml::Writer writer(out);
    writer.open("x", "vcard-temp:x:update");
    if (photo && photo.text().size() <= 64 && is_token(photo.text())) writer.element("photo", {}, photo.text());
    writer.close();
  }
  if (const auto nick = root.child("nick", "http://jabber.org/protocol/nick");
      nick && presence.type == "subscribe" && nick.text().size() <= 64) {
    xml::Writer(out).element("nick", nick.ns(), nick.text());
  }
  return out;
}

}  // namespace valise::modules::omemo
