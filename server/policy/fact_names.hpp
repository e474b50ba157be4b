// The facts by name: those that a function reads as `m.<name>` (lua/README.md), and those that only matchers read:
// "time", "date", "day_of_year", "holiday", "children", "roster_groups", "channel_binding", "to_self", "tag", and of
// what is kept from one decision to the next "rate" and "memory".
#pragma once

#include <string>
#include <string_view>

#include "policy/decision.hpp"
#include "policy/facts.hpp"

namespace valise::policy {

// The fact that the matcher built by this function reads: "TlsVersion" → "tls"; empty: no single one.
[[nodiscard]] std::string_view fact_of_builder(std::string_view function) noexcept;

// What an event holds of a fact, for people: `"alice@example.org/phone"`, `900`, `tue 10:30`; "not known" for an
// address that is not; empty for a name that is no fact's.
[[nodiscard]] std::string fact_text(std::string_view fact, const Facts& facts, const Decision& decision);

}  // namespace valise::policy
