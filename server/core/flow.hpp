// A stanza's passage through the named stages ("The way of a message", ARCHITECTURE.md) and what hooks may say to it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/audit/record.hpp"
#include "core/copies.hpp"
#include "core/stanza.hpp"
#include "core/storable.hpp"
#include "storage/types.hpp"

namespace valise::core {

class Session;
class Account;

// In the order in which a stanza meets them. The first three run on the sender's home shard, the others on the
// recipient's.
enum class Stage : std::uint8_t {
  validate,    // well-formed as RFC 6120/6121 ask; what only a server may say is removed
  sealed,      // modules/omemo: only sealed content goes on
  policy_out,  // the administrator's rules about the sender
  blocking,    // the recipient's own wishes
  policy_in,   // the administrator's rules about the recipient
};
inline constexpr std::size_t stage_count = 5;
[[nodiscard]] std::string_view name_of(Stage stage) noexcept;

// Why a stanza does not go on. `reason` is shared by test, log, record and error ("plaintext", "policy", …).
struct Refusal {
  StanzaError error;
  std::string reason;
  std::string rule;     // the policy rule that decided, if one did
  bool silent = false;  // drop: the sender gets no error
  // Answered as fast as an address that nobody has: before the record of it is durable.
  bool at_once = false;
  std::string notice;  // a sentence that follows as a message of the server (docs/sealed.md §5), once a chat and hour
  std::move_only_function<void()> then;  // when the sender has been told, or is not to be; may be null
};
using Verdict = std::unique_ptr<Refusal>;  // null: go on
[[nodiscard]] Verdict make_refusal(StanzaError error, std::string_view reason, bool silent = false);

// Device ids, the first few without an allocation.
class DeviceIds {
 public:
  void add(std::uint32_t id) {
    if (count_ < few_.size()) {
      few_[count_++] = id;
    } else {
      more_.push_back(id);
    }
  }
  template <class Test>
  [[nodiscard]] std::uint32_t count_if(Test test) const {
    const auto found = std::count_if(few_.begin(), few_.begin() + count_, test) + std::ranges::count_if(more_, test);
    return static_cast<std::uint32_t>(found);
  }

 private:
  std::array<std::uint32_t, 12> few_;
  std::uint32_t count_ = 0;
  std::vector<std::uint32_t> more_;
};

// Where the sender of a stanza waits for "handled" (XEP-0198). Whoever takes it on says so once, by Shard::handled,
// when all that the stanza changes is durable; or hands it on.
struct Ack {
  static constexpr unsigned nobody = 0xffffffff;
  unsigned shard = nobody;
  std::uint64_t session = 0;
  std::uint64_t number = 0;
};

// How strictly what one person sends to another is looked at, and what came of it (docs/sealed.md 3.6). Set by
// modules/omemo.
struct Sealing {
  enum class Mode : std::uint8_t { required, warn, off };  // the stricter first
  Mode mode = Mode::required;
  bool looked_at = false;  // false: the host is an ordinary server, or it is none of a person's to another
  bool exempt = false;     // of mode off: an exemption lets it pass
  std::string unsealed;    // why it would have been refused, as in Refusal::reason; it passes, and no archive keeps it
};
[[nodiscard]] std::string_view name_of(Sealing::Mode mode) noexcept;

// The row of a message that a rule held back and that comes now. Where it can't be taken now, the row stays and it
// comes again.
struct HeldRow {
  std::uint64_t id = 0;
  // Called once, on the recipient's home shard: the row is gone, durably.
  std::move_only_function<void()> gone;
};

struct Flow {
  StanzaPtr stanza;
  Session* sender = nullptr;              // own session; only on the sender's shard, null behind the crossing
  Account* recipient = nullptr;           // local account; only on the recipient's shard
  Language language = Language::english;  // of the sender
  Ack ack;
  Sealing sealing{};
  bool server_made = false;  // presence that the server sends in a person's name: nobody is told of a refusal
  Storable storable{};       // of a message, from its arrival on
  bool tells = false;        // likewise: a person who is away is told that it came (tells_of)
  // Of a message that begins again, because no session that it was for took it (Shard::begin_again): what was decided
  // is not decided, counted or recorded once more as long as nothing has changed.
  bool again = false;
  std::uint64_t number = 0;    // their order: that in which they were first to be delivered on this shard
  std::uint64_t recorded = 0;  // the id of its delivery's unit; 0: there was nothing to write
  std::uint64_t rules = 0;     // the administrator's rules that let it in: a number of modules/policy
  // What of the sender the record and the rules name.
  audit::Record record;
  std::vector<std::string> tags;
  // What the message is sealed for and the sender's device list does not name; empty unless a rule counts them.
  DeviceIds foreign_devices[2];  // legacy, OMEMO 2
  Ref<const Watchers> watchers;  // of the sender's account, until they are told of the message
  bool copied = false;           // the recipient's other sessions have seen it
  std::uint64_t collector = 0;   // the session that is being given what waits, and gets it in its turn
  // -- modules/archive
  bool kept_for_sender = false;  // set on the sender's shard: his own archive wants it
  bool archived = false;         // the recipient's row is his archive's: it stays behind the delivery
  // The same message is in the archive already or on its way there: this one is only acknowledged. Its id, or 0 where
  // it did not become durable.
  std::shared_ptr<const std::uint64_t> first_copy;
  // -- modules/delay
  std::int64_t hold_until_ms = 0;  // UTC; a rule holds the message back until then; 0: none does
  std::string held_by;             // that rule
  std::unique_ptr<HeldRow> held;   // in which it was held back, until it is durable elsewhere; null: it was not
  // --
  std::vector<storage::Write> writes;  // rows that hooks want to become durable with it
  std::uint64_t row = 0;               // id of the recipient's row, once it is durable; 0: there is none
  std::int64_t since_ms = 0;  // UTC: when a message was first to be delivered that comes later; 0: it comes now
  // Who made them learns their id, or 0: they did not become durable. In the order of ids.
  std::move_only_function<void(std::uint64_t)> written;
};

// What it keeps in memory while it waits.
[[nodiscard]] inline std::size_t weight(const Flow& flow) { return sizeof flow + flow.stanza->memory(); }

// Fills the record with what the stanza's outside says; kind and verdict are left to the caller.
void describe(Flow& flow);

// Whether one of them makes a row of a message for that account (bare).
[[nodiscard]] bool puts_row(const std::vector<storage::Write>& writes, std::string_view owner);

using StanzaHook = std::function<Verdict(Flow&)>;

}  // namespace valise::core
