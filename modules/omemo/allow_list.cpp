#include "modules/omemo/allow_list.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/namespaces.hpp"
#include "modules/omemo/elements.hpp"
#include "modules/omemo/table/table.hpp"
#include "modules/omemo/values.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;
using table::Form;
using table::Matter;
using table::MessageRow;
using table::Place;
using table::Verdict;

constexpr std::string_view fallback_body = "Message chiffré OMEMO / OMEMO-encrypted message";

bool is_seal(xml::Element element) {
  return element.name() == "encrypted" && table::message_row(element.name(), element.ns()).form == Form::seal;
}

// Each element once: a row of hints or chat states spells words, too.
class Once {
 public:
  [[nodiscard]] bool has(const MessageRow& row) const { return seen_[place_of(row)]; }
  void add(const MessageRow& row) { seen_[place_of(row)] = true; }

 private:
  static std::size_t place_of(const MessageRow& row) {
    return static_cast<std::size_t>(&row - table::message_rows().data());
  }
  std::array<bool, table::most_message_rows> seen_{};
};

// It stood there before, and is left out: beside a seal whatever it is, alone what says nothing new. Of calls and the
// like a second one is another matter.
bool is_repetition(const MessageRow& row, xml::Element element, Place place) {
  if (place == Place::beside || row.form == Form::direct_invitation || row.form == Form::thread) return true;
  return row.form == Form::empty && is_empty_element(element);
}

// What became of an element, and the row that said so.
struct Done {
  Verdict verdict;
  const MessageRow* row;
};

Done carry_out(std::string& out, xml::Element element, Place place, const core::Stanza& message,
               core::Switches switches, Once& once) {
  const auto name = element.name();
  const auto space = element.ns();
  Done done{Verdict::refuse, nullptr};
  for (const auto* row = &table::message_row(name, space); row != nullptr; row = table::next_row(*row, name, space)) {
    done = {table::verdict_of(*row, place, switches), row};
    if (done.verdict != Verdict::pass) continue;
    if (row->form == Form::seal) {  // check_seals has found it valid
      if (is_for_nobody(element)) return {Verdict::strip, row};
      append_encrypted(out, element);
      return done;
    }
    if (once.has(*row) && is_repetition(*row, element, place)) {
      return {place == Place::beside ? row->unfit_beside : Verdict::strip, row};
    }
    if (append_as(out, element, *row, message)) {
      once.add(*row);
      return done;
    }
    done.verdict = place == Place::beside ? row->unfit_beside : row->unfit;
  }
  return done;
}

// Validates all <encrypted/>; docs/sealed.md D8. False: `out.refused` says why.
bool check_seals(const core::Stanza& message, Rebuilt& out) {
  bool seen[2] = {false, false};
  bool for_nobody = false;
  for (const auto child : message.root().children()) {
    if (!is_seal(child)) continue;
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
void rebuild_sealed(const core::Stanza& message, core::Switches switches, Rebuilt& out) {
  bool body = false;
  bool encryption = false;
  Once once;
  for (const auto child : message.root().children()) {
    if (child.is_text()) continue;
    const auto [verdict, row] = carry_out(out.children, child, Place::beside, message, switches, once);
    if (verdict == Verdict::replace) {
      body = body || row->form == Form::body;
      encryption = encryption || row->form == Form::encryption;
    } else if (verdict == Verdict::refuse) {
      out.refused = Reason::label;  // the one thing whose absence would be believed
    } else if (verdict != Verdict::pass) {
      ++out.stripped;
    }
  }
  const bool newest_is_2 = out.seal.form != core::Seal::Form::legacy;
  if (encryption) {
    xml::Writer(out.children)
        .open("encryption", "urn:xmpp:eme:0")
        .attribute("namespace", newest_is_2 ? ns::omemo_2 : ns::omemo_legacy)
        .attribute("name", newest_is_2 ? "OMEMO 2" : "OMEMO")
        .close();
  }
  // One constant sentence instead of whatever stood there: it can carry nothing.
  if (body && out.seal.has_payload) xml::Writer(out.children).element("body", {}, fallback_body);
}

Reason refused_by(const MessageRow& row, const core::Stanza& message) {
  switch (row.because) {
    case table::Because::reaction:
      return Reason::reaction;
    case table::Because::file:
      return Reason::file;
    case table::Because::subject:
      return message.type == "groupchat" ? Reason::subject : Reason::plaintext;
    case table::Because::plaintext:
      break;
  }
  return Reason::plaintext;
}

// A retraction brings its own sentence for old clients, which is dropped; alone it is plain text.
bool is_sentence(const MessageRow& row) {
  return row.form == Form::body || row.form == Form::fallback || row.form == Form::reply_fallback;
}

// Without a seal only control elements pass, of one matter; anything that could hold text refuses the whole.
void rebuild_control(const core::Stanza& message, core::Switches switches, Rebuilt& out) {
  bool body = message.root().has_visible_text();
  bool sign = false;
  unsigned matters = 0;
  std::optional<Matter> matter;
  Once once;
  for (const auto child : message.root().children()) {
    if (child.is_text()) continue;
    const auto [verdict, row] = carry_out(out.children, child, Place::alone, message, switches, once);
    if (verdict == Verdict::pass) {
      sign = sign || row->matter == Matter::sign;
      if (row->matter == Matter::aside || row->matter == Matter::sign) continue;
      matter = row->matter;
      ++matters;
    } else if (verdict != Verdict::refuse) {
      ++out.stripped;
    } else if (is_sentence(*row)) {
      body = true;
    } else {
      out.refused = refused_by(*row, message);
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

Rebuilt rebuild_message(const core::Stanza& message, core::Switches switches) {
  Rebuilt out;
  out.children.reserve(message.size + 64);
  if (message.type == "headline") {  // only the server's own and PEP events
    out.refused = Reason::plaintext;
    return out;
  }
  if (!check_seals(message, out)) return out;
  if (out.seal.form != core::Seal::Form::none) {
    rebuild_sealed(message, switches, out);
  } else {
    rebuild_control(message, switches, out);
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
