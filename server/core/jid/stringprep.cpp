#include "core/jid/stringprep.hpp"

#include <unicode/usprep.h>
#include <unicode/ustring.h>

#include <array>
#include <stdexcept>

namespace valise::core {
namespace {

UStringPrepProfile* open_profile(UStringPrepProfileType type) {
  UErrorCode status = U_ZERO_ERROR;
  auto* profile = usprep_openByType(type, &status);
  if (U_FAILURE(status)) throw std::runtime_error("ICU has no stringprep data: " + std::string(u_errorName(status)));
  return profile;
}

// Opened once and never closed: a profile is read-only data, so threads share it.
const UStringPrepProfile* profile_data(Profile profile) {
  static const std::array profiles{open_profile(USPREP_RFC3920_NODEPREP), open_profile(USPREP_RFC3920_RESOURCEPREP),
                                   open_profile(USPREP_RFC3491_NAMEPREP), open_profile(USPREP_RFC4013_SASLPREP)};
  return profiles[static_cast<std::size_t>(profile)];
}

Result<std::u16string> to_utf16(std::string_view text) {
  std::u16string out(text.size(), u'\0');
  std::int32_t length = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strFromUTF8(out.data(), static_cast<std::int32_t>(out.size()), &length, text.data(),
                static_cast<std::int32_t>(text.size()), &status);
  if (U_FAILURE(status)) return fail(ErrorCode::invalid, "ill-formed UTF-8");
  out.resize(static_cast<std::size_t>(length));
  return out;
}

std::string to_utf8(std::u16string_view text) {
  std::string out(text.size() * 3, '\0');
  std::int32_t length = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strToUTF8(out.data(), static_cast<std::int32_t>(out.size()), &length, text.data(),
              static_cast<std::int32_t>(text.size()), &status);
  if (U_FAILURE(status)) throw std::runtime_error("ICU returned ill-formed UTF-16");
  out.resize(static_cast<std::size_t>(length));
  return out;
}

Result<std::u16string> prepare_once(const UStringPrepProfile* profile, std::u16string_view in) {
  std::u16string out(in.size() * 2 + 16, u'\0');
  for (;;) {
    UErrorCode status = U_ZERO_ERROR;
    UParseError where{};
    const auto length = usprep_prepare(profile, in.data(), static_cast<std::int32_t>(in.size()), out.data(),
                                       static_cast<std::int32_t>(out.size()), USPREP_ALLOW_UNASSIGNED, &where, &status);
    const auto size = static_cast<std::size_t>(length);
    if (status == U_BUFFER_OVERFLOW_ERROR && size > out.size()) {
      out.resize(size);
      continue;
    }
    if (status == U_STRINGPREP_CHECK_BIDI_ERROR) return fail(ErrorCode::invalid, "mixed writing directions");
    if (U_FAILURE(status)) return fail(ErrorCode::invalid, "prohibited character");
    out.resize(size);
    return out;
  }
}

}  // namespace

Result<std::string> prepare(Profile profile, std::string_view text) {
  if (text.empty()) return std::string();
  auto current = to_utf16(text);
  if (!current) return std::unexpected(std::move(current.error()));
  const auto* data = profile_data(profile);
  // A code point that normalisation brings to light may be mapped by a second pass: only a fixed point is one name.
  constexpr int passes = 4;
  for (int pass = 0; pass < passes; ++pass) {
    auto next = prepare_once(data, *current);
    if (!next) return std::unexpected(std::move(next.error()));
    if (*next == *current) return to_utf8(*next);
    current = std::move(next);
  }
  return fail(ErrorCode::invalid, "no stable prepared form");
}

}  // namespace valise::core
