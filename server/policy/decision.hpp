#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

// An element that Strip takes out. `name` "*": each of the namespace; `ns` empty: whichever.
struct StripName {
  std::string name;
  std::string ns;
};

// How fast a session is read, named like the options limits.*; 0: as these say.
struct Pace {
  std::uint32_t rate = 0, rate_burst = 0, stanzas_per_s = 0, stanzas_burst = 0;
  friend bool operator==(const Pace&, const Pace&) = default;
};
struct PaceField {
  std::string_view name;
  std::uint32_t Pace::* field;
  std::uint32_t least, most;  // as of the options
};
inline constexpr PaceField pace_fields[] = {{"rate", &Pace::rate, 1'024, 1U << 30},
                                            {"rate_burst", &Pace::rate_burst, 65'536, 1U << 30},
                                            {"stanzas_per_s", &Pace::stanzas_per_s, 1, 10'000'000},
                                            {"stanzas_burst", &Pace::stanzas_burst, 10, 10'000'000}};

// How long a message waits: at least so many milliseconds, and until that minute of local time (since 1970-01-01 00:00
// there). Of several rules the longest holds. 0: no wait.
struct Pause {
  std::int64_t ms = 0;
  std::int64_t until_minute = 0;
  [[nodiscard]] bool any() const noexcept { return ms != 0 || until_minute != 0; }
  friend bool operator==(const Pause&, const Pause&) = default;
};

// The same text twice where a rule gives one.
struct NoticeText {
  std::string_view fr, en;
};

// Views look into the PolicySet (and live as long) or into static texts.
struct Decision {
  Verdict verdict = Verdict::allow;
  Reason reason = Reason::no_rule;
  StanzaError error;         // deny
  std::string_view text_fr;  // deny: for the person, never empty
  std::string_view text_en;
  std::string_view redirect;                // deny with `redirect`: whom to write to; empty: another condition
  std::string_view rule;                    // the rule that decided or failed
  std::string_view seal;                    // allow: the mode that is to hold (Event::unsealed); empty: as it is
  std::string_view shadow;                  // the first rule on trial that would have refused or held back; empty: none
  Verdict shadow_verdict = Verdict::allow;  // deny or drop; allow: it would have held it back
  std::uint32_t matched = 0;                // rules that matched
  std::uint32_t tag_count = 0;
  std::array<std::string_view, 8> tags{};  // added by Tag, in order, without repetition

  // -- what else is to happen; whoever asked sees to it
  std::string_view record;                 // Record: a word for the audit log; empty: none
  bool disconnect = false;                 // Disconnect: the session of whoever acts
  bool unsubscribe = false;                // Unsubscribe: the sender from the recipient's presence
  std::string_view unsubscribed_by;        // the first rule that asked for it
  bool quiet = false;                      // Quiet: who is away is not told that it came
  bool needs_approval = false;             // RequireApproval: of an administrator, for a new OMEMO device
  Pace pace;                               // Limit
  std::optional<std::uint32_t> keep_days;  // Keep, for an account's archive; 0: for ever
  Pause pause;                             // Delay
  std::string_view paused_by;              // the first rule that asked for it
  std::uint32_t notice_count = 0, strip_count = 0;
  std::array<NoticeText, 4> notices{};  // Notify: for the administrators
  std::array<const std::vector<StripName>*, 4> strips{};

  [[nodiscard]] std::span<const std::string_view> added_tags() const noexcept { return {tags.data(), tag_count}; }
  bool add_tag(std::string_view tag) noexcept;  // false: no room
  // An action of that rule has run.
  void note_asked(std::string_view by) noexcept {
    if (paused_by.empty() && pause.any()) paused_by = by;
    if (unsubscribed_by.empty() && unsubscribe) unsubscribed_by = by;
  }
};

}  // namespace valise::policy
