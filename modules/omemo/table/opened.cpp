#include "modules/omemo/table/opened.hpp"

#include <unicode/uchar.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include "core/namespaces.hpp"
#include "core/text.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo::table {
namespace {
namespace ns = core::ns;

using Names = std::span<const std::string_view>;

constexpr std::string_view moods[] = {
    "afraid",      "amazed",     "amorous",     "angry",       "annoyed",   "anxious",   "aroused",     "ashamed",
    "bored",       "brave",      "calm",        "cautious",    "cold",      "confident", "confused",    "contemplative",
    "contented",   "cranky",     "crazy",       "creative",    "curious",   "dejected",  "depressed",   "disappointed",
    "disgusted",   "dismayed",   "distracted",  "embarrassed", "envious",   "excited",   "flirtatious", "frustrated",
    "grateful",    "grieving",   "grumpy",      "guilty",      "happy",     "hopeful",   "hot",         "humbled",
    "humiliated",  "hungry",     "hurt",        "impressed",   "in_awe",    "in_love",   "indignant",   "interested",
    "intoxicated", "invincible", "jealous",     "lonely",      "lost",      "lucky",     "mean",        "moody",
    "nervous",     "neutral",    "offended",    "outraged",    "playful",   "proud",     "relaxed",     "relieved",
    "remorseful",  "restless",   "sad",         "sarcastic",   "satisfied", "serious",   "shocked",     "shy",
    "sick",        "sleepy",     "spontaneous", "stressed",    "strong",    "surprised", "thankful",    "thirsty",
    "tired",       "undefined",  "weak",        "worried"};

constexpr std::string_view activities[] = {"doing_chores", "drinking",           "eating",    "exercising",
                                           "grooming",     "having_appointment", "inactive",  "relaxing",
                                           "talking",      "traveling",          "undefined", "working"};
constexpr std::string_view doings[] = {"at_the_spa",
                                       "brushing_teeth",
                                       "buying_groceries",
                                       "cleaning",
                                       "coding",
                                       "commuting",
                                       "cooking",
                                       "cycling",
                                       "dancing",
                                       "day_off",
                                       "doing_maintenance",
                                       "doing_the_dishes",
                                       "doing_the_laundry",
                                       "driving",
                                       "fishing",
                                       "gaming",
                                       "gardening",
                                       "getting_a_haircut",
                                       "going_out",
                                       "hanging_out",
                                       "having_a_beer",
                                       "having_a_snack",
                                       "having_breakfast",
                                       "having_coffee",
                                       "having_dinner",
                                       "having_lunch",
                                       "having_tea",
                                       "hiding",
                                       "hiking",
                                       "in_a_car",
                                       "in_a_meeting",
                                       "in_real_life",
                                       "jogging",
                                       "on_a_bus",
                                       "on_a_plane",
                                       "on_a_train",
                                       "on_a_trip",
                                       "on_the_phone",
                                       "on_vacation",
                                       "on_video_phone",
                                       "other",
                                       "partying",
                                       "playing_sports",
                                       "praying",
                                       "reading",
                                       "rehearsing",
                                       "running",
                                       "running_an_errand",
                                       "scheduled_holiday",
                                       "shaving",
                                       "shopping",
                                       "skiing",
                                       "sleeping",
                                       "smoking",
                                       "socializing",
                                       "studying",
                                       "sunbathing",
                                       "swimming",
                                       "taking_a_bath",
                                       "taking_a_shower",
                                       "thinking",
                                       "walking",
                                       "walking_the_dog",
                                       "watching_a_movie",
                                       "watching_tv",
                                       "working_out",
                                       "writing"};

bool is_one_of(Names names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_number(std::string_view text, std::size_t digits) {
  return !text.empty() && text.size() <= digits && std::ranges::all_of(text, is_digit);
}
// "-48.8584", "+2": at most so many digits, and a point.
bool is_decimal(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.size() <= 16 && is_digit(text.front()) && std::ranges::count(text, '.') <= 1 &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || c == '.'; });
}
// XEP-0082.
bool is_date(std::string_view text) {
  return text.size() >= 17 && text.size() <= 32 && text[10] == 'T' && std::ranges::all_of(text, [](char c) {
           return is_digit(c) || c == '-' || c == ':' || c == 'T' || c == 'Z' || c == '.' || c == '+';
         });
}
bool is_line(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

// The text of an element without children, on one line, not empty; nothing: it is none.
std::optional<std::string_view> line_of(xml::Element element) {
  const auto text = element.single_text();
  if (!text || text->empty() || element.first_element() || !is_line(*text)) return std::nullopt;
  return text;
}

bool is_rgi(const UChar* text, std::int32_t length) {
  return u_stringHasBinaryProperty(text, length, UCHAR_RGI_EMOJI) != 0;
}

// `most` of the children that are numbers or what else `is_it` says, each name once.
void append_parts(xml::Writer& writer, xml::Element parent, Names names, bool (*is_it)(std::string_view)) {
  for (const auto name : names) {
    const auto text = parent.child(name, parent.ns()).single_text();
    if (text && is_it(*text)) writer.element(name, {}, *text);
  }
}

xml::Element child_of(xml::Element parent, Names names) {
  for (const auto child : parent.children()) {
    if (!child.is_text() && child.ns() == parent.ns() && is_one_of(names, child.name())) return child;
  }
  return {};
}

}  // namespace

