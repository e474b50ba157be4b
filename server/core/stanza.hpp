// A message, presence or iq on its way through the server. One shard owns and may change it until it is handed on;
// from then on it is only read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/ref.hpp"
#include "core/jid/jid.hpp"
#include "core/label.hpp"
#include "core/text.hpp"
#include "xml/document.hpp"

namespace valise::core {

enum class Kind : std::uint8_t { message, presence, iq };
[[nodiscard]] std::string_view name_of(Kind kind) noexcept;

// How a message is sealed (set by modules/omemo; metadata only).
struct Seal {
  enum class Form : std::uint8_t { none, legacy, omemo_2, both };
  Form form = Form::none;
  bool has_payload = false;
  std::uint32_t sender_device = 0;
  std::uint32_t keys = 0;
  std::uint32_t prekeys = 0;        // of these: that begin a session
  std::uint32_t payload_bytes = 0;  // of the longest sealed payload
};

// RFC 6120 §8.3: what is answered when a stanza can't be handled. Views must be literals or outlive the error.
struct StanzaError {
  enum class Type : std::uint8_t { auth, cancel, continue_, modify, wait };
  Type type = Type::cancel;
  std::string_view condition = "internal-server-error";
  Text text{};
  std::string application{};  // one more child of <error/>: an application-specific condition, as XML
  std::string text_fr{};      // texts made at run time; they win over `text`
  std::string text_en{};
  std::string address{};  // §8.3.3.5, §8.3.3.14: of gone and redirect, a URI
  int legacy_code = 0;    // RFC 6120 has none; a few clients still look for it
};

// RFC 6120 §8.3.3.19. One text everywhere: nobody may learn from it whether an account exists (RFC 6121 §8.5.1).
extern const StanzaError service_unavailable;
// §8.3.3.18, type wait: the store or the log can't take it now.
extern const StanzaError store_away;

struct Stanza : RefCounted<Stanza> {
  Kind kind = Kind::message;
  Jid from;
  std::optional<Jid> to;
  std::string type;  // as sent; empty: none
  std::string id;
  std::string lang;
  xml::DocumentPtr document;  // as it came; null for what the server made
  // The children as XML in the content namespace. Of a received stanza that no hook changed it is empty, and the
  // document's own bytes are sent on.
  std::string children;
  bool rewritten = false;
  Seal seal;
  Ref<const Label> label;  // of a message: the one of its sender's catalogue that it carries (modules/labels)
  std::uint32_t size = 0;  // bytes as received; 0 for what the server made

  [[nodiscard]] xml::Element root() const noexcept { return document ? document->root() : xml::Element(); }
  [[nodiscard]] bool is_error() const noexcept { return type == "error"; }
  // About, while it waits.
  [[nodiscard]] std::size_t memory() const noexcept {
    return sizeof *this + (document ? document->memory() : 0) + children.capacity();
  }
  // A child of a received stanza.
  [[nodiscard]] xml::Element child(std::string_view name, std::string_view ns) const noexcept {
    return root().child(name, ns);
  }
  // First child element of a received stanza.
  [[nodiscard]] xml::Element payload() const noexcept { return root().first_element(); }
  // Replaces all children by `xml`.
  void rewrite(std::string xml);

  void append_children(std::string& out) const;
  // Writes the stanza; `to`: the address to write instead of the stanza's own; `extra`: XML behind the children
  // (stamps that differ by receiver).
  void append(std::string& out, const Jid* other_to = nullptr, std::string_view extra = {}) const;
  // The same inside of <forwarded/> (XEP-0297 §3.2: the namespace is said).
  void append_forwarded(std::string& out, std::string_view extra) const;

 private:
  void write(std::string& out, std::string_view xmlns, const Jid* other_to, std::string_view extra) const;
};
using StanzaPtr = Ref<Stanza>;

// From a parsed stanza. Nothing for an element that is no stanza. `from` is left empty: the stream stamps it.
// An unparsable `to` is an error: RFC 6120 §8.3.3.8 jid-malformed.
[[nodiscard]] Result<StanzaPtr> make_stanza(xml::DocumentPtr document);

// The same with other children, of which nobody else holds it.
[[nodiscard]] StanzaPtr with_children(const Stanza& stanza, std::string children);
// The same, written anew; nobody else holds it.
[[nodiscard]] StanzaPtr copy_of(const Stanza& stanza);
// The same without the document that it was parsed from, for where it waits long: a third of the memory. Nothing can be
// looked up in it any more (root(), child()); it says the same.
[[nodiscard]] StanzaPtr without_document(const StanzaPtr& stanza);

// Server-made ones.
[[nodiscard]] StanzaPtr make_iq(std::string type, std::string id, Jid from, Jid to, std::string children);
[[nodiscard]] StanzaPtr make_message(std::string type, Jid from, Jid to, std::string children);
[[nodiscard]] StanzaPtr make_presence(std::string type, Jid from, Jid to, std::string children = {});

// The error reply to `original` (addresses swapped, id kept, no echo: docs/sealed.md D9). `by`: who refuses; may be
// null.
[[nodiscard]] StanzaPtr make_error(const Stanza& original, const StanzaError& error, Language language);
// <stanza-id/> (XEP-0359).
[[nodiscard]] std::string stanza_id(std::uint64_t id, const Jid& by);
// Just the <error/> element.
void append_error(std::string& out, const StanzaError& error, Language language, std::string_view by = {});

}  // namespace valise::core
