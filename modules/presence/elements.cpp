#include "modules/presence/elements.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/trim.hpp"
#include "core/namespaces.hpp"

namespace valise::modules::presence {

std::optional<std::int8_t> parse_priority(std::string_view text) noexcept {
  text = trimmed(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);  // xs:byte allows it
  int number = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc() || stop != end || number < -128 || number > 127) return std::nullopt;
  return static_cast<std::int8_t>(number);
}

std::optional<std::int8_t> priority_of(xml::Element presence) {
  std::optional<std::int8_t> found;
  if (!presence) return std::int8_t{0};
  for (const auto node : presence.children()) {
    if (node.is_text() || !node.is("priority", core::ns::client)) continue;
    if (found) return std::nullopt;
    found = parse_priority(node.text());
    if (!found) return std::nullopt;
  }
  return found.value_or(std::int8_t{0});
}

bool has_valid_show(xml::Element presence) {
  static constexpr std::array<std::string_view, 4> values{"away", "chat", "dnd", "xa"};
  if (!presence) return true;
  bool found = false;
  for (const auto node : presence.children()) {
    if (node.is_text() || !node.is("show", core::ns::client)) continue;
    if (found || std::ranges::find(values, node.text()) == values.end()) return false;
    found = true;
  }
  return true;
}

}  // namespace valise::modules::presence