bool is_emoji(std::string_view text) {
  std::array<UChar, 40> buffer{};
  if (text.empty() || text.size() > 100) return false;
  auto status = U_ZERO_ERROR;
  std::int32_t length = 0;
  u_strFromUTF8(buffer.data(), static_cast<std::int32_t>(buffer.size() - 1), &length, text.data(),
                static_cast<std::int32_t>(text.size()), &status);
  if (U_FAILURE(status) || length < 1 || length >= static_cast<std::int32_t>(buffer.size())) return false;
  if (is_rgi(buffer.data(), length)) return true;
  buffer[static_cast<std::size_t>(length)] = 0xfe0f;  // some clients leave it away
  return is_rgi(buffer.data(), length + 1);
}

bool append_reactions(std::string& out, xml::Element reactions) {
  const auto id = reactions.attribute_or_empty("id");
  if (reactions.name() != "reactions" || id.empty() || !core::is_token(id) || reactions.has_visible_text())
    return false;
  std::array<std::string_view, most_reactions> seen{};
  std::size_t count = 0;
  for (const auto reaction : reactions.children()) {
    if (reaction.is_text()) continue;
    const auto text = reaction.single_text();
    if (!reaction.is("reaction", reactions.ns()) || !text || !is_emoji(*text) || count == most_reactions) return false;
    if (std::find(seen.begin(), seen.begin() + count, *text) != seen.begin() + count) return false;
    seen[count++] = *text;
  }
  if (count == 0) return false;
  xml::Writer writer(out);
  writer.open("reactions", reactions.ns()).attribute("id", id);
  for (std::size_t i = 0; i < count; ++i) writer.element("reaction", {}, seen[i]);
  writer.close();
  return true;
}

bool append_subject(std::string& out, xml::Element subject) {
  const auto text = line_of(subject);
  if (!text || characters(*text) > longest_subject) return false;
  xml::Writer(out).element("subject", {}, *text);
  return true;
}

bool append_link(std::string& out, xml::Element x) {
  const auto text = x.child("url", x.ns()).single_text();
  if (x.name() != "x" || !text || !text->starts_with("https://") || text->size() > longest_link) return false;
  if (!core::is_token(*text, longest_link) || text->find_first_of("#@") != std::string_view::npos) return false;
  xml::Writer(out).open("x", x.ns()).element("url", {}, *text).close();
  return true;
}

bool append_location(std::string& out, xml::Element geoloc) {
  constexpr std::string_view numbers[] = {"accuracy", "alt", "altaccuracy", "bearing", "lat", "lon", "speed"};
  constexpr std::string_view times[] = {"timestamp"};
  const auto place = [&](std::string_view name) {
    const auto text = geoloc.child(name, geoloc.ns()).single_text();
    return text && is_decimal(*text);
  };
  if (geoloc.name() != "geoloc" || geoloc.has_visible_text()) return false;
  if (geoloc.first_element() && !(place("lat") && place("lon"))) return false;
  xml::Writer writer(out);
  writer.open("geoloc", geoloc.ns());
  append_parts(writer, geoloc, numbers, &is_decimal);
  append_parts(writer, geoloc, times, &is_date);
  writer.close();
  return true;
}

