#include "base/siphash.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace valise {
namespace {

constexpr SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::string counting(std::size_t size) {
  std::string out;
  while (out.size() < size) out += static_cast<char>(out.size());
  return out;
}

// SipHash: a fast short-input PRF, appendix A, and the first of the authors' vectors.
TEST(SipHash, has_the_values_of_its_authors) {
  EXPECT_EQ((siphash<2, 4>(key, counting(15))), 0xa129ca6149be45e5);
  EXPECT_EQ((siphash<2, 4>(key, counting(0))), 0x726fdb47dd0e0e31);
  EXPECT_EQ((siphash<2, 4>(key, counting(1))), 0x74f839c593dc67fd);
  EXPECT_EQ((siphash<2, 4>(key, counting(8))), 0x93f5f5799a932462);
  EXPECT_EQ(siphash(key, counting(0)), 0xabac0158050fc4dc) << "with 1-3 rounds";
}

TEST(SipHash, every_length_and_key_has_another) {
  std::set<std::uint64_t> seen;
  for (std::size_t size = 0; size < 300; ++size) {
    seen.insert(siphash(key, std::string(size, '\0')));
    seen.insert(siphash({key.low + 1, key.high}, std::string(size, '\0')));
    seen.insert(siphash({key.low, key.high + 1}, std::string(size, '\0')));
  }
  EXPECT_EQ(seen.size(), 900u);
  EXPECT_NE(SipKey::random().low, SipKey::random().low);
}

}  // namespace
}  // namespace valise
