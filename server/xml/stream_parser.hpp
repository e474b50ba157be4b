// The stream parser (RFC 6120 §4, §11): bytes in, whole stanzas out, over expat, with every limit of docs/security.md
// §3.
//
// An idle stream owns no expat parser: at depth 1 with nothing buffered, rest() ends it; the next byte takes another
// one, replays the stream header's namespaces into it and goes on. For text of the server's own each thread has a pool.
// expat ≥ 2.5.0-1+deb12u1 defers re-parsing of unfinished tokens, which would report a stanza that came in two reads
// late or never: deferral is switched off after each create and reset, and input is coalesced here instead (it is fed
// when it holds a '>' that can end a token, or has doubled), so that a long token in small pieces stays linear.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "xml/document.hpp"

namespace valise::xml {

// All in bytes or counts. What is greater ends the stream; the soft ones skip and bounce the stanza first, and end the
// stream beyond twice the limit.
struct StreamLimits {
  std::uint32_t stanza = 262'144;   // soft
  std::uint32_t token = 65'536;     // one tag with its attributes
  std::uint32_t depth = 64;         // soft; the stanza itself counts 1, its children 2
  std::uint32_t attributes = 64;    // soft; of one element
  std::uint32_t children = 10'000;  // soft; nodes of one stanza
  std::uint32_t namespaces = 64;    // declarations in one stanza
};

struct StreamHeader {
  std::string name, ns, content_ns;  // of the root element; content_ns: the default namespace
  std::string stream_prefix;         // the prefix of the root element
  std::string to, from, version, lang, id;
};

// What is known of a stanza that was too large to keep, or had too much in it.
struct OversizedStanza {
  std::string name, to, from, id, type;
};

// RFC 6120 §4.9.3: ends the stream.
struct StreamFault {
  std::string_view condition;  // "not-well-formed", "restricted-xml", …
  std::string text;
};

enum class ParserAction : std::uint8_t { go_on, restart };

class StreamEvents {
 public:
  virtual void on_header(const StreamHeader& header) = 0;
  // restart: the stream begins anew (after STARTTLS, SASL): what follows in this chunk is not parsed.
  virtual ParserAction on_stanza(DocumentPtr stanza) = 0;
  virtual void on_oversized(const OversizedStanza& stanza) = 0;
  virtual void on_end() = 0;  // </stream:stream>

 protected:
  ~StreamEvents() = default;
};

// Whose text is read: of a client's nothing stays in memory.
enum class TextOf : std::uint8_t { client, server };

class StreamParser {
 public:
  StreamParser(StreamEvents& events, const StreamLimits& limits, TextOf text = TextOf::client);
  ~StreamParser();
  StreamParser(const StreamParser&) = delete;
  StreamParser& operator=(const StreamParser&) = delete;

  // Consumes all of `bytes`, or up to and including the stanza that asked for a restart: the return value is the number
  // of bytes consumed.
  std::expected<std::size_t, StreamFault> feed(std::string_view bytes);
  // Forgets the stream: the next byte begins a new one. Limits may change with it.
  void restart(const StreamLimits& limits);
  void set_limits(const StreamLimits& limits) { limits_ = limits; }
  // Ends the expat parser if nothing is under way; true if there is none now.
  bool rest();
  // Something of a stanza has been read, but not its end.
  [[nodiscard]] bool in_stanza() const noexcept;
  [[nodiscard]] bool header_seen() const noexcept { return header_seen_; }
  // Bytes held for this stream beyond the object itself; what expat holds is an estimate.
  [[nodiscard]] std::size_t memory() const noexcept;
  // Of these, what the stream's own bytes need.
  [[nodiscard]] std::size_t used() const noexcept;

  struct Engine;

 private:
  friend struct Engine;
  void take_engine();

  StreamEvents& events_;
  StreamLimits limits_;  // a copy: the settings that it comes from may be replaced before the next bytes
  std::unique_ptr<Engine> engine_;
  std::string replay_;  // a header with the same namespaces, for a fresh engine
  std::string pending_;
  bool header_seen_ = false;
  TextOf text_;
};

}  // namespace valise::xml
