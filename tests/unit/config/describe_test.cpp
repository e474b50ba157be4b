#include <gmock/gmock.h>

#include "config/options.hpp"
#include "test_options.hpp"

namespace valise::config::test {
namespace {

using testing::HasSubstr;

TEST(Describe, EachOptionHasARowWithUnitRangeAndReason) {
  const auto text = describe(registry());
  EXPECT_THAT(text,
              HasSubstr("| `limits.stanza` | number | bytes | 256 KiB | 10 KiB … 1 MiB | server | restart | r |"));
  EXPECT_THAT(text, HasSubstr("| `timeouts.login` | number | seconds | 1 min | 1 s … 10 min | server | reload | r |"));
  EXPECT_THAT(text, HasSubstr("| `sealed.mode` | text |  | \"required\" | `required`, `off` | host | restart | r |"));
  EXPECT_THAT(text, HasSubstr("## limits"));
}

TEST(Show, PicksTheLargestWholeUnit) {
  EXPECT_EQ(show(Value(std::int64_t{0}), Unit::bytes), "0 bytes");
  EXPECT_EQ(show(Value(std::int64_t{3 * MiB}), Unit::bytes), "3 MiB");
  EXPECT_EQ(show(Value(std::int64_t{1000}), Unit::bytes), "1000 bytes");
  EXPECT_EQ(show(Value(std::int64_t{2000}), Unit::microseconds), "2 ms");
  EXPECT_EQ(show(Value(Strings{}), Unit::none), "{}");
  EXPECT_EQ(show(Value(Strings{"a", "b"}), Unit::none), "{ \"a\", \"b\" }");
}

TEST(Describe, EveryKernelOptionHasAReasonAndADefaultWithinItsRange) {
  Registry kernel;
  kernel.add(kernel_options());
  for (const auto* option : kernel.options()) {
    EXPECT_FALSE(option->reason.empty()) << option->name;
    if (const auto* number = std::get_if<std::int64_t>(&option->otherwise)) {
      EXPECT_LE(option->min, *number) << option->name;
      EXPECT_GE(option->max, *number) << option->name;
    }
    if (const auto* strings = std::get_if<Strings>(&option->otherwise); strings && option->check) {
      for (const auto& text : *strings) EXPECT_EQ(option->check(text), "") << option->name;
    }
  }
}

}  // namespace
}  // namespace valise::config::test
