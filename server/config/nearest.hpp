#pragma once

#include <span>
#include <string>
#include <string_view>

namespace valise::config {

// The candidate that a mistyped `name` most likely meant (fewest inserted, deleted, replaced or swapped characters);
// empty if none is near enough to be worth a hint. Bounded: names longer than 128 characters have none.
[[nodiscard]] std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates);

// `; the nearest is "x"`, or nothing.
[[nodiscard]] std::string nearest_hint(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace valise::config
