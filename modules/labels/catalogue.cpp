#include "modules/labels/catalogue.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "base/trim.hpp"
#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::modules::labels {
namespace {

using std::unexpected;
namespace ns = core::ns;

constexpr std::size_t longest_name = 32;       // bytes
constexpr std::size_t longest_marking = 64;    // likewise
constexpr std::size_t longest_selector = 128;  // likewise
constexpr std::size_t longest_ess = 4'096;     // of base64
constexpr std::size_t most_fields = 5;
constexpr std::string_view none = "none";
constexpr std::string_view usual_text = "black", usual_ground = "white";  // §3

constexpr std::string_view levels[] = {
    "none; NON PROTÉGÉ",
    "dr; DIFFUSION RESTREINTE; white on #0063cb",
    "dr-sf; DIFFUSION RESTREINTE – SPÉCIAL FRANCE; white on #000091",
    "secret; SECRET; white on #c9191e",
    "tres-secret; TRÈS SECRET; white on #7d0012",
};

// §11.1; "fuschia" is how the schema spells it.
constexpr std::string_view colours[] = {"aqua",   "black", "blue",   "fuchsia", "fuschia", "gray",
                                        "green",  "lime",  "maroon", "navy",    "olive",   "orange",
                                        "purple", "red",   "silver", "teal",    "white",   "yellow"};

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_colour(std::string_view text) {
  if (text.size() == 7 && text.front() == '#') return std::ranges::all_of(text.substr(1), is_hex);
  return std::ranges::find(colours, text) != std::end(colours);
}

bool is_name(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= longest_name && std::ranges::all_of(text, fits) && text.front() != '-';
}

// One line in UTF-8: what XML can hold.
bool is_line(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x20 || first == 0x7f) return false;
    const std::size_t length = first < 0x80                    ? 1
                               : first >= 0xc2 && first < 0xe0 ? 2
                               : first >= 0xe0 && first < 0xf0 ? 3
                               : first >= 0xf0 && first < 0xf5 ? 4
                                                               : 0;
    if (length == 0 || i + length > text.size()) return false;
    const auto second = length > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
        (first == 0xf4 && second > 0x8f) || (first == 0xc2 && second < 0xa0)) {
      return false;
    }
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0U) != 0x80U) return false;
    }
    i += length;
  }
  return true;
}

bool is_text(std::string_view text, std::size_t longest) {
  return !text.empty() && text.size() <= longest && is_line(text);
}

// §4: selector-value = (<item>"|")*<item>
bool is_selector(std::string_view text) {
  if (!is_text(text, longest_selector)) return false;
  for (std::size_t begin = 0;;) {
    const auto end = text.find('|', begin);
    if (trimmed(text.substr(begin, end == std::string_view::npos ? end : end - begin)).empty()) return false;
    if (end == std::string_view::npos) return true;
    begin = end + 1;
  }
}

struct Fields {
  std::array<std::string_view, most_fields> all{};
  std::size_t count = 0;
};

std::expected<Fields, std::string> split(std::string_view text) {
  Fields fields;
  while (true) {
    if (fields.count == most_fields) return unexpected("takes at most five fields between \";\"");
    const auto end = text.find(';');
    fields.all[fields.count++] = trimmed(text.substr(0, end));
    if (end == std::string_view::npos) return fields;
    text.remove_prefix(end + 1);
  }
}

struct Colours {
  std::string_view text = usual_text, ground = usual_ground;
};

std::expected<Colours, std::string> parse_colours(std::string_view field) {
  if (field.empty()) return Colours();
  constexpr std::string_view between = " on ";
  const auto at = field.find(between);
  if (at == std::string_view::npos) return unexpected("colours are said as \"white on #c9191e\"");
  const Colours found{.text = trimmed(field.substr(0, at)), .ground = trimmed(field.substr(at + between.size()))};
  for (const auto one : {found.text, found.ground}) {
    if (!is_colour(one))
      return unexpected(
          fmt::format("no colour: \"{}\"; it takes #c9191e or a name of XEP-0258 §11.1", log::printable(one)));
  }
  return found;
}

// What stands in <label/>: an ESS label (RFC 2634), or ours.
std::expected<std::string, std::string> label_element(std::string_view name, std::string_view field) {
  std::string out;
  if (field.empty()) {
    xml::Writer(out).open("level", ns_level).attribute("name", name).close();
    return out;
  }
  constexpr std::string_view ess = "ess ";
  const auto text = field.starts_with(ess) ? trimmed(field.substr(ess.size())) : std::string_view();
  const auto bytes = text.size() <= longest_ess ? crypto::base64_decode(text) : std::nullopt;
  if (!bytes || bytes->empty()) return unexpected("a label is said as \"ess BASE64\" (RFC 2634)");
  xml::Writer(out).element("esssecuritylabel", ns_ess, text);
  return out;
}

std::string security_label(std::string_view marking, const Colours& chosen, std::string_view label) {
  std::string out;
  xml::Writer writer(out);
  writer.open("securitylabel", ns::security_label).open("displaymarking");
  writer.attribute("fgcolor", chosen.text).attribute("bgcolor", chosen.ground).text(marking).close();
  writer.open("label").raw(label).close().close();
  return out;
}

