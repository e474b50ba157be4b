#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace valise::policy {

enum class Verdict : std::uint8_t { allow, deny, drop };

// Why the verdict is what it is: shared by log, record, error text and tests.
enum class Reason : std::uint8_t {
  no_rule,        // no rule decided: allowed
  rule,           // `rule` decided
  policy_failed,  // a rule's Lua failed or overran its budget: denied (`rule` names it)
};

// RFC 6120 §8.3: an error's defined condition with the type that goes with it.
struct StanzaError {
  std::string_view condition;
  std::string_view type;
};

// The conditions that a policy may give.
[[nodiscard]] std::span<const StanzaError> stanza_errors() noexcept;

// Views look into the PolicySet (and live as long) or into static texts.
struct Decision {
  Verdict verdict = Verdict::allow;
  Reason reason = Reason::no_rule;
  StanzaError error;         // deny
  std::string_view text_fr;  // deny: for the person, never empty
  std::string_view text_en;
  std::string_view rule;      // the rule that decided or failed
  std::string_view seal;      // allow: the mode that is to hold (Event::unsealed); empty: as it is
  std::string_view shadow;    // the first rule on trial that would have refused; empty: none
  Verdict shadow_verdict = Verdict::allow;  // deny or drop
  std::uint32_t matched = 0;  // rules that matched
  std::uint32_t tag_count = 0;
  std::array<std::string_view, 8> tags{};  // added by Tag, in order, without repetition

  [[nodiscard]] std::span<const std::string_view> added_tags() const noexcept { return {tags.data(), tag_count}; }
  bool add_tag(std::string_view tag) noexcept;  // false: no room
};

}  // namespace valise::policy
