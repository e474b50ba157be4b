// docs/sealed.md 3.6: which mode holds for what one person sends to another, at which moment, and until when. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/flow.hpp"
#include "core/jid/jid.hpp"
#include "core/settings.hpp"

namespace valise::modules::omemo {

using Mode = core::Sealing::Mode;

// Accounts by address (bare), or by patterns in which `*` stands for any characters.
class Members {
 public:
  void add(std::string member);
  [[nodiscard]] bool contains(std::string_view bare) const;
  // As they were added.
  [[nodiscard]] const std::vector<std::string>& all() const noexcept { return all_; }

 private:
  std::vector<std::string> all_;
  std::unordered_set<std::string, core::TextHash, std::equal_to<>> exact_;
  std::vector<std::string> patterns_;
};

// Moments are milliseconds UTC.
struct Group {
  std::string name;
  Mode mode = Mode::required;
  Members members;
  std::optional<std::int64_t> until_ms;  // then it is as if it were not there
};

// D16: of one account, in one direction or both, up to a date, for a reason.
struct Exemption {
  std::string account;  // bare
  bool sends = false;
  bool receives = false;
  std::int64_t until_ms = 0;
  std::string reason;
};

// What holds for one sender and recipient.
struct Holding {
  Mode mode = Mode::required;
  bool exempt = false;                   // of mode off: an exemption
  bool ordinary = false;                 // of mode off: the host's own; nothing is looked at
  std::optional<std::int64_t> until_ms;  // something else holds from then on
};

// Of one host, for what its accounts send.
struct HostModes {
  Mode mode = Mode::required;
  std::optional<Mode> between_hosts;    // for what goes to another host of this server; empty: `mode`
  std::optional<std::int64_t> from_ms;  // until then those two warn where they are `required`
  std::vector<Group> groups;            // the first one that names the sender wins over all of the above
  std::vector<Exemption> exemptions;    // win over groups
  bool laxer_rules = false;             // whether rules (Lua) may let pass what the mode refuses

  // `to`: null for the sender's own account.
  [[nodiscard]] Holding of(const core::Jid& from, const core::Jid* to, std::int64_t now_ms) const;
  // Of somebody whom no group and no exemption names, within the host.
  [[nodiscard]] Holding of_host(std::int64_t now_ms) const;
  // Whether anything in it depends on the moment: whoever asks may spare the clock otherwise.
  [[nodiscard]] bool is_timed() const;
};

// A date is its first moment at the server's place, "2027-03-01"; or a moment, "2027-03-01T08:00:00+01:00" (XEP-0082).
// Nothing: it is neither.
[[nodiscard]] std::optional<std::int64_t> moment_of(std::string_view text);

// "NAME; MODE; MEMBERS" or "NAME; MODE; MEMBERS; until DATE", of `sealed.groups`. Otherwise what it takes.
[[nodiscard]] std::expected<Group, std::string> parse_group(std::string_view text);
// "ACCOUNT; sends, receives or both; until DATE; REASON", of `sealed.exemptions`. Otherwise what it takes.
[[nodiscard]] std::expected<Exemption, std::string> parse_exemption(std::string_view text);

}  // namespace valise::modules::omemo
