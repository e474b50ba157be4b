// One stanza of a client before the sealed rules (docs/sealed.md). What must hold:
//  - what comes out parses, and is a fixed point: written anew once more it is the same;
//  - what is valid stays valid, and says the same of its keys;
//  - a text that is put anywhere into the stanza never comes out: each place is tried, or some of many.
// All of it once with the switches of the table as they are by default, and once turned; for the letter without those
// that open a place for text.
// Input: the stanza. Its `from` is who sends it.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/namespaces.hpp"
#include "core/stanza.hpp"
#include "fuzz/check.hpp"
#include "modules/omemo/allow_list.hpp"
#include "modules/omemo/encrypted.hpp"
#include "modules/omemo/table/table.hpp"
#include "xml/writer.hpp"

namespace {

using namespace valise;
using namespace valise::modules::omemo;
using core::Kind;
using fuzz::check;

constexpr std::size_t most_places = 24;

// More words than a name may have.
constexpr std::string_view letter = "the merger is on friday";
// Longer than a nick or the name of an occupant may be, which are free text by design (docs/sealed.md 3.2, 3.5).
constexpr std::string_view long_letter =
    "the merger is on friday, burn this letter before anybody asks what it was that you have read so long, and tell no "
    "one but the two of us who knows of it";

core::StanzaPtr stanza_of(std::string_view text) {
  auto document = xml::parse_element(text);
  if (!document) return {};
  auto made = core::make_stanza(document);
  if (!made || !*made) return {};
  const auto from = core::Jid::parse(document->root().attribute_or_empty("from"));
  (*made)->from = from && from->has_local() ? *from : *core::Jid::parse("romeo@a.example/orchard");
  core::StanzaPtr stanza = *made;
  canonicalise(*stanza);
  return stanza;
}

core::Switches turned(bool for_letters) {
  core::Switches all;
  for (const auto& row : table::switches()) {
    const bool text = row.name == "nicknames" || row.name == "status" || row.name == "subjects" || row.name == "tunes";
    if (!for_letters || !text) all.turned |= 1U << static_cast<unsigned>(row.id);
  }
  return all;
}

// All that can become of it; nothing: it is refused.
std::vector<std::optional<std::string>> outcomes(const core::Stanza& stanza, core::Switches switches) {
  if (stanza.kind == Kind::iq) return {rebuild_request(stanza), rebuild_answer(stanza)};
  if (stanza.is_error()) return {rebuild_error(stanza)};
  if (stanza.kind == Kind::presence) return {rebuild_presence(stanza, switches)};
  auto rebuilt = rebuild_message(stanza, switches);
  if (rebuilt.refused) return {std::nullopt};
  return {std::move(rebuilt.children)};
}

std::string sent(core::Stanza& stanza, const std::string& children) {
  stanza.rewrite(children);
  std::string out;
  stanza.append(out);
  return out;
}

void check_envelopes(const core::Stanza& stanza) {
  for (const auto child : stanza.root().children()) {
    if (!child.is("encrypted", core::ns::omemo_legacy) && !child.is("encrypted", core::ns::omemo_2)) continue;
    for (const bool wide : {false, true}) {
      const EnvelopeLimits limits{.wide_ratchet = wide};
      Envelope envelope;
      if (check_envelope(child, limits, parties_of(stanza), envelope) != nullptr) continue;
      check(envelope.keys != 0 && envelope.keys <= limits.keys && envelope.prekeys <= envelope.keys, "a count of keys");
      check(envelope.has_payload == (envelope.payload_bytes != 0), "a payload");
      std::string anew;
      append_encrypted(anew, child);
      const auto document = xml::parse_element(anew);
      check(static_cast<bool>(document), "a valid seal can't be read any more");
      Envelope again;
      check(check_envelope(document->root(), limits, parties_of(stanza), again) == nullptr, "a valid seal is none now");
      check(again.sender_device == envelope.sender_device && again.keys == envelope.keys &&
                again.payload_bytes == envelope.payload_bytes && again.identity_key == envelope.identity_key,
            "a seal says something else");
    }
  }
}

void check_outcomes(core::Stanza& stanza, core::Switches switches) {
  const auto once = outcomes(stanza, switches);
  for (std::size_t i = 0; i < once.size(); ++i) {
    if (!once[i]) continue;
    const auto again = stanza_of(sent(stanza, *once[i]));
    check(again && again->kind == stanza.kind, "what comes out is no stanza");
    const auto twice = outcomes(*again, switches);
    check(i < twice.size() && twice[i] == once[i], "what comes out is no fixed point");
  }
}

// Behind each tag, at both ends of each value and where an address names a resource; one more in the midst of things.
std::vector<std::size_t> places_in(std::string_view text) {
  std::vector<std::size_t> places;
  std::size_t hash = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    hash = hash * 31 + static_cast<unsigned char>(text[i]);
    const bool quote = text[i] == '\'' || text[i] == '"';
    if (quote) places.push_back(i);
    if (quote || text[i] == '>' || text[i] == '/') places.push_back(i + 1);
  }
  if (places.size() > most_places) {
    const auto first = hash % places.size();
    std::ranges::rotate(places, places.begin() + static_cast<std::ptrdiff_t>(first));
    const auto step = places.size() / most_places;
    for (std::size_t i = 0; i < most_places; ++i) places[i] = places[i * step];
    places.resize(most_places);
  }
  places.push_back(hash % text.size());
  return places;
}

std::string without_tags(std::string_view xml) {
  std::string out;
  bool inside = false;
  for (const char c : xml) {
    inside = c == '<' || (inside && c != '>');
    if (!inside && c != '>') out += c;
  }
  return out;
}

void check_letter(std::string_view text, std::size_t place, core::Switches switches) {
  std::string with(text);
  with.insert(place, long_letter);
  auto stanza = stanza_of(with);
  if (!stanza) return;
  const bool nick_or_occupant = stanza->type == "subscribe" || stanza->type == "groupchat";
  if (!nick_or_occupant) {
    with.assign(text);
    with.insert(place, letter);
    stanza = stanza_of(with);
    if (!stanza) return;
  }
  const auto word = nick_or_occupant ? long_letter : letter;
  for (const auto& children : outcomes(*stanza, switches)) {
    if (!children) continue;
    const bool told =
        children->find(word) != std::string::npos || without_tags(*children).find(word) != std::string::npos;
    check(!told, "a letter comes out");
  }
  check(stanza->id.find(word) == std::string::npos && stanza->lang.find(word) == std::string::npos,
        "a letter as an id");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto stanza = stanza_of(text);
  if (!stanza) return 0;
  check_envelopes(*stanza);
  check_outcomes(*stanza, {});
  if (const auto again = stanza_of(text)) check_outcomes(*again, turned(false));
  for (const auto place : places_in(text)) {
    check_letter(text, place, {});
    check_letter(text, place, turned(true));
  }
  return 0;
}
