#include "config/sandbox/pattern.hpp"

#include <gtest/gtest.h>

namespace valise::config {
namespace {

// "3-5 a|b" for a match of bytes 3 to 5 with captures, "-" for none, "! …" for a malformed pattern.
std::string found(std::string_view subject, std::string_view text, std::size_t from = 0) {
  const auto pattern = Pattern::compile(text);
  if (!pattern) return "! " + pattern.error().text;
  PatternMatch match;
  std::uint64_t steps = 100'000;
  if (!pattern->match(subject, from, steps, match)) return "-";
  std::string out = std::to_string(match.begin) + "-" + std::to_string(match.end);
  for (std::size_t i = 0; i < match.capture_count; ++i) {
    const auto& capture = match.captures[i];
    out += i == 0 ? " " : "|";
    out += capture.length == PatternCapture::position ? "@" + std::to_string(capture.begin)
                                                      : std::string(subject.substr(capture.begin, capture.length));
  }
  return out;
}

TEST(Pattern, ClassesSetsAndRepeats) {
  EXPECT_EQ(found("hello world", "o w"), "4-7");
  EXPECT_EQ(found("hello", "l+"), "2-4");
  EXPECT_EQ(found("hello", "l-o"), "2-5");
  EXPECT_EQ(found("hello", "xl*"), "-");
  EXPECT_EQ(found("hello", "h?e"), "0-2");
  EXPECT_EQ(found("abc123", "%d+"), "3-6");
  EXPECT_EQ(found("abc123", "%D+"), "0-3");
  EXPECT_EQ(found("x-y_z", "[%w_]+"), "0-1");
  EXPECT_EQ(found("x-y_z", "[^%-]+", 1), "2-5");
  EXPECT_EQ(found("a]b", "[]]"), "1-2");
  EXPECT_EQ(found("a-b", "[a-]+"), "0-2");
  EXPECT_EQ(found("5%", "%d%%"), "0-2");
  EXPECT_EQ(found("", "a*"), "0-0");
  EXPECT_EQ(found("\xc3\xa9", "%a"), "-");  // ASCII classes
  EXPECT_EQ(found("a\n", "a."), "0-2");
}

TEST(Pattern, AnchorsHoldOnlyWhereTheyStand) {
  EXPECT_EQ(found("aab", "^a"), "0-1");
  EXPECT_EQ(found("baa", "^a"), "-");
  EXPECT_EQ(found("baa", "a$"), "2-3");
  EXPECT_EQ(found("a$b", "a$b"), "0-3");
}

TEST(Pattern, CapturesPositionsAndBackReferences) {
  EXPECT_EQ(found("key = value", "(%w+)%s*=%s*(%w+)"), "0-11 key|value");
  EXPECT_EQ(found("abc", "()b()"), "1-2 @1|@2");
  EXPECT_EQ(found("\"it's\"", "([\"'])(.-)%1"), "0-6 \"|it's");
  EXPECT_EQ(found("aXbXc", "((%u)b%2)"), "1-4 XbX|X");
}

TEST(Pattern, BalancedAndFrontier) {
  EXPECT_EQ(found("f(a(b)c)d", "%b()"), "1-8");
  EXPECT_EQ(found("f(a(b)c", "^f%b()"), "-");
  EXPECT_EQ(found("THE (quick) fox", "%f[%a]%a+%f[%A]"), "0-3");
  EXPECT_EQ(found("xTHE", "%f[%u]THE"), "1-4");
}

TEST(Pattern, MalformedOnesAreRefused) {
  for (const char* text : {"(", ")", "(()", "[a", "[", "[^", "%", "[%", "%b", "%bx", "%f", "%fa", "%1", "(%1)", "%0"}) {
    EXPECT_EQ(found("abc", text).substr(0, 1), "!") << text;
  }
  EXPECT_EQ(found("a", std::string(Pattern::max_items + 1, 'a')).substr(0, 1), "!");
  EXPECT_EQ(found("a", std::string(Pattern::max_items, 'a')), "-");
  std::string many;
  for (int i = 0; i < 33; ++i) many += "(a)";
  EXPECT_EQ(found("a", many), "! too many captures");
}

TEST(Pattern, ABombRunsOutOfSteps) {
  std::string bomb;
  for (int i = 0; i < 30; ++i) bomb += "a?";
  bomb += std::string(30, 'a');
  const auto optional = Pattern::compile(bomb).value();
  PatternMatch match;
  std::uint64_t steps = 100'000;
  EXPECT_THROW(optional.match(std::string(30, 'a') + "b", 0, steps, match), OutOfSteps);
  EXPECT_EQ(steps, 0u);

  const auto stars = Pattern::compile(".*.*.*.*.*x").value();
  steps = 100'000;
  EXPECT_THROW(stars.match(std::string(5000, 'y'), 0, steps, match), OutOfSteps);
  const auto balance = Pattern::compile("%b()").value();
  steps = 100'000;
  EXPECT_THROW(balance.match(std::string(5000, '('), 0, steps, match), OutOfSteps);
}

TEST(Pattern, StepsAreLinearForAPlainWord) {
  const auto word = Pattern::compile("needle").value();
  PatternMatch match;
  std::uint64_t steps = 100'000;
  EXPECT_FALSE(word.match(std::string(10'000, 'x'), 0, steps, match));
  EXPECT_GT(steps, 100'000u - 2 * 10'001u - 1);
}

}  // namespace
}  // namespace valise::config
