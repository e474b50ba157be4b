// What the switches let in (docs/sealed-table.md), each read and written anew: numbers, names of a list, and where it
// is text by its nature, little of it on one line. Every function writes the element and returns true, or writes
// nothing. Pure.
#pragma once

#include <string>

#include "xml/document.hpp"

namespace valise::modules::omemo::table {

inline constexpr std::size_t most_reactions = 8;
inline constexpr std::size_t longest_status = 256;   // bytes
inline constexpr std::size_t longest_subject = 100;  // characters
inline constexpr std::size_t longest_link = 512;     // bytes
inline constexpr std::size_t longest_nickname = 64;  // bytes
inline constexpr std::size_t longest_tune = 128;     // bytes, each
inline constexpr std::size_t most_spans = 64;

// One of Unicode's emoji (RGI), with or without its variation selector.
[[nodiscard]] bool is_emoji(std::string_view text);

// XEP-0444: different emoji, at least one.
[[nodiscard]] bool append_reactions(std::string& out, xml::Element reactions);
// RFC 6121 §5.2.4.
[[nodiscard]] bool append_subject(std::string& out, xml::Element subject);
// XEP-0066: the address alone; none with a user or a fragment, in which the key of a sealed file would stand.
[[nodiscard]] bool append_link(std::string& out, xml::Element x);
// XEP-0080: the numbers; at least where it is.
[[nodiscard]] bool append_location(std::string& out, xml::Element geoloc);
// XEP-0172.
[[nodiscard]] bool append_nickname(std::string& out, xml::Element nick);
// XEP-0394: spans, blocks and lists by numbers.
[[nodiscard]] bool append_markup(std::string& out, xml::Element markup);
// RFC 6121 §4.7.2.2.
[[nodiscard]] bool append_status(std::string& out, xml::Element status);
// XEP-0107, XEP-0108: names of the specification; an empty one says that there is nothing to tell (any more).
[[nodiscard]] bool append_mood(std::string& out, xml::Element mood);
[[nodiscard]] bool append_activity(std::string& out, xml::Element activity);
// XEP-0118; an empty one likewise.
[[nodiscard]] bool append_tune(std::string& out, xml::Element tune);

}  // namespace valise::modules::omemo::table
