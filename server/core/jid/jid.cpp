#include "core/jid/jid.hpp"

#include "core/jid/ascii.hpp"
#include "core/jid/domain.hpp"
#include "core/jid/stringprep.hpp"

namespace valise::core {
namespace {

// Normalisation may shorten a part; more than this is not even looked at.
constexpr std::size_t max_unprepared = 3 * Jid::max_part;

std::unexpected<Error> refuse(const char* part, const std::string& why) {
  return fail(ErrorCode::invalid, std::string(part) + ": " + why);
}

enum class Fast : unsigned char { done, refused, needs_icu };

// Appends `in` folded if all of it is ASCII of class `allowed`.
Fast append_ascii(std::string& out, std::string_view in, ascii::Class allowed, bool fold) {
  const auto begin = out.size();
  out.resize(begin + in.size());
  char* to = out.data() + begin;
  unsigned seen = 0;
  unsigned common = 0xff;
  for (const char c : in) {
    seen |= static_cast<unsigned char>(c);
    common &= ascii::of(c);
    *to++ = fold ? ascii::fold(c) : c;
  }
  if ((common & allowed) != 0) return Fast::done;
  out.resize(begin);
  return (seen & 0x80) != 0 ? Fast::needs_icu : Fast::refused;
}

Result<> append_prepared(std::string& out, std::string_view in, Profile profile, const char* part) {
  const bool is_local = profile == Profile::nodeprep;
  if (in.empty()) return refuse(part, "empty");
  if (in.size() > max_unprepared) return refuse(part, "longer than 1023 bytes");
  const auto begin = out.size();
  switch (append_ascii(out, in, is_local ? ascii::in_local : ascii::in_resource, is_local)) {
    case Fast::done:
      break;
    case Fast::refused:
      return refuse(part, "prohibited character");
    case Fast::needs_icu: {
      const auto prepared = prepare(profile, in);
      if (!prepared) return refuse(part, prepared.error().text);
      if (prepared->empty()) return refuse(part, "empty after preparation");
      out += *prepared;
    }
  }
  if (out.size() - begin > Jid::max_part) return refuse(part, "longer than 1023 bytes");
  return {};
}

// The usual host name: lower or upper case LDH labels without an A-label. Anything else takes the long way.
bool append_plain_domain(std::string& out, std::string_view in) {
  if (in.empty() || in.size() > Jid::max_part) return false;
  const auto begin = out.size();
  out.resize(begin + in.size());
  char* to = out.data() + begin;
  std::size_t label = 0;
  char last = '.';
  bool plain = true;
  for (const char c : in) {
    if (c == '.') {
      plain &= label != 0 && label <= 63 && last != '-';
      label = 0;
    } else {
      plain &= (ascii::of(c) & ascii::in_label) != 0 && (c != '-' || (label != 0 && !(label == 3 && last == '-')));
      ++label;
    }
    last = c;
    *to++ = ascii::fold(c);
  }
  plain &= label != 0 && label <= 63 && last != '-';
  if (!plain) out.resize(begin);
  return plain;
}

}  // namespace

Result<Jid> Jid::parse(std::string_view text) {
  // RFC 7622 §3.1: the first slash ends the bare JID, then the first at sign ends the local part.
  const auto slash = text.find('/');
  const auto bare = text.substr(0, slash);
  const auto at = bare.find('@');
  if (at == 0) return refuse("local part", "empty");
  if (slash != std::string_view::npos && slash + 1 == text.size()) return refuse("resource", "empty");
  return make(at == std::string_view::npos ? std::string_view() : bare.substr(0, at),
              at == std::string_view::npos ? bare : bare.substr(at + 1),
              slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1));
}

Result<Jid> Jid::make(std::string_view local, std::string_view domain, std::string_view resource) {
  if (domain.empty()) return refuse("domain", "empty");
  if (domain.size() > max_unprepared) return refuse("domain", "longer than 1023 bytes");
  Jid jid;
  auto& out = jid.text_;
  if (local.size() <= max_part && resource.size() <= max_part) {
    out.reserve(local.size() + domain.size() + resource.size() + 2);
  }
  if (!local.empty()) {
    if (auto ok = append_prepared(out, local, Profile::nodeprep, "local part"); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
    out += '@';
    jid.domain_ = static_cast<std::uint16_t>(out.size());
  }
  if (!append_plain_domain(out, domain)) {
    if (auto ok = append_domain(out, domain); !ok) return std::unexpected(std::move(ok.error()));
  }
  jid.bare_size_ = static_cast<std::uint16_t>(out.size());
  if (!resource.empty()) {
    out += '/';
    if (auto ok = append_prepared(out, resource, Profile::resourceprep, "resource"); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
  }
  return jid;
}

Jid Jid::to_bare() const {
  Jid out;
  out.text_ = bare();
  out.domain_ = domain_;
  out.bare_size_ = bare_size_;
  return out;
}

Jid Jid::to_domain() const {
  Jid out;
  out.text_ = domain();
  out.bare_size_ = static_cast<std::uint16_t>(out.text_.size());
  return out;
}

Result<Jid> Jid::with_resource(std::string_view resource) const {
  Jid out;
  out.text_.reserve(bare_size_ + 1u + std::min(resource.size(), max_part));
  out.text_ = bare();
  out.text_ += '/';
  out.domain_ = domain_;
  out.bare_size_ = bare_size_;
  if (auto ok = append_prepared(out.text_, resource, Profile::resourceprep, "resource"); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  return out;
}

}  // namespace valise::core
