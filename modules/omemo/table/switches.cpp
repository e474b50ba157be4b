// docs/sealed.md 3.6: what an administrator may open or close, by host.
#include "modules/omemo/table/table.hpp"

namespace valise::modules::omemo::table {
namespace {

constexpr SwitchRow all[] = {
    {Switch::activities, "activities", false, "what somebody is doing (XEP-0108): the names of the XEP, no text",
     "it tells all contacts what a person does all day"},
    {Switch::links, "links", false, "out-of-band addresses beside a sealed message (XEP-0066)",
     "an address is a text that anybody on the way can read"},
    {Switch::locations, "locations", false, "where somebody is (XEP-0080), in messages and published: numbers, no text",
     "seal a location like any other message; published, it is there for the server to read"},
    {Switch::markup, "markup", false, "the shape of a sealed text (XEP-0394): numbers and kinds",
     "it shows which words are stressed, and how long a text is"},
    {Switch::moods, "moods", false, "how somebody feels (XEP-0107): the names of the XEP, no text",
     "it tells all contacts, and the server, how a person is"},
    {Switch::nicknames, "nicknames", false, "a nickname beside a sealed message (XEP-0172)",
     "free text with each message; contacts have a name already, by card and published nick"},
    {Switch::reactions, "reactions", false, "reactions by emoji in the clear (XEP-0444)",
     "agreed upon, emoji say anything; clients that seal their reactions do without"},
    {Switch::status, "status", false, "the sentence of a presence (RFC 6121 §4.7.2.2), at most 256 bytes on one line",
     "free text to all contacts, readable on the way"},
    {Switch::subjects, "subjects", false, "a subject beside a sealed message (RFC 6121 §5.2.4)",
     "free text: clients that seal what they write put it into the seal"},
    {Switch::tunes, "tunes", false, "what somebody listens to (XEP-0118): artist, source, title, length, no address",
     "free text to all contacts"},
    {Switch::attention, "attention", true, "a ring at the other end (XEP-0224), beside a sealed message",
     "it carries nothing"},
    {Switch::idle, "idle", true, "since when somebody is idle (XEP-0319, XEP-0256), in presence",
     "a time; clients show who may be reached"},
    {Switch::replies, "replies", true, "to which message a sealed one replies (XEP-0461), and where its quote ends",
     "ids and numbers; without them answers can't be followed in clients that do not seal them"},
    {Switch::threads, "threads", true, "to which thread a message belongs (XEP-0201)", "a token; clients sort by it"},
};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < std::size(all); ++i) {
    if (static_cast<std::size_t>(all[i].id) != i) return false;
  }
  return std::size(all) == static_cast<std::size_t>(Switch::none) && std::size(all) <= 32;
}
static_assert(is_in_order());

}  // namespace

std::span<const SwitchRow> switches() noexcept { return all; }

}  // namespace valise::modules::omemo::table
