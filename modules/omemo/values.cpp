#include "modules/omemo/values.hpp"

#include <algorithm>

#include "base/siphash.hpp"
#include "core/jid/jid.hpp"
#include "core/text.hpp"

namespace valise::modules::omemo {
namespace {
constexpr std::size_t longest_address = 256;  // bytes

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
}  // namespace

bool is_name(std::string_view text) {
  return text.size() <= 64 && std::ranges::count(text, ' ') < 4 &&
         std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool is_plain_token(std::string_view text, std::size_t limit) {
  return !text.empty() && text.size() <= limit &&
         std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_number(std::string_view text, std::size_t digits) {
  return !text.empty() && text.size() <= digits && std::ranges::all_of(text, is_digit);
}

bool is_boolean(std::string_view text) { return text == "true" || text == "false" || text == "1" || text == "0"; }

bool is_date(std::string_view text) {
  return text.size() >= 17 && text.size() <= 40 && text.find('T') == 10 && std::ranges::all_of(text, [](char c) {
           return is_digit(c) || c == '-' || c == ':' || c == 'T' || c == 'Z' || c == '.' || c == '+';
         });
}

bool is_language(std::string_view text) { return core::is_language_tag(text); }

bool is_bare_address(std::string_view text) {
  if (text.size() > longest_address) return false;
  const auto jid = core::Jid::parse(text);
  return jid && jid->is_bare() && jid->has_local();
}

bool is_printable(std::string_view bytes) {
  return bytes.size() >= 16 &&
         std::ranges::all_of(bytes, [](char c) { return is_printable_character(static_cast<unsigned char>(c)); });
}

std::uint64_t keyed_hash(std::string_view bytes) {
  static const auto key = SipKey::random();
  return siphash(key, bytes);
}

bool is_empty_element(xml::Element element) { return !element.first_element() && !element.has_visible_text(); }

}  // namespace valise::modules::omemo