// §3: what a client leaves out of a marking is black on white.
std::string_view value_of(xml::Element element, std::string_view name) {
  const auto value = element.attribute(name);
  if (value || !element.is("displaymarking", ns::security_label)) return value.value_or(std::string_view());
  return name == "fgcolor" ? usual_text : name == "bgcolor" ? usual_ground : std::string_view();
}

bool has_only(xml::Element theirs, xml::Element ours) {
  const auto* document = theirs.document();
  const auto* begin = theirs.attributes_begin();
  return std::all_of(begin, begin + theirs.attribute_count(), [&](const xml::AttributeRecord& one) {
    return one.ns.length == 0 && ours.attribute(document->view(one.name)) == document->view(one.value);
  });
}

bool has_all(xml::Element theirs, xml::Element ours) {
  const auto* document = ours.document();
  const auto* begin = ours.attributes_begin();
  return std::all_of(begin, begin + ours.attribute_count(), [&](const xml::AttributeRecord& one) {
    return value_of(theirs, document->view(one.name)) == document->view(one.value);
  });
}

// Names, namespaces, attributes, children in their order, and text but for blanks around it. It goes no deeper than
// ours does.
bool is_equal(xml::Element ours, xml::Element theirs) {
  if (!theirs.is(ours.name(), ours.ns()) || !has_only(theirs, ours) || !has_all(theirs, ours)) return false;
  if (ours.first_element() ? theirs.has_visible_text() : !theirs.single_text()) return false;
  if (!ours.first_element() && trimmed(*ours.single_text()) != trimmed(*theirs.single_text())) return false;
  const auto children = theirs.children();
  auto at = children.begin();
  const auto skip_text = [&] {
    while (at != children.end() && (*at).is_text()) ++at;
  };
  for (const auto child : ours.children()) {
    if (child.is_text()) continue;
    skip_text();
    if (!(at != children.end()) || !is_equal(child, *at)) return false;
    ++at;
  }
  skip_text();
  return !(at != children.end());
}

}  // namespace

std::span<const std::string_view> french_levels() noexcept { return levels; }

std::expected<Item, std::string> parse_item(std::string_view text) {
  const auto fields = split(text);
  if (!fields) return unexpected(fields.error());
  const auto& [name, marking, colour, selector, label] = fields->all;
  if (fields->count < 2 || marking.empty()) {
    return unexpected("takes \"NAME; MARKING; COLOUR on COLOUR; SELECTOR\", \"none; TEXT\", or \"fr\"");
  }
  if (name == none) {
    if (fields->count > 2) return unexpected("\"none\" is the choice of no label: it takes a text and nothing else");
    if (!is_selector(marking)) return unexpected("a text has 1 to 128 bytes of UTF-8 on one line");
    return Item{.selector = std::string(marking), .label = {}};
  }
  if (!is_name(name)) return unexpected("a name has 1 to 32 of a-z, 0-9 and \"-\"");
  if (!is_text(marking, longest_marking)) return unexpected("a marking has 1 to 64 bytes of UTF-8 on one line");
  const auto chosen_by = selector.empty() ? marking : selector;
  if (!is_selector(chosen_by))
    return unexpected("a selector has 1 to 128 bytes on one line, and nothing empty around \"|\"");
  const auto colours_of_it = parse_colours(colour);
  if (!colours_of_it) return unexpected(colours_of_it.error());
  const auto element = label_element(name, label);
  if (!element) return unexpected(element.error());
  auto made = make_ref<const core::Label>(std::string(name), security_label(marking, *colours_of_it, *element));
  auto document = xml::parse_element(made->xml);
  if (!document) return unexpected("it can't be written as XML");
  return Item{.selector = std::string(chosen_by), .label = std::move(made), .element = std::move(document)};
}

std::string check_entry(std::string_view text) {
  if (text == "fr") return {};
  const auto item = parse_item(text);
  return item ? std::string() : item.error();
}

std::expected<Ref<const Catalogue>, std::string> Catalogue::make(const config::Strings& entries) {
  std::vector<std::string_view> texts;
  for (const auto& entry : entries) {
    if (entry == "fr") {
      texts.insert(texts.end(), std::begin(levels), std::end(levels));
    } else {
      texts.emplace_back(entry);
    }
  }
  if (texts.size() > most_items) return unexpected(fmt::format("takes at most {} labels", most_items));
  auto made = make_ref<Catalogue>();
  for (const auto text : texts) {
    auto item = parse_item(text);
    if (!item) return unexpected(item.error());
    for (const auto& other : made->items_) {
      if (other.name() == item->name()) return unexpected(fmt::format("two labels \"{}\"", item->name()));
      if (other.selector == item->selector)
        return unexpected(fmt::format("two labels are chosen by \"{}\"", item->selector));
    }
    made->items_.push_back(std::move(*item));
  }
  return Ref<const Catalogue>(std::move(made));
}

Ref<const core::Label> Catalogue::find(xml::Element element) const {
  const auto found = std::ranges::find_if(
      items_, [&](const Item& item) { return item.element && is_equal(item.element->root(), element); });
  return found == items_.end() ? Ref<const core::Label>() : found->label;
}

Ref<const core::Label> Catalogue::find_kept(xml::Element element) const {
  const auto label = element.child("label", ns::security_label);
  const auto found = std::ranges::find_if(items_, [&](const Item& item) {
    return item.element && label && is_equal(item.element->root().child("label", ns::security_label), label);
  });
  return found == items_.end() ? Ref<const core::Label>() : found->label;
}

}  // namespace valise::modules::labels
