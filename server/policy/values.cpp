#include "policy/values.hpp"

#include <algorithm>
#include <string_view>

#include "policy/patterns.hpp"

namespace valise::policy {
namespace {

// `*` in `pattern` for any characters; `text` may hold stars of its own, which only a star covers.
bool covers(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool covered(std::string_view text, const std::vector<std::string>& sorted) {
  if (std::ranges::binary_search(sorted, text)) return true;
  return std::ranges::any_of(sorted, [&](const std::string& one) { return has_star(one) && covers(one, text); });
}

// The domain that each address of this pattern has; empty: not the same for all.
std::string_view domain_of(std::string_view bare) {
  const auto at = bare.rfind('@');
  if (at == std::string_view::npos) return has_star(bare) ? std::string_view() : bare;
  const auto domain = bare.substr(at + 1);
  return has_star(domain) ? std::string_view() : domain;
}
std::string_view bare_of(std::string_view full) { return full.substr(0, full.find('/')); }

bool bare_within(std::string_view bare, const Addresses& outer) {
  if (covered(bare, outer.bare)) return true;
  const auto domain = domain_of(bare);
  return !domain.empty() && covered(domain, outer.domains);
}

bool all_within(const Addresses& inner, const Addresses& outer) {
  return std::ranges::includes(outer.live, inner.live) &&
         std::ranges::all_of(inner.domains, [&](const auto& one) { return covered(one, outer.domains); }) &&
         std::ranges::all_of(inner.bare, [&](const auto& one) { return bare_within(one, outer); }) &&
         std::ranges::all_of(inner.full, [&](const auto& one) {
           return covered(one, outer.full) || (!has_star(one) && bare_within(bare_of(one), outer));
         });
}

bool all_within(const Texts& inner, const Texts& outer) { return std::ranges::includes(outer.any_of, inner.any_of); }

bool all_within(const Ranges& inner, const Ranges& outer) {
  return std::ranges::all_of(inner.any_of, [&](const auto& one) {
    return std::ranges::any_of(outer.any_of,
                               [&](const auto& wide) { return wide.first <= one.first && one.second <= wide.second; });
  });
}

bool any_has_star(const Addresses& set) {
  return std::ranges::any_of(set.bare, has_star) || std::ranges::any_of(set.full, has_star) ||
         std::ranges::any_of(set.domains, has_star);
}

bool none_shared(const Addresses& a, const Addresses& b) {
  if (any_has_star(a) || any_has_star(b) || !a.live.empty() || !b.live.empty()) return false;
  const auto shares = [](const Addresses& some, const Addresses& others) {
    return std::ranges::any_of(some.domains, [&](const auto& one) { return covered(one, others.domains); }) ||
           std::ranges::any_of(some.bare, [&](const auto& one) { return bare_within(one, others); }) ||
           std::ranges::any_of(some.full, [&](const auto& one) {
             return covered(one, others.full) || bare_within(bare_of(one), others);
           });
  };
  return !shares(a, b) && !shares(b, a);
}

bool none_shared(const Texts& a, const Texts& b) {
  return std::ranges::none_of(a.any_of, [&](const auto& one) { return std::ranges::binary_search(b.any_of, one); });
}

bool none_shared(const Ranges& a, const Ranges& b) {
  return std::ranges::none_of(a.any_of, [&](const auto& one) {
    return std::ranges::any_of(b.any_of,
                               [&](const auto& two) { return one.first <= two.second && two.first <= one.second; });
  });
}

// Ranges that touch become one.
void merge(std::vector<std::pair<Point, Point>>& ranges) {
  std::ranges::sort(ranges);
  std::vector<std::pair<Point, Point>> merged;
  for (const auto& one : ranges) {
    if (!merged.empty() && one.first <= merged.back().second + (merged.back().second != ~Point{0} ? 1 : 0)) {
      merged.back().second = std::max(merged.back().second, one.second);
    } else {
      merged.push_back(one);
    }
  }
  ranges = std::move(merged);
}

}  // namespace

void tidy(Values& values) {
  if (auto* texts = std::get_if<Texts>(&values)) std::ranges::sort(texts->any_of);
  if (auto* ranges = std::get_if<Ranges>(&values)) merge(ranges->any_of);
  if (auto* addresses = std::get_if<Addresses>(&values)) {
    for (auto* list : {&addresses->bare, &addresses->full, &addresses->domains, &addresses->live})
      std::ranges::sort(*list);
  }
}

bool within(const Values& inner, const Values& outer) {
  return std::visit(
      []<class A, class B>(const A& a, const B& b) {
        if constexpr (std::is_same_v<A, B>) return all_within(a, b);
        return false;
      },
      inner, outer);
}

bool disjoint(const Values& a, const Values& b) {
  return std::visit(
      []<class A, class B>(const A& one, const B& other) {
        if constexpr (std::is_same_v<A, B>) return none_shared(one, other);
        return false;
      },
      a, b);
}

std::size_t size_of(const Values& values) {
  if (const auto* addresses = std::get_if<Addresses>(&values)) {
    return addresses->bare.size() + addresses->full.size() + addresses->domains.size() + addresses->live.size();
  }
  if (const auto* texts = std::get_if<Texts>(&values)) return texts->any_of.size();
  return std::get<Ranges>(values).any_of.size();
}

}  // namespace valise::policy
