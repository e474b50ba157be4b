// What Valise stores, as plain values. JIDs are normalised (core/jid) before they come here, so stores compare bytes.
// All ids are 64-bit, made by the committer (base/clock IdGenerator): never auto-increment.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace valise::storage {

// removing: gone for everybody like a deleted one, its name rests too; but its contacts do not all know yet, and its
// rows stay until they do.
enum class AccountState : std::uint8_t { active = 0, disabled = 1, deleted = 2, removing = 3 };
[[nodiscard]] constexpr bool is_gone(AccountState state) noexcept {
  return state == AccountState::deleted || state == AccountState::removing;
}

// RFC 5802 §3: what is kept of a password for one hash. Bytes, not base64.
struct ScramKey {
  std::string hash;  // "SHA-1", "SHA-256", "SHA-512"
  std::string salt;
  unsigned iterations = 0;
  std::string stored_key;
  std::string server_key;
  friend bool operator==(const ScramKey&, const ScramKey&) = default;
};

struct Account {
  std::string jid;  // bare
  AccountState state = AccountState::active;
  std::vector<ScramKey> keys;
  std::int64_t created_ms = 0;
  friend bool operator==(const Account&, const Account&) = default;
};

enum class Subscription : std::uint8_t { none = 0, to = 1, from = 2, both = 3 };

// RFC 6121 §2.1. `version` is the id of the unit that wrote the row last. A row that only keeps an unanswered inbound
// request (`pending_in`) and is in no visible state is stored like any other; the roster module hides it.
struct RosterItem {
  std::string jid;
  std::string name;
  std::vector<std::string> groups;
  Subscription subscription = Subscription::none;
  bool ask = false;        // we asked (ask='subscribe')
  bool approved = false;   // pre-approval (RFC 6121 §3.4)
  std::string pending_in;  // the <presence type='subscribe'/> to deliver again; empty: none
  std::uint64_t version = 0;
  friend bool operator==(const RosterItem&, const RosterItem&) = default;
};

struct Roster {
  std::uint64_t version = 0;  // id of the last change; 0: never changed
  std::vector<RosterItem> items;
};

struct PepNode {
  std::string node;
  std::vector<std::pair<std::string, std::string>> config;  // pubsub# fields, sorted by name
  friend bool operator==(const PepNode&, const PepNode&) = default;
};

struct PepItem {
  std::string node;
  std::string id;
  std::string publisher;      // full JID
  std::string payload;        // one XML element
  std::uint64_t version = 0;  // id of the unit that published it: order of publication
  friend bool operator==(const PepItem&, const PepItem&) = default;
};

// An item without its content.
struct PepItemName {
  std::string id;
  std::uint64_t version = 0;
  friend bool operator==(const PepItemName&, const PepItemName&) = default;
};

// Small things that a module keeps for an account or host, each under a name: it alone knows what they mean. The
// numbers are stored; a new kind gets the next one.
enum class DataKind : std::uint8_t {
  vcard = 0,
  private_xml = 1,
  blocked = 2,
  last_activity = 3,
  archive = 4,
  abuse_report = 5,
  client = 6,
  invitation = 7,
  push = 8,
  omemo_device = 9,
  policy = 10,
  policy_group = 11,
};

struct AccountData {
  std::string name;  // not empty, at most 2,047 bytes: room for a bare JID
  std::string value;
  friend bool operator==(const AccountData&, const AccountData&) = default;
};

enum class Direction : std::uint8_t { in = 0, out = 1 };

// One row of an owner's box joined with its message.
struct BoxMessage {
  std::uint64_t id = 0;
  std::string from;       // full JID of the sender
  std::string to;         // as addressed
  std::string stanza_id;  // the sender's id attribute; may be empty
  std::string digest;     // 16 bytes over the content: recognises an identical re-send
  std::string stanza;     // the <message/> as it is to be delivered, without server stamps
  Direction direction = Direction::in;
  bool delivered = false;
  bool archived = true;  // false: the row is there only until its message was delivered
  friend bool operator==(const BoxMessage&, const BoxMessage&) = default;
};

// A message that a rule holds back (modules/delay). Until it is due it is in nobody's box.
struct HeldMessage {
  std::uint64_t id = 0;     // of the unit that put it
  std::string owner;        // the recipient's account
  std::int64_t due_ms = 0;  // UTC
  std::string from;         // full JID of the sender
  std::string to;           // as addressed
  std::string stanza_id;    // the sender's id attribute; may be empty
  std::string digest;       // as of BoxMessage
  std::string rule;         // which holds it back
  std::string unsealed;     // core::Sealing::unsealed: why it would have been refused; empty: it is sealed
  std::string reason;       // of its records, where a rule gave one ("policy:…"); may be empty
  std::string stanza;       // as of BoxMessage
  friend bool operator==(const HeldMessage&, const HeldMessage&) = default;
};

