// docs/sealed.md §5: what a person reads whose message passed in mode `warn`: once a day, from the domain.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/settings.hpp"
#include "core/text.hpp"

namespace valise::modules::omemo {

// When whom. In memory alone: behind a restart everybody is told once more. Where there are more than `most`, those who
// were told a day ago are forgotten, else all.
class DailyWarnings {
 public:
  static constexpr std::int64_t every_ms = 24LL * 3600 * 1000;
  static constexpr std::size_t most = 10'000;

  // True, and from now on he was told, if the account (bare) was not within the last day. `now_ms`: monotonic.
  [[nodiscard]] bool due(std::string_view account, std::int64_t now_ms);

 private:
  core::TextMap<std::int64_t> told_;
};

// `reason`: as in core::Refusal. `from_ms`: from when on such messages are refused (UTC); nothing: nobody knows yet.
[[nodiscard]] std::string warning_text(std::string_view reason, std::optional<std::int64_t> from_ms,
                                       core::Language language);

}  // namespace valise::modules::omemo
