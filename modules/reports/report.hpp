// One report: as it comes, as it is stored. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xml/document.hpp"

namespace valise::modules::reports {

inline constexpr std::string_view ns_reporting = "urn:xmpp:reporting:1";
inline constexpr std::size_t max_messages = 16;     // named by one report; further ones are left out
inline constexpr std::size_t max_text = 1'000;      // bytes; the rest is cut off
inline constexpr std::size_t max_message_id = 128;  // bytes

struct Report {
  std::int64_t at_ms = 0;             // UTC
  std::string reporter;               // bare
  std::string reported;               // as it was blocked
  std::string reason;                 // "spam", "abuse"
  std::vector<std::string> messages;  // stanza-ids (XEP-0359): what the log, the store and clients call them
  std::string text;                   // what the reporter writes, without control characters; may be empty
};

// Of a <report/>: reason, messages and text. Nothing without one of the two reasons of XEP-0377 §4.
[[nodiscard]] std::optional<Report> read_report(xml::Element report);
// A text without what moves a terminal's cursor: each control character is a blank; at most `most` bytes, whole
// characters.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most);

[[nodiscard]] std::string to_stored(const Report& report);
// Nothing: it was not written by to_stored.
[[nodiscard]] std::optional<Report> from_stored(std::string_view xml);

}  // namespace valise::modules::reports
