// Of which values of one fact a matcher is true, as data: what compares matchers without an event at hand (check.hpp).
// Both questions answer "yes" only where it is proven.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace valise::policy {

__extension__ using Point = unsigned __int128;  // a number, a minute of the week, an IPv6 address

struct Texts {
  std::vector<std::string> any_of;
};
// `*` in each of them stands for any characters.
struct Addresses {
  std::vector<std::string> bare;
  std::vector<std::string> full;
  std::vector<std::string> domains;
  std::vector<std::string> live{};  // names of sets that are kept elsewhere: nobody can say now who will be in them
};
struct Ranges {
  std::vector<std::pair<Point, Point>> any_of;  // both ends belong to it
};
using Values = std::variant<Texts, Addresses, Ranges>;

// Sorts what is compared later.
void tidy(Values& values);
// `inner`, `outer`, `a`, `b`: tidy.
[[nodiscard]] bool within(const Values& inner, const Values& outer);  // each value of `inner` is one of `outer`
[[nodiscard]] bool disjoint(const Values& a, const Values& b);        // no value is in both
// How much work a comparison with it is.
[[nodiscard]] std::size_t size_of(const Values& values);

}  // namespace valise::policy
