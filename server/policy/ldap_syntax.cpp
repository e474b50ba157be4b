#include "policy/ldap_syntax.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace valise::policy {
namespace {

constexpr unsigned deepest = 32;  // filters within filters

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// ---- filters: ( & … ), ( | … ), ( ! … ), ( attribute operator value )

class Filter {
 public:
  explicit Filter(std::string_view text) : text_(text) {}

  std::string fault() {
    auto why = one(0);
    if (!why.empty()) return why;
    return at_ == text_.size() ? std::string() : here("nothing may stand behind the last \")\"");
  }

 private:
  [[nodiscard]] bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }
  [[nodiscard]] std::string here(std::string_view what) const {
    return fmt::format("{}, at byte {} of the filter", what, at_ + 1);
  }

  std::string one(unsigned depth) {
    if (depth == deepest) return fmt::format("at most {} filters within each other", deepest);
    if (!next_is('(')) return here("\"(\" is wanted");
    ++at_;
    if (next_is('&') || next_is('|') || next_is('!')) {
      const bool single = text_[at_++] == '!';
      do {
        if (auto why = one(depth + 1); !why.empty()) return why;
      } while (!single && next_is('('));
    } else if (auto why = comparison(); !why.empty()) {
      return why;
    }
    if (!next_is(')')) return here("\")\" is wanted");
    ++at_;
    return {};
  }

  // Attribute, with ":rule" and ":dn" of an extensible match (RFC 4515 §3), then "=", "~=", ">=", "<=" or ":=".
  std::string comparison() {
    const auto end = text_.find_first_of("=()", at_);
    if (end == std::string_view::npos || text_[end] != '=') return here("attribute=value is wanted");
    auto name = text_.substr(at_, end - at_);
    const bool extensible = name.ends_with(':');
    if (!name.empty() && std::string_view("~<>:").find(name.back()) != std::string_view::npos) name.remove_suffix(1);
    const auto rule = extensible ? name.substr(0, name.find(':')) : name;
    if (!(extensible && rule.empty() && name.size() > 1)) {
      if (auto why = attribute_fault(rule); !why.empty()) return here(why);
    }
    at_ = end + 1;
    return value();
  }

  std::string value() {
    for (; at_ < text_.size() && text_[at_] != ')'; ++at_) {
      const char c = text_[at_];
      if (c == '(') return here("\"(\" in a value is written \\28");
      if (c == '\0') return here("a zero byte in a value is written \\00");
      if (c != '\\') continue;
      if (at_ + 2 >= text_.size() || !is_hex(text_[at_ + 1]) || !is_hex(text_[at_ + 2])) {
        return here("\"\\\" in a value takes two hexadecimal digits");
      }
      at_ += 2;
    }
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// ---- URIs

std::string host_fault(std::string_view host) {
  if (host.empty()) return "it names no host";
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || host.size() < 4) return "an IPv6 address stands in [ ]";
    const auto inner = host.substr(1, host.size() - 2);
    return std::ranges::all_of(inner, [](char c) { return is_hex(c) || c == ':' || c == '.'; })
               ? std::string()
               : std::string("an IPv6 address stands in [ ]");
  }
  const auto plain = [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.'; };
  return std::ranges::all_of(host, plain) && host.size() <= 253 ? std::string() : std::string("it names no host");
}

bool is_loopback(std::string_view host) {
  if (host == "[::1]") return true;
  return host.starts_with("127.") && std::ranges::all_of(host, [](char c) { return is_digit(c) || c == '.'; });
}

std::string socket_fault(std::string_view path) {
  if (path.empty()) return "name the socket, as ldapi://%2Frun%2Fslapd%2Fldapi";
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%') {
      if (i + 2 >= path.size() || !is_hex(path[i + 1]) || !is_hex(path[i + 2]))
        return "\"%\" takes two hexadecimal digits";
      i += 2;
    } else if (path[i] == '/' || path[i] == '?' || path[i] == ' ') {
      return "the socket's path is written with %2F for \"/\"";
    }
  }
  return {};
}

}  // namespace

std::string read_ldap_uri(std::string_view text, LdapUri& uri) {
  const auto take = [&](std::string_view scheme, LdapUri::Scheme is) {
    if (!text.starts_with(scheme)) return false;
    text.remove_prefix(scheme.size());
    uri.scheme = is;
    return true;
  };
  if (!take("ldaps://", LdapUri::Scheme::ldaps) && !take("ldap://", LdapUri::Scheme::ldap) &&
      !take("ldapi://", LdapUri::Scheme::ldapi)) {
    return "it begins with ldaps://, ldap:// or ldapi://";
  }
  if (uri.scheme == LdapUri::Scheme::ldapi) return socket_fault(text);
  if (text.find_first_of("/?#@ ,") != std::string_view::npos) {
    return "it names one server and nothing else: base, filter and the rest have keys of their own";
  }
  const auto colon = text.find(':', text.starts_with('[') ? std::min(text.find(']'), text.size()) : 0);
  const auto host = text.substr(0, colon);
  if (colon != std::string_view::npos) {
    const auto digits = text.substr(colon + 1);
    unsigned port = 0;
    const auto [stop, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (digits.empty() || fault != std::errc() || stop != digits.data() + digits.size() || port == 0 || port > 65'535) {
      return "the port is a number from 1 to 65535";
    }
  }
  uri.loopback = is_loopback(host);
  return host_fault(host);
}

std::string filter_fault(std::string_view text) { return Filter(text).fault(); }

std::string attribute_fault(std::string_view text) {
  const auto name = text.substr(0, text.find(';'));
  const auto plain = [](char c) { return is_letter(c) || is_digit(c) || c == '-'; };
  const bool word = !name.empty() && is_letter(name.front()) && std::ranges::all_of(name, plain);
  const bool number = !name.empty() && is_digit(name.front()) && is_digit(name.back()) &&
                      std::ranges::all_of(name, [](char c) { return is_digit(c) || c == '.'; });
  const auto options = text.substr(name.size());
  const bool good = std::ranges::all_of(options, [&](char c) { return plain(c) || c == ';'; });
  return (word || number) && good ? std::string() : std::string("an attribute's name is wanted");
}

std::string dn_fault(std::string_view text) {
  bool in_value = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const bool end = i == text.size();
    if (!end && static_cast<unsigned char>(text[i]) < 0x20) return "a control character in a name";
    if (!end && text[i] == '\\') {
      if (i + 1 == text.size()) return "\"\\\" stands before a character";
      ++i;
    } else if (!end && text[i] == '=' && !in_value) {
      auto type = text.substr(begin, i - begin);
      while (type.starts_with(' ')) type.remove_prefix(1);
      if (!attribute_fault(type).empty()) return "a name is written as \"ou=people,dc=example,dc=org\"";
      in_value = true;
    } else if (end || text[i] == ',' || text[i] == '+') {
      if (!in_value) return "a name is written as \"ou=people,dc=example,dc=org\"";
      in_value = false;
      begin = i + 1;
    }
  }
  return {};
}

}  // namespace valise::policy
