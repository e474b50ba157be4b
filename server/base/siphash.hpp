// SipHash (Aumasson, Bernstein 2012): 64 bits of a text under a secret key, so that nobody who chooses the texts can
// make two of them meet. For tables and marks in memory; it proves nothing to others, for which 1-3 rounds are enough.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/crypto.hpp"

namespace valise {

struct SipKey {
  std::uint64_t low = 0, high = 0;

  // A new one, for the life of the process.
  [[nodiscard]] static SipKey random() {
    std::array<unsigned char, 16> bytes;
    crypto::random_bytes(bytes);
    return std::bit_cast<SipKey>(bytes);
  }
};

// Rounds for each word of 8 bytes, and at the end: SipHash-1-3, -2-4.
template <int each = 1, int last_rounds = 3>
[[nodiscard]] std::uint64_t siphash(const SipKey& key, std::string_view text) noexcept {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t a = key.low ^ 0x736f6d6570736575, b = key.high ^ 0x646f72616e646f6d;
  std::uint64_t c = key.low ^ 0x6c7967656e657261, d = key.high ^ 0x7465646279746573;
  const auto round = [&] {
    a += b;
    c += d;
    b = std::rotl(b, 13) ^ a;
    d = std::rotl(d, 16) ^ c;
    a = std::rotl(a, 32) + d;
    c += b;
    d = std::rotl(d, 21) ^ a;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  };
  const auto take = [&](std::uint64_t word) {
    d ^= word;
    for (int i = 0; i < each; ++i) round();
    a ^= word;
  };
  std::uint64_t last = static_cast<std::uint64_t>(text.size()) << 56;
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::uint64_t word;
    std::memcpy(&word, text.data(), 8);
    take(word);
  }
  for (std::size_t i = 0; i < text.size(); ++i) last |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  take(last);
  c ^= 0xff;
  for (int i = 0; i < last_rounds; ++i) round();
  return a ^ b ^ c ^ d;
}

}  // namespace valise
