// The two versions of OMEMO that clients speak (XEP-0384 0.3 and 0.9).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace valise::ctl::selftest {

enum class Version : std::uint8_t { legacy, omemo_2 };

inline constexpr std::array versions{Version::legacy, Version::omemo_2};

[[nodiscard]] constexpr std::string_view name_of(Version version) noexcept {
  return version == Version::legacy ? "legacy" : "omemo:2";
}

[[nodiscard]] constexpr std::string_view namespace_of(Version version) noexcept {
  return version == Version::legacy ? "eu.siacs.conversations.axolotl" : "urn:xmpp:omemo:2";
}

}  // namespace valise::ctl::selftest
