// The table of what passes (docs/sealed.md, docs/sealed-table.md): path, element, verdict, reason, switch. It is data,
// in this folder alone. The checks of this room and of modules/pep, vcard and private_storage look up each element here
// and carry out verdict, form, attributes, matter and switch of its row (`what` and `why` are for people);
// docs/sealed-table.md is printed from it; tests walk it. What has no row does not pass.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/handled.hpp"
#include "core/switches.hpp"

namespace valise::modules::omemo::table {

enum class Verdict : std::uint8_t {
  pass,     // written anew, as the row says
  strip,    // left out; what it stood in survives
  replace,  // something of the server's stands there instead
  refuse,   // nothing of the whole goes on; the sender gets an error
};

// What an administrator may turn, by host. The bit of core::Switches is the enumerator.
enum class Switch : std::uint8_t {
  activities,
  links,
  locations,
  markup,
  moods,
  nicknames,
  reactions,
  status,
  subjects,
  tunes,
  // -- open by default
  attention,
  idle,
  replies,
  threads,
  none,
};
struct SwitchRow {
  Switch id;
  std::string_view name;     // in sealed.allow, or sealed.deny
  bool open;                 // by default
  std::string_view opens;    // what passes when it is open
  std::string_view because;  // why it is as it is by default
};
[[nodiscard]] std::span<const SwitchRow> switches() noexcept;
[[nodiscard]] constexpr bool is_turned(core::Switches switches, Switch which) noexcept {
  return which != Switch::none && (switches.turned >> static_cast<unsigned>(which) & 1U) != 0;
}

// How what passes is read and written anew: each is a function of the room that asks.
enum class Form : std::uint8_t {
  none,  // it does not pass
  // -- messages: modules/omemo/allow_list.cpp, elements.cpp, calls.cpp
  seal,
  body,
  encryption,
  empty,  // no children, no text, the row's attributes: the first of them must be there
  thread,
  reply_fallback,
  fallback,
  direct_invitation,
  mediated_invitation,
  fastened_retraction,
  call,
  reactions,
  subject,
  link,
  location,
  nickname,
  markup,
  label,  // that of the stanza, in the words of its catalogue
  // -- presence: presence_rules.cpp (and nickname)
  show,
  priority,
  caps,
  idle,
  last_seen,
  vcard_update,
  invitation_token,
  status,
  // -- requests: requests.cpp (and seal)
  plain,  // a question that says nothing but what it asks
  disco,
  pubsub_read,
  pubsub_change,
  roster,
  // -- answers: answers.cpp (and seal, plain)
  info,
  items,
  version,
  last,
  time,
  bare_error,
  // -- published nodes: modules/pep/omemo_payloads.cpp, allow_list.cpp (and location, nickname)
  device_list,
  bundle,
  verification,
  probe,
  avatar_data,
  avatar_metadata,
  bookmark,
  old_bookmarks,
  displayed,
  card,
  mood,
  activity,
  tune,
  // -- cards: modules/vcard/card.cpp, modules/pep/allow_list.cpp
  value,
  name_parts,
  organisation,
  mail,
  phone,
  picture,
  values,  // of the other card: one of each kind
  // -- private XML: modules/private_storage/elements.cpp (and old_bookmarks)
  delimiter,
};

// ---- messages: what stands in one, beside a seal and without one

enum class Place : std::uint8_t { beside = 1, alone = 2, both = 3 };
// What an element makes of a message without a seal: there is one matter a message, signs and asides may stand by it. A
// message of asides alone is refused, though each of them passes: it says nothing.
enum class Matter : std::uint8_t { aside, sign, marker, retraction, reaction, invitation, call, location };
// Why a message without a seal is refused because of it (docs/sealed.md §5); `subject` is one in `groupchat` alone,
// else it is `plaintext`.
enum class Because : std::uint8_t { plaintext, reaction, file, subject };

struct MessageRow {
  std::string_view name;  // "": each of the namespace
  std::string_view ns;
  Verdict beside;  // a seal
  Verdict alone;   // without one
  Form form = Form::none;
  std::array<std::string_view, 4> attributes{};
  Matter matter = Matter::aside;
  Because because = Because::plaintext;
  Verdict unfit = Verdict::refuse;        // alone: where it is not as the row says
  Verdict unfit_beside = Verdict::strip;  // beside a seal: likewise, or there is another one of it
  Switch by = Switch::none;
  Place turns = Place::both;  // where the switch opens or closes it
  std::string_view what = {};
  std::string_view why;
};
[[nodiscard]] std::span<const MessageRow> message_rows() noexcept;  // the last one is for everything else
// The first row of an element; for one that has none, the last row.
[[nodiscard]] const MessageRow& message_row(std::string_view name, std::string_view ns) noexcept;
// Another row of the same element; null: no other.
[[nodiscard]] const MessageRow* next_row(const MessageRow& row, std::string_view name, std::string_view ns) noexcept;
[[nodiscard]] Verdict verdict_of(const MessageRow& row, Place place, core::Switches switches) noexcept;
inline constexpr std::size_t most_message_rows = 96;

// ---- presence, requests and answers, published nodes, cards, private XML

enum class Path : std::uint8_t { presence, request, answer, node, card, private_xml };
[[nodiscard]] std::string_view name_of(Path path) noexcept;

struct Row {
  std::string_view name;  // of the element; of a node its name; "": each of the namespace
  std::string_view ns;    // of a node: that of its payload
  Verdict verdict;
  Form form = Form::none;
  std::string_view type{};  // requests: "get" or "set"; empty: both
  bool prefix = false;      // nodes: the name begins so
  Switch by = Switch::none;
  std::string_view option{};  // another option that opens it
  std::string_view what{};
  std::string_view why;
};
[[nodiscard]] std::span<const Row> rows(Path path) noexcept;  // in each the last one is for everything else
// The row of an element (of a node: by its name alone), the last one for what has none.
[[nodiscard]] const Row& row_of(Path path, std::string_view name, std::string_view ns,
                                std::string_view type = {}) noexcept;
[[nodiscard]] const Row& row_of_node(std::string_view node) noexcept;
[[nodiscard]] bool passes(const Row& row, core::Switches switches) noexcept;

// ---- what modules handle, and what becomes of it

struct HandlerRow {
  std::string_view module;
  core::Handled::Kind kind;
  std::string_view place{};  // words: any of them (core::Handled)
  std::string_view type{};
  std::string_view name{};  // iq, bind: the element; "" as it was declared: each of the namespace
  std::string_view ns{};
  Verdict
      verdict;  // pass: something of it reaches somebody, or stays; strip: it is answered or decided, and that is all
  std::string_view what;
};
[[nodiscard]] std::span<const HandlerRow> handler_rows() noexcept;
[[nodiscard]] bool has_row(const core::Handled& what);  // core::HasRow

// ---- ways with rules of their own, carried out where `today` or the room's README says, or that are not there yet

struct WayRow {
  std::string_view way;   // "message to another domain"
  std::string_view what;  // of it
  Verdict verdict;        // pass, strip, replace: once the way is there
  std::string_view today;
  std::string_view why;
};
struct Ways {
  std::string_view title;
  bool there;  // false: nothing goes this way today, whatever the verdicts say
  std::span<const WayRow> rows;
};
[[nodiscard]] std::span<const Ways> ways() noexcept;

[[nodiscard]] std::string_view name_of(Verdict verdict) noexcept;
// All of it as Markdown: docs/sealed-table.md.
[[nodiscard]] std::string describe();

}  // namespace valise::modules::omemo::table