bool append_nickname(std::string& out, xml::Element nick) {
  const auto text = line_of(nick);
  if (nick.name() != "nick" || !text || text->size() > longest_nickname) return false;
  xml::Writer(out).element("nick", nick.ns(), *text);
  return true;
}

namespace {

// <span/>, <bcode/>, <bquote/>, <list/> and the <li/> of one. False: there are too many.
bool append_spans(xml::Writer& writer, xml::Element parent, Names names, std::size_t& count) {
  constexpr std::string_view kinds[] = {"code", "deleted", "emphasis", "strong"};
  constexpr std::string_view points[] = {"li"};
  for (const auto child : parent.children()) {
    if (child.is_text() || child.ns() != parent.ns() || !is_one_of(names, child.name())) continue;
    if (++count > most_spans) return false;
    const auto start = child.attribute_or_empty("start");
    const auto end = child.attribute_or_empty("end");
    const bool point = child.name() == "li";
    if (!is_number(start, 7) || (!point && !is_number(end, 7))) continue;
    writer.open(child.name()).attribute("start", start);
    if (!point) writer.attribute("end", end);
    for (const auto kind : kinds) {
      if (child.name() == "span" && child.child(kind, child.ns())) writer.element(kind);
    }
    const bool fits = child.name() != "list" || append_spans(writer, child, points, count);
    writer.close();
    if (!fits) return false;
  }
  return true;
}

}  // namespace

bool append_markup(std::string& out, xml::Element markup) {
  constexpr std::string_view names[] = {"bcode", "bquote", "list", "span"};
  if (markup.name() != "markup") return false;
  std::string written;
  xml::Writer writer(written);
  std::size_t count = 0;
  writer.open("markup", markup.ns());
  if (!append_spans(writer, markup, names, count)) return false;
  writer.close();
  out += written;
  return true;
}

bool append_status(std::string& out, xml::Element status) {
  const auto text = line_of(status);
  if (!text || text->size() > longest_status) return false;
  const auto lang = status.attribute_or_empty(xml::xml_lang);
  xml::Writer writer(out);
  writer.open("status");
  if (core::is_language_tag(lang)) writer.attribute(xml::xml_lang, lang);
  writer.text(*text).close();
  return true;
}

bool append_mood(std::string& out, xml::Element mood) {
  if (mood.name() != "mood" || mood.has_visible_text()) return false;
  const auto name = child_of(mood, moods);
  if (!name && mood.first_element()) return false;
  xml::Writer writer(out);
  writer.open("mood", mood.ns());
  if (name) writer.element(name.name());
  writer.close();
  return true;
}

bool append_activity(std::string& out, xml::Element activity) {
  if (activity.name() != "activity" || activity.has_visible_text()) return false;
  const auto general = child_of(activity, activities);
  if (!general && activity.first_element()) return false;
  xml::Writer writer(out);
  writer.open("activity", activity.ns());
  if (general) {
    writer.open(general.name());
    if (const auto doing = child_of(general, doings)) writer.element(doing.name());
    writer.close();
  }
  writer.close();
  return true;
}

bool append_tune(std::string& out, xml::Element tune) {
  constexpr std::string_view lines[] = {"artist", "source", "title", "track"};
  constexpr std::string_view numbers[] = {"length", "rating"};
  if (tune.name() != "tune" || tune.has_visible_text()) return false;
  for (const auto name : lines) {
    const auto part = tune.child(name, tune.ns());
    const auto text = part.single_text();
    if (part && (!text || text->size() > longest_tune || !is_line(*text))) return false;
  }
  xml::Writer writer(out);
  writer.open("tune", tune.ns());
  append_parts(writer, tune, lines, [](std::string_view text) { return !text.empty(); });
  append_parts(writer, tune, numbers, [](std::string_view text) { return is_number(text, 7); });
  writer.close();
  return true;
}

}  // namespace valise::modules::omemo::table
