// Private to this folder: matchers and actions about what is kept from one decision to the next (shared.hpp).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/action.hpp"
#include "policy/matcher.hpp"
#include "policy/shared.hpp"

namespace valise::policy {

enum class KeyPart : std::uint8_t { from, to, from_domain, to_domain, pair, ip, host, device, all };
inline constexpr std::array<std::string_view, 9> key_part_names{"from", "to",   "from_domain", "to_domain", "pair",
                                                                "ip",   "host", "device",      "all"};

// "90s", "15m", "12h", "7d", at most ten years; nullopt: no such time.
[[nodiscard]] std::optional<std::int64_t> duration_ms(std::string_view text) noexcept;

// By what something is counted or kept: one fact, or several together.
class KeyOf {
 public:
  explicit KeyOf(std::vector<KeyPart> parts) : parts_(std::move(parts)) {}
  [[nodiscard]] std::uint64_t operator()(const Table& table, const Facts& facts) const noexcept;
  [[nodiscard]] std::string describe() const;  // "from", {"from", "ip"}
  // The facts that it is made of, and `kept`: what has been counted or remembered so far.
  [[nodiscard]] std::vector<std::string_view> needs(std::string_view kept) const;

 private:
  std::vector<KeyPart> parts_;
};

struct RateLimit {
  double rate = 0;  // events a second
  double burst = 0;
};
// Matches what is over the limit. Counts what it is asked about. `described`: as it stands in a policy.
[[nodiscard]] MatcherPtr make_over(std::string described, std::shared_ptr<Limiter> limiter, const RateLimit& limit,
                                   KeyOf key);
// The memory has something under the key, for at most so long (negative: since whenever).
[[nodiscard]] MatcherPtr make_remembers(std::string described, std::shared_ptr<Memory> memory, KeyOf key,
                                        std::int64_t within_ms);
// The number under the key.
[[nodiscard]] MatcherPtr make_counted(std::string described, std::shared_ptr<Memory> memory, KeyOf key,
                                      Comparison comparison, std::int64_t bound);

// `lifetime_ms` negative: for ever.
[[nodiscard]] ActionPtr make_remember(std::string described, std::shared_ptr<Memory> memory, KeyOf key,
                                      std::int64_t lifetime_ms);
[[nodiscard]] ActionPtr make_forget(std::string described, std::shared_ptr<Memory> memory, KeyOf key);
[[nodiscard]] ActionPtr make_count(std::string described, std::shared_ptr<Memory> memory, KeyOf key,
                                   std::int64_t number, std::int64_t lifetime_ms);

}  // namespace valise::policy
