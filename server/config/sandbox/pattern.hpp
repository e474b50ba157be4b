// Lua patterns (Lua 5.4 manual §6.4.1) on an engine of our own. Lua's matcher is one C call: no hook interrupts it, and
// ("a?"):rep(30)..("a"):rep(30) keeps it busy for minutes. This one counts every step and gives up at a bound.
// Classes are ASCII, whatever the locale: the same pattern decides the same everywhere.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace valise::config {

// Thrown by Pattern::match when the steps are used up; the library functions turn it into an overrun of the budget.
struct OutOfSteps {};

struct PatternCapture {
  static constexpr std::size_t position = static_cast<std::size_t>(-1);  // `()`: only `begin` counts
  static constexpr std::size_t open = static_cast<std::size_t>(-2);
  std::size_t begin = 0;
  std::size_t length = 0;
};

struct PatternMatch {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t capture_count = 0;
  std::array<PatternCapture, 32> captures;
};

// Immutable once compiled; holds no view of the text it was made from.
class Pattern {
 public:
  static constexpr std::size_t max_items = 512;

  // ErrorCode::invalid with Lua's own words for the fault ("malformed pattern …").
  static Result<Pattern> compile(std::string_view text);

  // The first match that begins at or after `from` (exactly there when the pattern is anchored). Each step takes one
  // from `steps`. Throws OutOfSteps.
  bool match(std::string_view subject, std::size_t from, std::uint64_t& steps, PatternMatch& out) const;

  [[nodiscard]] bool anchored() const noexcept { return anchored_; }

 private:
  enum class Kind : std::uint8_t { single, open, open_position, close, balance, frontier, back_reference, subject_end };
  enum class Repeat : std::uint8_t { once, any, some, lazy, maybe };
  using Set = std::bitset<256>;
  struct Item {
    Kind kind = Kind::single;
    Repeat repeat = Repeat::once;
    unsigned char first = 0;  // balance: the two characters; back_reference: the capture's number
    unsigned char second = 0;
    std::uint16_t set = 0;  // index into sets_
  };
  struct Run;
  class Compiler;

  bool anchored_ = false;
  std::vector<Item> items_;
  std::vector<Set> sets_;
};

}  // namespace valise::config
