// docs/sealed.md 3.2, 3.3: what stands in a message.
#include <algorithm>

#include "core/namespaces.hpp"
#include "modules/omemo/table/table.hpp"

namespace valise::modules::omemo::table {
namespace {
namespace ns = core::ns;
using enum Verdict;

constexpr std::string_view receipts = "urn:xmpp:receipts";
constexpr std::string_view markers = "urn:xmpp:chat-markers:0";
constexpr std::string_view chat_states = "http://jabber.org/protocol/chatstates";
constexpr std::string_view muc_user = "http://jabber.org/protocol/muc#user";
constexpr std::string_view fallback = "urn:xmpp:fallback:0";
constexpr std::string_view reactions = "urn:xmpp:reactions:0";

constexpr std::string_view hint = "for server and archives: keep it or not";
constexpr std::string_view sign = "says nothing but that somebody types or reads";
constexpr std::string_view seen = "which message was read; the id has no blanks";
constexpr std::string_view servers_own = "only a server may say it: spoofing";
constexpr std::string_view free_text = "free text";
constexpr std::string_view names_files = "names a file, often its address and a picture of it";
constexpr std::string_view other_seal = "another encryption, which nothing here can look at";

constexpr MessageRow table_rows[] = {
    // -- the seal, and what stands for it
    {.name = "encrypted",
     .ns = ns::omemo_legacy,
     .beside = pass,
     .alone = refuse,
     .form = Form::seal,
     .what = "one, valid by 3.7; without keys beside a valid one it is left out",
     .why = "the content itself"},
    {.name = "encrypted",
     .ns = ns::omemo_2,
     .beside = pass,
     .alone = refuse,
     .form = Form::seal,
     .what = "one, valid by 3.7; without keys beside a valid one it is left out",
     .why = "the content itself"},
    {.name = "body",
     .ns = ns::client,
     .beside = replace,
     .alone = refuse,
     .form = Form::body,
     .what = "one constant sentence, where there is a payload. Alone: a retraction loses it and passes",
     .why = "clients' sentences are no fixed set: they can't be told from a letter"},
    {.name = "encryption",
     .ns = "urn:xmpp:eme:0",
     .beside = replace,
     .alone = strip,
     .form = Form::encryption,
     .what = "namespace and name of the newest version",
     .why = "clients look for it; the name could be a letter"},
    // -- about the message
    {.name = "store", .ns = ns::hints, .beside = pass, .alone = pass, .form = Form::empty, .why = hint},
    {.name = "no-store", .ns = ns::hints, .beside = pass, .alone = pass, .form = Form::empty, .why = hint},
    {.name = "no-copy", .ns = ns::hints, .beside = pass, .alone = pass, .form = Form::empty, .why = hint},
    {.name = "no-permanent-store", .ns = ns::hints, .beside = pass, .alone = pass, .form = Form::empty, .why = hint},
    {.name = "private",
     .ns = "urn:xmpp:carbons:2",
     .beside = pass,
     .alone = pass,
     .form = Form::empty,
     .why = "no copies for other devices"},
    {.name = "origin-id",
     .ns = ns::stanza_ids,
     .beside = pass,
     .alone = pass,
     .form = Form::empty,
     .attributes = {"id"},
     .why = "clients know their own message by it"},
    {.name = "thread",
     .ns = ns::client,
     .beside = pass,
     .alone = pass,
     .form = Form::thread,
     .unfit = strip,
     .by = Switch::threads,
     .what = "one token of at most 64 `[A-Za-z0-9._-]`; another one is left out, alone, too",
     .why = "clients sort by it"},
    // -- signs
    {.name = "request",
     .ns = receipts,
     .beside = pass,
     .alone = pass,
     .form = Form::empty,
     .why = "asks for a receipt"},
    {.name = "received",
     .ns = receipts,
     .beside = pass,
     .alone = pass,
     .form = Form::empty,
     .attributes = {"id"},
     .matter = Matter::sign,
     .why = "a receipt, by id"},
    {.name = "markable", .ns = markers, .beside = pass, .alone = pass, .form = Form::empty, .why = "asks for a marker"},
    {.name = "received",
     .ns = markers,
     .beside = pass,
     .alone = pass,
     .form = Form::empty,
     .attributes = {"id"},
     .matter = Matter::marker,
     .why = seen},
    {.name = "displayed",
     .ns = markers,
     .beside = pass,
     .alone = pass,
     .form = Form::empty,
     .attributes = {"id"},
     .matter = Matter::marker,
     .why = seen},
    {.name = "acknowledged",
     .ns = markers,
     .beside = pass,
     .alone = pass,
     .form = Form::empty,
     .attributes = {"id"},
     .matter = Matter::marker,
     .why = seen},
    {.name = "active",
     .ns = chat_states,
     .beside = pass,
     .alone = pass,
     .form = Form::empty,
     .matter = Matter::sign,
     .why = sign},
    {.name = "composing",
     .ns = chat_states,
     .beside = pass,
     .alone = pass,
     .form = Form::empty,
     .matter = Matter::sign,
     .why = sign},
    {.name = "paused",
     .ns = chat_states,
     .beside = pass,
     .alone = pass,
     .form = Form::empty,
     .matter = Matter::sign,
     .why = sign},
    {.name = "inactive",
     .ns = chat_states,
     .beside = pass,
     .alone = pass,
     .form = Form::empty,
     .matter = Matter::sign,
     .why = sign},
    {.name = "gone",
     .ns = chat_states,
     .beside = pass,
     .alone = pass,
     .form = Form::empty,
     .matter = Matter::sign,
     .why = sign},
    {.name = "attention",
     .ns = "urn:xmpp:attention:0",
     .beside = pass,
     .alone = refuse,
     .form = Form::empty,
     .by = Switch::attention,
     .turns = Place::beside,
     .why = "rings at the other end"},
    // -- what a sealed message is about
    {.name = "replace",
     .ns = "urn:xmpp:message-correct:0",
     .beside = pass,
     .alone = refuse,
     .form = Form::empty,
     .attributes = {"id"},
     .why = "the new text is in the payload"},
    {.name = "reply",
     .ns = "urn:xmpp:reply:0",
     .beside = pass,
     .alone = refuse,
     .form = Form::empty,
     .attributes = {"id", "to"},
     .by = Switch::replies,
     .turns = Place::beside,
     .what = "`to` is one of the two people, in `groupchat` an occupant",
     .why = "the quote itself is in the payload"},
    {.name = "fallback",
     .ns = fallback,
     .beside = pass,
     .alone = refuse,
     .form = Form::reply_fallback,
     .by = Switch::replies,
     .turns = Place::beside,
     .what = "`for='urn:xmpp:reply:0'`; `body`, `subject`: `start`, `end`, numbers of 7 digits",
     .why = "where in the sealed text the quote ends. Alone: its sentence would be text"},
    {.name = "fallback",
     .ns = fallback,
     .beside = pass,
     .alone = refuse,
     .form = Form::fallback,
     .what = "the same for `urn:xmpp:omemo:2`, `urn:xmpp:message-retract:1`. Alone: a retraction loses it and passes",
     .why = "numbers only"},
    {.name = "securitylabel",
     .ns = ns::security_label,
     .beside = pass,
     .alone = refuse,
     .form = Form::label,
     .unfit_beside = refuse,
     .what =
         "one of the catalogue of its sender's host (`labels.catalogue`), in the catalogue's words. Any other, or a "
         "second one, refuses the whole: `label`",
     .why = "a word of a fixed list; left out, it would be missed"},
    {.name = "x",
     .ns = muc_user,
     .beside = pass,
     .alone = refuse,
     .form = Form::empty,
     .why = "marks a private message in a room"},
    // -- what is a message by itself
    {.name = "x",
     .ns = muc_user,
     .beside = strip,
     .alone = pass,
     .form = Form::mediated_invitation,
     .matter = Matter::invitation,
     .what = "`invite` or `decline` with `to`; not in `groupchat`; the reason is left out",
     .why = "names a room; its reason is text"},
    {.name = "x",
     .ns = "jabber:x:conference",
     .beside = strip,
     .alone = pass,
     .form = Form::direct_invitation,
     .attributes = {"jid", "password", "continue", "thread"},
     .matter = Matter::invitation,
     .what = "not in `groupchat`; reason and content are left out",
     .why = "names a room; its reason is text"},
    {.name = "retract",
     .ns = "urn:xmpp:message-retract:1",
     .beside = strip,
     .alone = pass,
     .form = Form::empty,
     .attributes = {"id"},
     .matter = Matter::retraction,
     .what = "`<store/>` is added",
     .why = "takes back by id; clients send it in the clear"},
    {.name = "retract",
     .ns = "urn:xmpp:message-retract:0",
     .beside = strip,
     .alone = pass,
     .form = Form::empty,
     .attributes = {"id"},
     .matter = Matter::retraction,
     .what = "`<store/>` is added",
     .why = "takes back by id; clients send it in the clear"},
    {.name = "apply-to",
     .ns = "urn:xmpp:fasten:0",
     .beside = strip,
     .alone = pass,
     .form = Form::fastened_retraction,
     .attributes = {"id"},
     .matter = Matter::retraction,
     .what = "around an empty `<retract xmlns='urn:xmpp:message-retract:0'/>`; `<store/>` is added",
     .why = "an older form of the same"},
    {.name = "reactions",
     .ns = reactions,
     .beside = strip,
     .alone = pass,
     .form = Form::empty,
     .attributes = {"id"},
     .matter = Matter::reaction,
     .because = Because::reaction,
     .what = "empty: it takes a reaction back",
     .why = "an id"},
    {.name = "",
     .ns = reactions,
     .beside = strip,
     .alone = refuse,
     .form = Form::reactions,
     .attributes = {"id"},
     .matter = Matter::reaction,
     .because = Because::reaction,
     .by = Switch::reactions,
     .what = "`reactions` with at most eight different `reaction`, each one emoji",
     .why = "a code of pictures, readable on the way"},
    {.name = "",
     .ns = ns::jingle_message,
     .beside = strip,
     .alone = pass,
     .form = Form::call,
     .attributes = {"id"},
     .matter = Matter::call,
     .what = "`propose ringing proceed accept reject retract finish`: media, device id, the name of a reason, "
             "`migrated`, `tie-break`, each once",
     .why = "rings; what is said is in the call"},
    {.name = "",
     .ns = ns::call_message,
     .beside = strip,
     .alone = pass,
     .form = Form::call,
     .attributes = {"id"},
     .matter = Matter::call,
     .what = "`invite accept reject left retract`: one session, one room; `external` refuses it",
     .why = "rings; an address on the web could say anything"},
    // -- content in the clear
    {.name = "subject",
     .ns = ns::client,
     .beside = strip,
     .alone = refuse,
     .form = Form::subject,
     .because = Because::subject,
     .by = Switch::subjects,
     .turns = Place::beside,
     .what = "one, at most 100 characters on one line",
     .why = free_text},
    {.name = "",
     .ns = "jabber:x:oob",
     .beside = strip,
     .alone = refuse,
     .form = Form::link,
     .because = Because::file,
     .by = Switch::links,
     .turns = Place::beside,
     .what = "one https address of at most 512 characters without user and fragment",
     .why = "an address can say anything, and the key of a sealed file stands in its fragment"},
    {.name = "geoloc",
     .ns = "http://jabber.org/protocol/geoloc",
     .beside = strip,
     .alone = refuse,
     .form = Form::location,
     .matter = Matter::location,
     .by = Switch::locations,
     .what = "`lat lon alt altaccuracy accuracy bearing speed`: numbers; `timestamp`",
     .why = "where somebody is, readable on the way"},
    {.name = "nick",
     .ns = "http://jabber.org/protocol/nick",
     .beside = strip,
     .alone = refuse,
     .form = Form::nickname,
     .by = Switch::nicknames,
     .turns = Place::beside,
     .what = "at most 64 bytes on one line",
     .why = "free text, new with each message"},
    {.name = "markup",
     .ns = "urn:xmpp:markup:0",
     .beside = strip,
     .alone = refuse,
     .form = Form::markup,
     .by = Switch::markup,
     .turns = Place::beside,
     .what = "at most 64 of `span bcode bquote list li` with `start`, `end`; in a span `emphasis strong code deleted`",
     .why = "the shape of the sealed text"},
    {.name = "html", .ns = "http://jabber.org/protocol/xhtml-im", .beside = strip, .alone = refuse, .why = free_text},
    {.name = "",
     .ns = "urn:xmpp:sims:1",
     .beside = strip,
     .alone = refuse,
     .because = Because::file,
     .why = names_files},
    {.name = "",
     .ns = "urn:xmpp:sfs:0",
     .beside = strip,
     .alone = refuse,
     .because = Because::file,
     .why = names_files},
    {.name = "reference",
     .ns = "urn:xmpp:reference:0",
     .beside = strip,
     .alone = refuse,
     .why = "an address, and what it is about"},
    {.name = "data", .ns = "urn:xmpp:bob", .beside = strip, .alone = refuse, .why = "bytes of any kind"},
    {.name = "spoiler", .ns = "urn:xmpp:spoiler:0", .beside = strip, .alone = refuse, .why = free_text},
    {.name = "rtt", .ns = "urn:xmpp:rtt:0", .beside = strip, .alone = refuse, .why = "the text as it is typed"},
    {.name = "x", .ns = ns::data_forms, .beside = strip, .alone = refuse, .why = "forms hold text"},
    {.name = "jingle", .ns = "urn:xmpp:jingle:1", .beside = strip, .alone = refuse, .why = "sessions are not offered"},
    {.name = "encrypted", .ns = "urn:xmpp:omemo:1", .beside = strip, .alone = refuse, .why = other_seal},
    {.name = "x", .ns = "jabber:x:encrypted", .beside = strip, .alone = refuse, .why = other_seal},
    {.name = "openpgp", .ns = "urn:xmpp:openpgp:0", .beside = strip, .alone = refuse, .why = other_seal},
    // -- what only a server says (server/core/entry.cpp takes most of it away before)
    {.name = "stanza-id", .ns = ns::stanza_ids, .beside = strip, .alone = strip, .why = servers_own},
    {.name = "delay", .ns = ns::delay, .beside = strip, .alone = strip, .why = servers_own},
    {.name = "occupant-id", .ns = "urn:xmpp:occupant-id:0", .beside = strip, .alone = strip, .why = servers_own},
    {.name = "addresses",
     .ns = "http://jabber.org/protocol/address",
     .beside = strip,
     .alone = strip,
     .why = servers_own},
    {.name = "displayed",
     .ns = "urn:xmpp:mds:displayed:0",
     .beside = strip,
     .alone = strip,
     .why = "for the server alone, which publishes it to the sender's own devices"},
    {.name = "forwarded",
     .ns = "urn:xmpp:forward:0",
     .beside = strip,
     .alone = refuse,
     .why = "only the server forwards; taken away on entry"},
    {.name = "event",
     .ns = ns::pubsub_event,
     .beside = strip,
     .alone = refuse,
     .why = "only the server tells events; taken away on entry"},
    // -- everything else
    {.name = "", .ns = "", .beside = strip, .alone = refuse, .why = "unknown"},
};

constexpr std::size_t count = std::size(table_rows);
constexpr std::size_t slots = 128;

constexpr std::size_t slot_of(std::string_view ns) noexcept {
  if (ns.empty()) return 0;
  const auto byte = [ns](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(ns[at])); };
  return (ns.size() * 7 + byte(ns.size() - 1) * 3 + byte(ns.size() / 2)) % slots;
}

// The rows of a namespace are chained, so that an element is compared with few.
struct Index {
  static constexpr std::uint8_t none = 0xff;
  std::array<std::uint8_t, slots> first{};
  std::array<std::uint8_t, count> next{};
};
constexpr Index make_index() {
  Index index;
  index.first.fill(Index::none);
  index.next.fill(Index::none);
  for (std::size_t i = count - 1; i-- > 0;) {  // the last row is everybody's
    auto& first = index.first[slot_of(table_rows[i].ns)];
    index.next[i] = first;
    first = static_cast<std::uint8_t>(i);
  }
  return index;
}
constexpr auto by_ns = make_index();

const MessageRow* find(std::uint8_t from, std::string_view name, std::string_view ns) noexcept {
  for (auto i = from; i != Index::none; i = by_ns.next[i]) {
    const auto& row = table_rows[i];
    if ((row.name.empty() || row.name == name) && row.ns == ns) return &row;
  }
  return nullptr;
}

constexpr bool is_sound(const MessageRow& row) {
  const bool may_pass = row.beside == pass || row.alone == pass || row.by != Switch::none;
  return !row.why.empty() && (may_pass ? row.form != Form::none : true);
}
static_assert(count < most_message_rows);
static_assert(std::ranges::all_of(table_rows, is_sound), "a row without its reason, or one that passes without a form");
static_assert(table_rows[count - 1].ns.empty() && table_rows[count - 1].beside == strip &&
                  table_rows[count - 1].alone == refuse,
              "what has no row does not pass");

}  // namespace

std::span<const MessageRow> message_rows() noexcept { return table_rows; }

const MessageRow& message_row(std::string_view name, std::string_view ns) noexcept {
  const auto* found = find(by_ns.first[slot_of(ns)], name, ns);
  return found == nullptr ? table_rows[count - 1] : *found;
}

const MessageRow* next_row(const MessageRow& row, std::string_view name, std::string_view ns) noexcept {
  return find(by_ns.next[static_cast<std::size_t>(&row - table_rows)], name, ns);
}

Verdict verdict_of(const MessageRow& row, Place place, core::Switches switches) noexcept {
  const auto usual = place == Place::beside ? row.beside : row.alone;
  if (!is_turned(switches, row.by)) return usual;
  if ((static_cast<unsigned>(row.turns) & static_cast<unsigned>(place)) == 0) return usual;
  if (usual != pass) return pass;
  return place == Place::beside ? strip : row.unfit;
}

}  // namespace valise::modules::omemo::table
