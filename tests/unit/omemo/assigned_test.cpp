#include "modules/omemo/assigned.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace valise::modules::omemo {
namespace {

TEST(Assigned, RemembersOneNumberUnderEachKey) {
  std::mt19937_64 random(11);
  Assigned assigned;
  for (const std::size_t most : {std::size_t{0}, std::size_t{1}, std::size_t{3}, std::size_t{64}, std::size_t{1'500}}) {
    assigned.begin(most);
    std::map<std::uint64_t, std::uint32_t> model;
    while (model.size() < most) {
      const auto key = random() % 4 == 0 ? random() % (most + 1) : random();  // 0 and small ones, too
      const auto number = 1 + static_cast<std::uint32_t>(random() % 3);
      EXPECT_EQ(assigned.put(key, number), model.try_emplace(key, number).first->second == number);
    }
  }
}

}  // namespace
}  // namespace valise::modules::omemo
