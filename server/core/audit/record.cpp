#include "core/audit/record.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace valise::core::audit {
namespace {

constexpr std::array<std::string_view, 14> kinds{"message", "presence", "login",        "logout", "login-failed",
                                                 "denied",  "admin",    "start",        "stop",   "recovered",
                                                 "passed",  "report",   "omemo-device", "void"};
constexpr std::array<std::string_view, 15> types{
    "",           "normal",      "chat",         "groupchat", "headline", "error", "unavailable", "subscribe",
    "subscribed", "unsubscribe", "unsubscribed", "probe",     "get",      "set",   "result"};
constexpr std::array<std::string_view, 3> encryptions{"", "omemo:2", "legacy"};
constexpr std::array<std::string_view, 4> outcomes{"", "delivered", "stored", "refused"};

constexpr auto plain = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0x20; c < 0x7f; ++c) table[c] = c != '"' && c != '\\';
  return table;
}();

constexpr auto token = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 128; ++c) {
    table[c] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' ||
               c == ':' || c == '-';
  }
  return table;
}();

bool is_plain(char c) noexcept { return plain[static_cast<unsigned char>(c)]; }

void append_escape(std::string& out, unsigned unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  const std::array<char, 6> text{
      '\\', 'u', digits[unit >> 12 & 15], digits[unit >> 8 & 15], digits[unit >> 4 & 15], digits[unit & 15]};
  out.append(text.data(), text.size());
}

// The code point that `text` begins with and its length; a byte that begins none (RFC 3629 §4) is U+FFFD, length 1.
struct CodePoint {
  unsigned value;
  std::size_t length;
};
CodePoint decode(std::string_view text) noexcept {
  constexpr CodePoint bad{0xfffd, 1};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return bad;
  unsigned value = lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80) return bad;
    value = value << 6 | (byte(i) & 0x3fu);
  }
  const unsigned least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
  if (value < least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return bad;
  return {value, length};
}

void append_hard(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto [value, length] = decode(text);
    if (value < 0x80 && plain[value]) {
      out.push_back(static_cast<char>(value));
    } else if (value == '"' || value == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(value));
    } else if (value < 0x10000) {
      append_escape(out, value);
    } else {
      append_escape(out, 0xd800 + ((value - 0x10000) >> 10));
      append_escape(out, 0xdc00 + ((value - 0x10000) & 0x3ff));
    }
    text.remove_prefix(length);
  }
}

// `name` comes with its comma, quotes and colon. Returns whether the text was cut.
bool append_text(std::string& out, std::string_view name, std::string_view text, std::size_t limit = max_user_bytes) {
  if (text.empty()) return false;
  const bool cut = text.size() > limit;
  if (cut) {
    std::size_t end = limit;
    while (end > limit - 3 && (static_cast<unsigned char>(text[end]) & 0xc0u) == 0x80) --end;
    text = text.substr(0, end);
  }
  out.append(name);
  out.push_back('"');
  const auto stop = std::find_if_not(text.begin(), text.end(), is_plain);
  out.append(text.begin(), stop);
  append_hard(out, {stop, text.end()});
  out.push_back('"');
  return cut;
}

void append_token(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out.append(name);
  out.push_back('"');
  for (const char c : text.substr(0, max_token_bytes)) {
    out.push_back(token[static_cast<unsigned char>(c)] ? c : c == ' ' ? '-' : '_');
  }
  out.push_back('"');
}

void append_digits(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_number(std::string& out, std::string_view name, std::uint64_t value) {
  if (value == 0) return;
  out.append(name);
  append_digits(out, value);
}

// `text` is a constant of this file and needs no escape.
void append_name(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out.append(name);
  out.push_back('"');
  out.append(text);
  out.push_back('"');
}

bool take(std::string_view& text, std::string_view prefix) noexcept {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string_view name_of(Kind kind) noexcept { return kinds[static_cast<std::size_t>(kind)]; }
std::string_view name_of(StanzaType type) noexcept { return types[static_cast<std::size_t>(type)]; }
std::string_view name_of(Encryption encryption) noexcept { return encryptions[static_cast<std::size_t>(encryption)]; }
std::string_view name_of(Outcome outcome) noexcept { return outcomes[static_cast<std::size_t>(outcome)]; }

StanzaType stanza_type_of(std::string_view attribute) noexcept {
  const auto found = std::find(types.begin(), types.end(), attribute);
  return found == types.end() ? StanzaType::none : static_cast<StanzaType>(found - types.begin());
}

Origin::Origin(const Members& members) {
  cut_ |= append_text(json_, R"(,"from":)", members.jid);
  cut_ |= append_text(json_, R"(,"resource":)", members.resource);
  cut_ |= append_text(json_, R"(,"session":)", members.session, max_token_bytes);
  cut_ |= append_text(json_, R"(,"source":)", members.source, max_token_bytes);
  cut_ |= append_text(json_, R"(,"tls":)", members.tls, max_token_bytes);
  cut_ |= append_text(json_, R"(,"cipher":)", members.cipher, max_token_bytes);
  cut_ |= append_text(json_, R"(,"mechanism":)", members.mechanism, max_token_bytes);
  json_.shrink_to_fit();  // it lives as long as its session
}

void append_json(std::string& out, const Record& record) {
  out.append(R"({"id":")");
  append_digits(out, record.id);
  out.append(record.rows ? R"(","rows":true,"kind":")" : R"(","kind":")");
  out.append(name_of(record.kind));
  out.push_back('"');
  bool cut = false;
  if (record.origin) {
    out.append(record.origin->json());
    cut = record.origin->was_cut();
  }
  cut |= append_text(out, R"(,"to":)", record.recipient);
  cut |= append_text(out, R"(,"stanza":)", record.stanza_id);
  append_name(out, R"(,"type":)", name_of(record.type));
  append_number(out, R"(,"size":)", record.size);
  append_name(out, R"(,"encryption":)", name_of(record.encryption));
  append_number(out, R"(,"device":)", record.sender_device);
  append_text(out, R"(,"identity":)", record.identity, max_token_bytes);
  append_number(out, R"(,"keys":)", record.recipient_keys);
  append_name(out, R"(,"verdict":)", name_of(record.verdict));
  append_token(out, R"(,"reason":)", record.reason);
  cut |= append_text(out, R"(,"rule":)", record.rule);
  if (cut) out.append(R"(,"cut":true)");
  out.push_back('}');
}

RecordKey key_of(std::string_view json) noexcept {
  RecordKey key;
  if (!take(json, R"({"id":")")) return {};
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), key.id);
  if (error != std::errc()) return {};
  json.remove_prefix(static_cast<std::size_t>(end - json.data()));
  if (!take(json, "\"")) return {};
  key.rows = take(json, R"(,"rows":true)");
  if (!take(json, R"(,"kind":")")) return {};
  key.correction = json.starts_with(R"(void")") || json.starts_with(R"(recovered")");
  return key;
}

}  // namespace valise::core::audit
