// Private to this folder: groups of people and organisations, made of addresses, domains, files, other groups, and of
// members that the store or a directory names (live_members.hpp). A group may name one that the file makes later; all
// are put together when the file has run.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/live_members.hpp"
#include "policy/matcher.hpp"
#include "policy/patterns.hpp"
#include "policy/place.hpp"
#include "policy/policy_set.hpp"

namespace valise::policy {

// What a tool that asks without the server does not know of such a group (Matcher::needs).
inline constexpr std::string_view live_group_fact = "group_members";

// unknown: the directory is silent, and the policy says that a rule fails then.
enum class Membership : std::uint8_t { no, yes, unknown };

struct Group {
  // Where else members come from, and what this set of rules knows of them since its last decision began.
  struct Live : LiveSource {
    explicit Live(LiveSource source) : LiveSource(std::move(source)) {}
    std::shared_ptr<const LiveMembers::Known> known{};
  };

  std::string name;
  Place made;        // where the policy makes it; line 0: it is only named so far
  std::string file;  // of `made`, as errors say it
  PartySet own;      // bare JIDs and domains
  std::vector<std::string> includes;
  std::vector<std::unique_ptr<Live>> sources;

  // `only_looks`: nothing is counted. `now_ms`: as in Facts.
  [[nodiscard]] Membership ask(const Party& party, std::int64_t now_ms, bool only_looks, std::optional<Hashed>& bare,
                               std::optional<Hashed>& domain) const {
    if ((!domains_->empty() && domains_->contains(party.domain, domain)) ||
        (!jids_->empty() && jids_->contains(party.bare, bare))) {
      return Membership::yes;
    }
    return live_.empty() ? Membership::no : ask_live(party, now_ms, only_looks, bare);
  }
  // Whether some of its members are kept elsewhere; once the file has run.
  [[nodiscard]] bool is_live() const noexcept { return !live_.empty(); }
  // Who belongs to it, once the file has run.
  [[nodiscard]] Addresses values() const;
  // What a rule fails with where it is not known who belongs to it.
  [[nodiscard]] std::string why_unknown() const;

 private:
  friend class Groups;
  [[nodiscard]] Membership ask_live(const Party& party, std::int64_t now_ms, bool only_looks,
                                    std::optional<Hashed>& bare) const;
  // Of it and all that it includes; null until the file has run.
  std::unique_ptr<Names> jids_, domains_;
  std::vector<const Live*> live_;
};

class Groups {
 public:
  // That of this name, made or only named; `place`: who asks. Lives as long as this.
  [[nodiscard]] Group& named(std::string_view name, Place place);
  [[nodiscard]] const Group* find(std::string_view name) const;
  // Puts all together. Errors, with their place in the policy: a name that no group has, a cycle, too many members.
  [[nodiscard]] std::expected<void, Fault> resolve();
  [[nodiscard]] std::vector<std::string_view> names() const;
  [[nodiscard]] std::vector<GroupInfo> infos() const;
  [[nodiscard]] std::size_t directories() const;  // that the policy names so far
  // Before a decision: the newest of what is kept elsewhere.
  void refresh(const LiveGroups& live) {
    const auto changes = live.changes();
    if (changes != seen_) take_newest(changes);
  }

 private:
  void take_newest(std::uint64_t changes);
  struct Named {
    std::unique_ptr<Group> group;
    Place first;  // where it was named first
  };
  std::vector<Named> all_;
  std::uint64_t seen_ = 0;  // of LiveGroups::changes
};

[[nodiscard]] MatcherPtr make_in_group(std::string_view name, Party Facts::* party, const Group& group);

// A line of a group's file: a bare address, a domain, or a pattern with `*` of either; nothing behind `#`.
struct FileLine {
  unsigned number = 0;
  std::string_view text;
};
[[nodiscard]] std::vector<FileLine> lines_of(std::string_view text);

}  // namespace valise::policy
