// Cuts a server's stream into its header and its top-level elements, and reads attributes of an element's first tag.
// Not an XML parser: it knows what XMPP allows (no comments, no DTD, no CDATA from the servers measured) and calls
// anything else broken. Quoted attribute values may hold '>' and '/'.
#pragma once

#include <cstdint>
#include <string_view>

namespace valise::bench {

enum class Piece : std::uint8_t { more, header, element, end, broken };

class StanzaScanner {
 public:
  // Looks at `bytes` from `position`. On header and element: `text` is the piece, `position` stands behind it. On
  // more: `position` stands at the start of what is incomplete; call again with those bytes and what follows.
  [[nodiscard]] Piece next(std::string_view bytes, std::size_t& position, std::string_view& text);
  // The stream starts anew (after STARTTLS and SASL).
  void restart() noexcept { inside_ = false; }
  // No header is expected: the relay forwards bare stanzas.
  void skip_header() noexcept { inside_ = true; }

 private:
  bool inside_ = false;  // the stream header has been seen
};

// "message" for "<message to='…'>…".
[[nodiscard]] std::string_view element_name(std::string_view element) noexcept;
// The raw value (entities as they are) of an attribute of the first tag; empty when absent.
[[nodiscard]] std::string_view attribute(std::string_view element, std::string_view name) noexcept;

}  // namespace valise::bench
