// docs/sealed.md 3.5: presence says that somebody is there, and how; it has no place for prose. Of each the first one
// counts.
#include "modules/omemo/table/rows.hpp"

namespace valise::modules::omemo::table {
namespace {
namespace ns = core::ns;
using enum Verdict;

constexpr Row table_rows[] = {
    {.name = "show",
     .ns = ns::client,
     .verdict = pass,
     .form = Form::show,
     .what = "`away chat dnd xa`",
     .why = "one of four words"},
    {.name = "priority",
     .ns = ns::client,
     .verdict = pass,
     .form = Form::priority,
     .what = "three digits with a sign",
     .why = "a number"},
    {.name = "c",
     .ns = ns::caps,
     .verdict = pass,
     .form = Form::caps,
     .what = "`hash` by name; `node`: a token of 128; `ver`: as many bytes as that hash has, not all printable",
     .why = "contacts learn what a client can, whether it seals among that"},
    {.name = "idle",
     .ns = "urn:xmpp:idle:1",
     .verdict = pass,
     .form = Form::idle,
     .by = Switch::idle,
     .what = "`since`: a date and time",
     .why = "a time"},
    {.name = "query",
     .ns = "jabber:iq:last",
     .verdict = pass,
     .form = Form::last_seen,
     .by = Switch::idle,
     .what = "`seconds`: ten digits, in available presence; its text would be a status",
     .why = "a number"},
    {.name = "x",
     .ns = "vcard-temp:x:update",
     .verdict = pass,
     .form = Form::vcard_update,
     .what = "`photo`: twenty bytes in hexadecimal, or empty; the server puts in that of the avatar",
     .why = "the name of a picture"},
    {.name = "nick",
     .ns = "http://jabber.org/protocol/nick",
     .verdict = pass,
     .form = Form::nickname,
     .what = "with `subscribe`: at most 64 bytes",
     .why = "who asks to be a contact says who it is"},
    {.name = "preauth",
     .ns = "urn:xmpp:pars:0",
     .verdict = pass,
     .form = Form::invitation_token,
     .what = "with `subscribe`: `token`, at most 64 `[A-Za-z0-9._-]`",
     .why = "an invitation's token"},
    {.name = "status",
     .ns = ns::client,
     .verdict = strip,
     .form = Form::status,
     .by = Switch::status,
     .what = "in available and unavailable presence: at most 256 bytes on one line",
     .why = "free text"},
    {.name = "x",
     .ns = "http://jabber.org/protocol/muc",
     .verdict = strip,
     .why = "there are no rooms; a password may be a sentence"},
    {.name = "x", .ns = "http://jabber.org/protocol/muc#user", .verdict = strip, .why = "only rooms say it"},
    {.name = "", .ns = "", .verdict = strip, .why = "unknown"},
};
static_assert(are_sound(table_rows, strip));

}  // namespace

std::span<const Row> presence_rows() noexcept { return table_rows; }

}  // namespace valise::modules::omemo::table
