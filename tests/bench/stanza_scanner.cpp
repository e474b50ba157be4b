#include "stanza_scanner.hpp"

namespace valise::bench {

namespace {

constexpr auto npos = std::string_view::npos;

bool space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// The position of the '>' that closes the tag at `start`, or npos.
std::size_t tag_end(std::string_view bytes, std::size_t start) noexcept {
  std::size_t at = start;
  while ((at = bytes.find_first_of("\"'>", at)) != npos) {
    if (bytes[at] == '>') return at;
    at = bytes.find(bytes[at], at + 1);
    if (at == npos) return npos;
    ++at;
  }
  return npos;
}

}  // namespace

Piece StanzaScanner::next(std::string_view bytes, std::size_t& position, std::string_view& text) {
  while (position < bytes.size() && space(bytes[position])) ++position;
  if (position == bytes.size()) return Piece::more;
  if (bytes[position] != '<') return Piece::broken;
  if (position + 2 > bytes.size()) return Piece::more;

  if (!inside_) {
    auto end = tag_end(bytes, position);
    if (end == npos) return Piece::more;
    if (bytes[position + 1] == '?') {  // the XML declaration
      position = end + 1;
      return next(bytes, position, text);
    }
    inside_ = true;
    text = bytes.substr(position, end + 1 - position);
    position = end + 1;
    return Piece::header;
  }

  if (bytes[position + 1] == '/') return Piece::end;
  int depth = 0;
  std::size_t at = position;
  while (true) {
    const auto open = bytes.find('<', at);
    if (open == npos || open + 1 >= bytes.size()) return Piece::more;
    const char kind = bytes[open + 1];
    if (kind == '!' || kind == '?') return Piece::broken;
    const auto end = kind == '/' ? bytes.find('>', open) : tag_end(bytes, open);
    if (end == npos) return Piece::more;
    if (kind == '/') {
      --depth;
    } else if (bytes[end - 1] != '/') {
      ++depth;
    }
    at = end + 1;
    if (depth == 0) break;
  }
  text = bytes.substr(position, at - position);
  position = at;
  return Piece::element;
}

std::string_view element_name(std::string_view element) noexcept {
  if (element.size() < 2) return {};
  return element.substr(1, element.find_first_of(" \t\r\n/>", 1) - 1);
}

std::string_view attribute(std::string_view element, std::string_view name) noexcept {
  const auto end = tag_end(element, 0);
  std::size_t at = 1 + element_name(element).size();
  while (at < end && end != npos) {
    while (at < end && space(element[at])) ++at;
    const auto equals = element.find('=', at);
    if (equals == npos || equals > end) return {};
    auto key = element.substr(at, equals - at);
    while (!key.empty() && space(key.back())) key.remove_suffix(1);
    const auto open = element.find_first_of("\"'", equals);
    if (open == npos || open > end) return {};
    const auto close = element.find(element[open], open + 1);
    if (close == npos) return {};
    if (key == name) return element.substr(open + 1, close - open - 1);
    at = close + 1;
  }
  return {};
}

}  // namespace valise::bench
