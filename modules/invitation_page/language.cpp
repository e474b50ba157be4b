#include "modules/invitation_page/language.hpp"

#include <algorithm>
#include <array>

#include "base/trim.hpp"

namespace valise::modules::invitation_page {
namespace {

std::string_view cut(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return trimmed(part, line_blanks);
}

// RFC 9110 §12.4.2: "0" to "1" with up to three digits behind the point, in thousandths; -1 for anything else.
int weight_of(std::string_view text) {
  if (text.empty()) return 1'000;
  if (!text.starts_with("q=") && !text.starts_with("Q=")) return -1;
  text.remove_prefix(2);
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return -1;
  if (text.size() > 1 && text[1] != '.') return -1;
  int weight = text[0] == '1' ? 1'000 : 0;
  int unit = 100;
  for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (c < '0' || c > '9') return -1;
    weight += (c - '0') * unit;
    unit /= 10;
  }
  return weight > 1'000 ? -1 : weight;
}

}  // namespace

core::Language preferred_language(std::string_view accept_language, core::Language otherwise) {
  using enum core::Language;
  std::array<int, 2> best{-1, -1};  // by Language; -1: not named
  int anything = 0;                 // "*": those that are not named
  for (int ranges = 0; !accept_language.empty() && ranges < 32; ++ranges) {
    auto range = cut(accept_language, ',');
    const auto tag = cut(range, ';');
    const auto weight = weight_of(trimmed(range, line_blanks));
    if (weight < 0 || tag.empty()) continue;
    if (tag == "*") anything = std::max(anything, weight);
    const bool is_french = core::language_of(tag, english) == french;
    if (!is_french && core::language_of(tag, french) != english) continue;
    auto& of_language = best[static_cast<std::size_t>(is_french ? french : english)];
    of_language = std::max(of_language, weight);
  }
  for (auto& weight : best) {
    if (weight < 0) weight = anything;
  }
  if (best[0] == best[1]) return otherwise;
  return best[0] > best[1] ? english : french;
}

core::Language language_asked_for(std::string_view query, core::Language otherwise) {
  while (!query.empty()) {
    const auto part = cut(query, '&');
    if (part == "lang=fr") return core::Language::french;
    if (part == "lang=en") return core::Language::english;
  }
  return otherwise;
}

}  // namespace valise::modules::invitation_page
