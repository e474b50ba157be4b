#include "core/jid/domain.hpp"

#include <arpa/inet.h>
#include <unicode/uidna.h>

#include <stdexcept>

#include "core/jid/ascii.hpp"
#include "core/jid/jid.hpp"
#include "core/jid/stringprep.hpp"

namespace valise::core {
namespace {

constexpr std::size_t max_label = 63;  // RFC 1035 §2.3.4, counted in the ASCII form
constexpr std::string_view ace_prefix = "xn--";

std::unexpected<Error> refuse(const char* why) { return fail(ErrorCode::invalid, std::string("domain: ") + why); }

const UIDNA* idna() {
  static const UIDNA* const instance = [] {
    UErrorCode status = U_ZERO_ERROR;
    auto* opened = uidna_openUTS46(
        UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE,
        &status);
    if (U_FAILURE(status)) throw std::runtime_error("ICU has no IDNA data: " + std::string(u_errorName(status)));
    return opened;
  }();
  return instance;
}

// One label through UTS #46; empty when it is no valid label in that direction.
template <class Convert>
std::string convert_label(Convert convert, std::string_view label) {
  std::string out(label.size() * 4 + 64, '\0');
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  UErrorCode status = U_ZERO_ERROR;
  const auto length = convert(idna(), label.data(), static_cast<std::int32_t>(label.size()), out.data(),
                              static_cast<std::int32_t>(out.size()), &info, &status);
  if (U_FAILURE(status) || info.errors != 0) return {};
  out.resize(static_cast<std::size_t>(length));
  return out;
}

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (!ascii::is(c)) return false;
  }
  return true;
}

bool is_plain_label(std::string_view label) {
  if (label.empty() || label.size() > max_label || label.front() == '-' || label.back() == '-') return false;
  for (const char c : label) {
    if ((ascii::of(c) & (ascii::in_label | ascii::upper)) != ascii::in_label) return false;
  }
  return true;
}

// A label that is prepared, and a U-label: it has an ASCII form, and no rule would map it further.
bool is_unicode_label(std::string_view label) {
  if (is_ascii(label)) return false;
  const auto prepared = prepare(Profile::nameprep, label);
  return prepared && *prepared == label && convert_label(uidna_labelToUnicodeUTF8, label) == label &&
         !convert_label(uidna_labelToASCII_UTF8, label).empty();
}

// `label` is lower case if it is ASCII, and through nameprep otherwise.
Result<> append_prepared_label(std::string& out, std::string_view label) {
  if (is_ascii(label)) {
    if (!is_plain_label(label)) return refuse("bad label");
    if (!label.starts_with(ace_prefix)) {
      out += label;
      return {};
    }
    const auto unicode = convert_label(uidna_labelToUnicodeUTF8, label);
    if (unicode.empty()) return refuse("bad A-label");
    const bool same_name = is_unicode_label(unicode) && convert_label(uidna_labelToASCII_UTF8, unicode) == label;
    out += same_name ? std::string_view(unicode) : label;
    return {};
  }
  // Letters younger than nameprep's tables (Unicode 3.2) are folded by UTS #46 only.
  const auto unicode = convert_label(uidna_labelToUnicodeUTF8, label);
  if (!is_unicode_label(unicode)) return refuse("bad internationalised label");
  out += unicode;
  return {};
}

// Label by label, as RFC 3490 §4 prepares them: one right-to-left label does not forbid a Latin one beside it.
Result<> append_label(std::string& out, std::string_view label) {
  if (is_ascii(label)) {
    std::string folded(label);
    for (char& c : folded) c = ascii::fold(c);
    return append_prepared_label(out, folded);
  }
  const auto prepared = prepare(Profile::nameprep, label);
  if (!prepared) return refuse(prepared.error().text.c_str());
  return append_prepared_label(out, *prepared);
}

// RFC 3490 §3.1: the characters that separate labels. Sets `size` to that of the first one found.
std::size_t find_dot(std::string_view name, std::size_t& size) {
  auto first = name.find('.');
  size = 1;
  for (const std::string_view dot : {"\u3002", "\uFF0E", "\uFF61"}) {
    const auto at = name.substr(0, first).find(dot);
    if (at != std::string_view::npos) {
      first = at;
      size = dot.size();
    }
  }
  return first;
}

Result<> append_labels(std::string& out, std::string_view name) {
  const auto begin = out.size();
  while (true) {
    std::size_t dot_size = 0;
    const auto dot = find_dot(name, dot_size);
    if (auto appended = append_label(out, name.substr(0, dot)); !appended) return appended;
    if (out.size() - begin > Jid::max_part) return refuse("longer than 1023 bytes");
    if (dot == std::string_view::npos) return {};
    name.remove_prefix(dot + dot_size);
    if (name.empty()) return {};  // RFC 7622 §3.2: one final dot goes
    out += '.';
  }
}

Result<> append_ipv6(std::string& out, std::string_view literal) {
  const auto inside = literal.substr(1);
  if (!inside.ends_with(']') || inside.size() > INET6_ADDRSTRLEN) return refuse("bad IPv6 literal");
  const std::string address(inside.substr(0, inside.size() - 1));
  in6_addr binary{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.find('\0') != std::string::npos || inet_pton(AF_INET6, address.c_str(), &binary) != 1 ||
      inet_ntop(AF_INET6, &binary, text.data(), text.size()) == nullptr) {
    return refuse("bad IPv6 literal");
  }
  out += '[';
  out += text.data();
  out += ']';
  return {};
}

}  // namespace

Result<> append_domain(std::string& out, std::string_view domain) {
  if (domain.starts_with('[')) return append_ipv6(out, domain);
  return append_labels(out, domain);
}

std::string ascii_domain(std::string_view canonical) {
  if (canonical.starts_with('[') && canonical.ends_with(']')) {
    return std::string(canonical.substr(1, canonical.size() - 2));
  }
  std::string out;
  while (true) {
    const auto dot = canonical.find('.');
    const auto label = canonical.substr(0, dot);
    out += is_ascii(label) ? std::string(label) : convert_label(uidna_labelToASCII_UTF8, label);
    if (dot == std::string_view::npos) return out;
    out += '.';
    canonical.remove_prefix(dot + 1);
  }
}

}  // namespace valise::core