// A place in the order in which held messages are due.
struct HeldPlace {
  std::int64_t due_ms = 0;
  std::uint64_t id = 0;
};

// Above every id.
inline constexpr std::uint64_t no_bound = (std::uint64_t{1} << 63) - 1;

// Archived rows of an owner's box (XEP-0313): those with ids between the bounds, the bounds left out.
struct ArchiveRange {
  std::string owner;
  // The other side's bare JID, of messages that one owner archives or two who are each other's peer; empty: everybody.
  std::string peer{};
  std::string party{};  // only with `peer`: a full JID that sent the message or that it was sent to
  std::uint64_t after = 0;
  std::uint64_t before = no_bound;
};

// ---- writes -------------------------------------------------------------------------------------------------
// Every write is idempotent: a unit whose COMMIT answer was lost is simply written again. Where a row carries an id or
// version, it is the id of the WriteSet that holds it.

struct PutAccount {
  Account account;
};  // insert or replace
// One column each, so that two changes that are under way at once do not undo each other. Nothing for an account that
// is not there or is gone: a tombstone stays one.
struct SetAccountState {
  std::string jid;
  AccountState state = AccountState::active;
};
struct SetAccountKeys {
  std::string jid;
  std::vector<ScramKey> keys;
};
struct EraseAccount {
  std::string jid;
};  // every row the account owns, everywhere; keeps a tombstone
    // Account row with state deleted and no keys
struct PutRosterItem {
  std::string owner;
  RosterItem item;
};  // upsert; bumps the roster's version to the unit's id
struct RemoveRosterItem {
  std::string owner;
  std::string jid;
};  // likewise
struct PutPepNode {
  std::string owner;
  PepNode node;
};  // upsert of the configuration
struct RemovePepNode {
  std::string owner;
  std::string node;
};  // with its items
struct PutPepItem {
  std::string owner;
  PepItem item;
  std::uint32_t keep = 1;
};  // upsert, then keep the newest `keep`
struct RemovePepItem {
  std::string owner;
  std::string node;
  std::string id;
};
struct PurgePepNode {
  std::string owner;
  std::string node;
};  // all items, node stays
struct PutAccountData {
  std::string owner;
  DataKind kind = DataKind::vcard;
  AccountData data;
};  // insert or replace
struct RemoveAccountData {
  std::string owner;
  DataKind kind = DataKind::vcard;
  std::string name;
};
// The message once, and a row for each owner. `boxes`: owner, peer (bare JID of the other side), direction, delivered,
// archived. Only an inbound row may be there for its delivery alone.
struct BoxOwner {
  std::string owner;
  std::string peer;
  Direction direction = Direction::in;
  bool delivered = false;
  bool archived = true;
};
struct PutMessage {
  BoxMessage message;
  std::vector<BoxOwner> boxes;
};  // message.id is ignored: the unit's id
struct MarkDelivered {
  std::string owner;
  std::vector<std::uint64_t> ids;
  bool keep = false;
};  // keep=false: the box
    // row goes, and the message when no box row is left
// Inbound box rows of earlier units: they wait (again). What has no box row is left alone.
struct MarkUndelivered {
  std::string owner;
  std::vector<std::uint64_t> ids;
};
struct ExpireMessages {
  std::string owner;
  std::vector<std::uint64_t> ids;
};  // like MarkDelivered without keeping, but what waits for its delivery stays
struct PutHeld {
  HeldMessage message;
};  // message.id is ignored: the unit's id
struct RemoveHeld {
  std::uint64_t id = 0;
};
// All of an owner's become due then.
struct SetHeldDue {
  std::string owner;
  std::int64_t due_ms = 0;
};

using Write =
    std::variant<PutAccount, SetAccountState, SetAccountKeys, EraseAccount, PutRosterItem, RemoveRosterItem, PutPepNode,
                 RemovePepNode, PutPepItem, RemovePepItem, PurgePepNode, PutAccountData, RemoveAccountData, PutMessage,
                 MarkDelivered, MarkUndelivered, ExpireMessages, PutHeld, RemoveHeld, SetHeldDue>;

// How far the audit log was durable before the sets beside this were written: so many entries, and its chain value
// after them (core/audit/format.hpp). Without entries: they were written while the log was off.
struct LogMark {
  std::uint64_t size = 0;
  std::array<unsigned char, 32> chain{};
  bool operator==(const LogMark&) const = default;
};

// All writes of one unit: they become durable together or not at all.
struct WriteSet {
  std::uint64_t id = 0;
  std::vector<Write> writes;
  std::optional<LogMark> log = std::nullopt;  // nothing: what the store has stays
};

}  // namespace valise::storage
