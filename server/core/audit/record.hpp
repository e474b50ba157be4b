// One entry of the metadata audit log: the label of an event, never the letter. There is no field that could hold a
// body, a subject, a file name or key material; `reason` is reduced to a code when it is written, of a public key its
// hash stands there.
//
// Encoding: one JSON object, ASCII only, no white space, keys in the order below, empty and zero members left out
// (but for id and kind), so that the same record always gives the same bytes:
//   id rows kind from resource session source tls cipher mechanism to stanza type size encryption device identity keys
//   verdict reason rule cut
// `id` is a string (64 bits do not survive a JSON number). Whatever a user or peer chose is cut at 1,023 bytes (at a
// code point); `"cut":true` says that it happened. Sequence number and time stand in the leaf (segment.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/ref.hpp"

namespace valise::core::audit {

enum class Kind : std::uint8_t {
  message,
  presence,
  login,
  logout,
  login_failed,
  denied,
  admin,
  start,
  stop,
  recovered,     // rows were found without their record after a crash: this is it
  passed,        // a request that is not offered where content has to be sealed, and that a mode let through
  report,        // somebody reports somebody (XEP-0377): `stanza`, a message; `reason`, spam or abuse
  omemo_device,  // what became of a device of the account `to`, or of its keys: `reason`
  voided,        // "void": the rows of the record with this id never became durable; nobody was told of them
};

// The type attribute of the stanza (RFC 6121 §4.7.1, §5.2.2); `none` where it has none.
enum class StanzaType : std::uint8_t {
  none,
  normal,
  chat,
  groupchat,
  headline,
  error,
  unavailable,
  subscribe,
  subscribed,
  unsubscribe,
  unsubscribed,
  probe,
  get,
  set,
  result,
};
[[nodiscard]] StanzaType stanza_type_of(std::string_view attribute) noexcept;  // unknown or empty: none

enum class Encryption : std::uint8_t { none, omemo2, legacy };  // urn:xmpp:omemo:2, eu.siacs.conversations.axolotl

enum class Outcome : std::uint8_t { none, delivered, stored, refused };

[[nodiscard]] std::string_view name_of(Kind kind) noexcept;
[[nodiscard]] std::string_view name_of(StanzaType type) noexcept;
[[nodiscard]] std::string_view name_of(Encryption encryption) noexcept;
[[nodiscard]] std::string_view name_of(Outcome outcome) noexcept;

inline constexpr std::size_t max_user_bytes = 1023;      // of one member
inline constexpr std::size_t max_token_bytes = 64;       // reason, mechanism, TLS names, source
inline constexpr std::size_t max_record_bytes = 65'536;  // more than any record can have

// Who acted, and through which connection. Made once a session (or once for a connection that never logs in) and
// shared by all its records: its members are encoded here, not once a message. Immutable, safe from any thread.
class Origin final : public RefCounted<Origin> {
 public:
  struct Members {
    std::string_view jid;  // bare JID, or host of a peer or component
    std::string_view resource;
    std::string_view session;
    std::string_view source;  // "ip:port", "[v6]:port"
    std::string_view tls;     // "TLSv1.3"
    std::string_view cipher;
    std::string_view mechanism;  // SASL
  };
  explicit Origin(const Members& members);

  // `,"from":"…",…` as it stands in the record; empty without members.
  [[nodiscard]] std::string_view json() const noexcept { return json_; }
  [[nodiscard]] bool was_cut() const noexcept { return cut_; }

 private:
  std::string json_;
  bool cut_ = false;
};

struct Record {
  Kind kind = Kind::message;
  StanzaType type = StanzaType::none;
  Encryption encryption = Encryption::none;
  Outcome verdict = Outcome::none;
  bool rows = false;                 // set by the committer: the store holds rows of unit `id`
  std::uint32_t sender_device = 0;   // OMEMO device id; of omemo_device and admin: which device it is about
  std::uint32_t recipient_keys = 0;  // number of <key/> elements
  std::uint32_t size = 0;            // bytes of the stanza as received
  std::uint64_t id = 0;              // of the unit, set by the committer; void, recovered: of the unit they speak about
  std::int64_t time_ns = 0;          // UTC, set by the committer
  Ref<const Origin> origin;
  std::string recipient;  // bare JID; of an admin record: the account it is about
  std::string stanza_id;  // the id attribute
  std::string reason;     // a code ("plaintext", "policy", "user-add"): a space becomes '-', other bytes than
                          // [A-Za-z0-9._:-] '_', at most 64
  std::string rule;       // name of the policy rule that decided
  std::string identity;   // of that device: SHA-256 of its identity key's 32 bytes in Curve25519 form, in hex
};

// Appends the encoding to `out`. At most max_record_bytes.
void append_json(std::string& out, const Record& record);

// What recovery needs of an encoded record.
struct RecordKey {
  std::uint64_t id = 0;  // 0: none
  bool rows = false;
  bool correction = false;  // void or recovered
};
// Reads the first three members. Anything that append_json did not write gives an empty key.
[[nodiscard]] RecordKey key_of(std::string_view json) noexcept;

}  // namespace valise::core::audit
