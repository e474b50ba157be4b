// RFC 3454 string preparation by ICU, with the four profiles that XMPP names.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace valise::core {

enum class Profile : unsigned char {
  nodeprep,      // RFC 6122 Appendix A
  resourceprep,  // RFC 6122 Appendix B
  nameprep,      // RFC 3491
  saslprep,      // RFC 4013
};

// The prepared form of UTF-8 `text`, unassigned code points allowed (an emoji is younger than the tables). The result
// is stable: preparing it again changes nothing. May be empty. Fails with `invalid` for ill-formed UTF-8, a prohibited
// code point or mixed directions. Thread-safe.
[[nodiscard]] Result<std::string> prepare(Profile profile, std::string_view text);

}  // namespace valise::core
