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

// The numbers of the first eight are older than the others' order: a new one is added at the end.
enum class Event : std::uint8_t {
  message,
  presence,
  iq,
  login,
  session,
  registration,
  publish,
  unsealed,
  subscription,  // a presence
  device,        // a publication
  invitation,
  room_creation,
  room_join,
  room_message,
  room_configuration,
  upload,
  mail_in,
  mail_out,
  federation_in,
  federation_out,
  record,
  archive,
};
inline constexpr std::size_t event_count = 22;
inline constexpr std::array<std::string_view, event_count> event_names{
    "message",      "presence",      "iq",        "login",         "session",
    "registration", "publish",       "unsealed",  "subscription",  "device",
    "invitation",   "room_creation", "room_join", "room_message",  "room_configuration",
    "upload",       "mail_in",       "mail_out",  "federation_in", "federation_out",
    "record",       "archive"};

// A presence that asks for or grants a subscription is a `subscription`, the publication of an OMEMO device list a
// `device`; any other event is what it is.
[[nodiscard]] Event exact_event(Event event, std::string_view type, std::string_view payload) noexcept;
// What Kind names it as well: a subscription is a presence, a device a publication.
[[nodiscard]] constexpr Event wider_event(Event event) noexcept {
  return event == Event::subscription ? Event::presence : event == Event::device ? Event::publish : event;
}

// Asked about beside other events: a rule about everything would count and decide twice.
[[nodiscard]] constexpr bool stands_alone(Event event) noexcept {
  return event == Event::unsealed || event == Event::record || event == Event::archive;
}

// The kinds of records in the audit log (core/audit/record.hpp), which Type names of a `record`.
inline constexpr std::array<std::string_view, 14> record_kinds{
    "message", "presence", "login",     "logout", "login-failed", "denied",       "admin",
    "start",   "stop",     "recovered", "passed", "report",       "omemo-device", "void"};

// The values of sealed.mode, the stricter first.
inline constexpr std::array<std::string_view, 3> mode_names{"required", "warn", "off"};

// out: at the sender, before the stanza goes to the recipient's shard; in: at the recipient.
enum class Direction : std::uint8_t { in, out };
inline constexpr std::array<std::string_view, 2> direction_names{"in", "out"};

enum class Omemo : std::uint8_t { none, legacy, v2 };  // legacy: eu.siacs.conversations.axolotl
inline constexpr std::array<std::string_view, 3> omemo_names{"none", "legacy", "2"};

// Two bits an event: in, out.
using EventMask = std::uint64_t;
inline constexpr EventMask all_in = 0x5555'5555'5555'5555;
inline constexpr EventMask all_out = all_in << 1;
inline constexpr EventMask all_events = all_in | all_out;
[[nodiscard]] constexpr EventMask mask_of(Event event) noexcept {
  return EventMask{3} << 2 * static_cast<unsigned>(event);
}
[[nodiscard]] constexpr EventMask mask_of(Direction direction) noexcept {
  return direction == Direction::in ? all_in : all_out;
}

// RFC 6121 §2.1.2.5, seen from the account that the direction names.
inline constexpr std::array<std::string_view, 4> subscription_names{"none", "to", "from", "both"};

// Of an element the label only: its attributes and text are nobody's business here.
struct ElementName {
  std::string_view name;
  std::string_view ns;
};

// An address as 16 bytes; IPv4 as ::ffff:a.b.c.d.
struct IpAddress {
  std::array<unsigned char, 16> bytes{};
  bool known = false;
  // "192.0.2.1" or "2001:db8::1"; nullopt if it is neither.
  static std::optional<IpAddress> parse(std::string_view text);
  // "192.0.2.1:5", "[2001:db8::1]:5", or an address alone, as records have it; not known if it is none.
  static IpAddress of_source(std::string_view text);
  [[nodiscard]] std::string text() const;
};

// A normalised JID in its parts; all empty if the event has none.
struct Party {
  std::string_view bare;
  std::string_view domain;
  std::string_view resource;
};

// Of an account or host, bare, as records have it.
[[nodiscard]] Party party_of(std::string_view bare, std::string_view resource) noexcept;
// "TLSv1.3": 1.3.
[[nodiscard]] std::string_view tls_number(std::string_view version) noexcept;
// An address where nothing normalises it: ASCII letters to lower case, but in a resource.
[[nodiscard]] std::string lower_address(std::string_view jid);

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
  std::span<const ElementName> children;   // of a stanza, in its order

  // -- of the local account that the direction names (out: the sender's, in: the recipient's) and the other one
  std::string_view subscription;               // of subscription_names; empty: no contact, or nobody's account
  bool asked = false;                          // it asked the other for a subscription, which is not answered
  bool pending = false;                        // the other asked it, likewise
  bool shown = false;                          // one of its sessions shows the other its presence
  std::span<const std::string> roster_groups;  // in which the other stands there
  std::uint32_t sessions = 0;                  // bound ones of that account, at `session` without the new one
  // -- of whoever acts; not known at the recipient
  std::string_view client;         // what its software calls itself (XEP-0115 §4: a URI)
  std::int64_t device_age_s = -1;  // since the device `sid` was first seen; -1: not known
  // -- of both
  bool from_local = false, to_local = false;  // a host of this server
  bool from_admin = false, to_admin = false;  // administers the host that is concerned
  // -- of one kind of event
  std::uint32_t devices = 0, new_devices = 0;  // device: in the list, and of these not in the one before
  std::uint32_t uses = 0;                      // invitation: so many may come by it
  std::string_view label;                      // message: classification (XEP-0258), by its short name; empty: none
  // -- of features that are to come
  std::string_view affiliation;  // in the room
  std::uint32_t occupants = 0;   // room_join: there already
  std::string_view datacenter;   // where whoever acts is connected

  std::int64_t now_ms = 0;  // monotonic; rates
  // Local time at the server's place: 0 = Monday 00:00 … 10,079 = Sunday 23:59.
  std::uint16_t minute_of_week = 0;
  std::int32_t day = 0;  // the local date, in days since 1970-01-01
};

}  // namespace valise::policy
