#include "storage/sql/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/sql/check.hpp"

namespace valise::storage::sql {
namespace {

using ::testing::IsEmpty;

TEST(Codec, ListsComeBackAsTheyWere) {
  const std::vector<std::string> groups{"", "a", std::string(70000, 'g'), std::string("\0\xff", 2)};
  EXPECT_EQ(decode_groups(encode_groups(groups)).value(), groups);
  const std::vector<std::pair<std::string, std::string>> config{{"a", ""}, {"", "b"}};
  EXPECT_EQ(decode_config(encode_config(config)).value(), config);
  const std::vector<ScramKey> keys{{"SHA-1", "salt", 4294967295U, "stored", "server"}, {}};
  EXPECT_EQ(decode_keys(encode_keys(keys)).value(), keys);
  EXPECT_THAT(encode_groups({}), IsEmpty());
  EXPECT_THAT(decode_groups("").value(), IsEmpty());
}

// Every way to cut an encoded value short is an error, not a shorter value.
TEST(Codec, ACutValueIsCorrupt) {
  const auto keys = encode_keys({{"SHA-1", "salt", 4096, "stored", "server"}});
  for (std::size_t size = 1; size < keys.size(); ++size) {
    const auto decoded = decode_keys(std::string_view(keys).substr(0, size));
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().code, ErrorCode::corrupt);
  }
}

TEST(Codec, ForgedLengthsAndCountsAreCorrupt) {
  using namespace std::string_literals;
  EXPECT_FALSE(decode_groups("\xff\xff\xff\xff"s + "abc"));
  EXPECT_FALSE(decode_groups("\x02\0\0\0a"s));
  EXPECT_FALSE(decode_config(encode_groups({"one"})));
  EXPECT_FALSE(decode_keys(encode_groups({"one", "two", "3", "four"})));
  for (const auto* count : {"", "x", "-1", "12x", " 12", "4294967296"}) {
    EXPECT_FALSE(decode_keys(encode_groups({"SHA-1", "salt", count, "stored", "server"}))) << count;
  }
}

TEST(Codec, ABareJidIsSplitAtItsFirstAt) {
  EXPECT_EQ(split_bare("a@b"), (std::pair<std::string_view, std::string_view>("b", "a")));
  EXPECT_EQ(split_bare("b"), (std::pair<std::string_view, std::string_view>("b", "")));
  EXPECT_EQ(split_bare("a@b@c"), (std::pair<std::string_view, std::string_view>("b@c", "a")));
}

}  // namespace
}  // namespace valise::storage::sql
