// What a policy may know of an event. Plain values and views: whoever asks fills them from the stanza or the session,
// so this layer knows neither. Never payload bytes (docs/sealed.md 3.1: the label, not the letter).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace valise::policy {

enum class Event : std::uint8_t { message, presence, iq, login, session, registration, publish, unsealed };
inline constexpr std::array<std::string_view, 8> event_names{"message", "presence",     "iq",      "login",
                                                             "session", "registration", "publish", "unsealed"};

// The values of sealed.mode, the stricter first.
inline constexpr std::array<std::string_view, 3> mode_names{"required", "warn", "off"};

// out: at the sender, before the stanza goes to the recipient's shard; in: at the recipient.
enum class Direction : std::uint8_t { in, out };
inline constexpr std::array<std::string_view, 2> direction_names{"in", "out"};

enum class Omemo : std::uint8_t { none, legacy, v2 };  // legacy: eu.siacs.conversations.axolotl
inline constexpr std::array<std::string_view, 3> omemo_names{"none", "legacy", "2"};

// An address as 16 bytes; IPv4 as ::ffff:a.b.c.d.
struct IpAddress {
  std::array<unsigned char, 16> bytes{};
  bool known = false;
  // "192.0.2.1" or "2001:db8::1"; nullopt if it is neither.
  static std::optional<IpAddress> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
};

// A normalised JID in its parts; all empty if the event has none.
struct Party {
  std::string_view bare;
  std::string_view domain;
  std::string_view resource;
};

// Views need to live as long as the call of `decide`.
struct Facts {
  Event event = Event::message;
  Direction direction = Direction::out;
  std::string_view host;  // the host of this server that is concerned
  Party from;
  Party to;
  std::string_view type;         // with RFC 6121's default filled in ("normal", "available")
  std::string_view payload;      // namespace of an iq's child, of a published item's node or payload
  std::size_t size = 0;          // bytes of the stanza as sent
  std::string_view sealed_mode;  // of mode_names, what holds for it; empty: none does
  std::string_view unsealed;  // why it is refused where content has to be sealed; of others than `unsealed`: it passed
  bool sealed = false;        // a structurally valid OMEMO message
  Omemo omemo = Omemo::none;
  std::uint32_t sid = 0;   // sender's device id
  std::uint32_t keys = 0;  // <key/> elements, and of these with prekey
  std::uint32_t prekeys = 0;
  std::uint32_t unknown_devices = 0;       // keys for device ids that no list names; known at the recipient only
  std::size_t sealed_length = 0;           // bytes of the sealed payload
  IpAddress ip;                            // of the session; not known for stanzas from other shards
  std::string_view mechanism;              // SASL mechanism of the session
  std::string_view tls;                    // "1.2", "1.3"
  std::string_view language;               // xml:lang of the stream
  std::span<const std::string_view> tags;  // what the account or session carries: "guest", "admin", …
  std::int64_t now_ms = 0;                 // monotonic; rates
  // Local time at the server's place: 0 = Monday 00:00 … 10,079 = Sunday 23:59.
  std::uint16_t minute_of_week = 0;
};

}  // namespace valise::policy
