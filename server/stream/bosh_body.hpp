// <body/> of BOSH (XEP-0124 §6): what it says, and the elements in it. Read by the stream parser, within its limits.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "xml/stream_parser.hpp"

namespace valise::stream {

inline constexpr std::uint64_t highest_rid = 9'007'199'254'740'991;  // §14.1

struct BoshBody {
  std::uint64_t rid = 0;
  std::string sid, to, from, lang, content, type, key, newkey;
  std::string version;                               // of XMPP: xmpp:version
  std::optional<std::pair<unsigned, unsigned>> ver;  // of BOSH
  std::optional<std::uint64_t> ack;
  std::optional<unsigned> wait, hold, pause;
  bool restart = false;
  using Payload = std::variant<xml::DocumentPtr, xml::OversizedStanza>;
  std::vector<Payload> payloads;
  std::size_t bytes = 0;
};

// `limits_of` is asked once, when the wrapper's attributes are known and before any payload is read. Nothing: it is no
// such body (§17.2: bad-request): not well-formed, restricted XML, text between payloads, a number that is none, a
// stanza beyond the hard limits.
[[nodiscard]] std::optional<BoshBody> parse_bosh_body(
    std::string_view bytes, const std::function<xml::StreamLimits(const BoshBody&)>& limits_of);

}  // namespace valise::stream
