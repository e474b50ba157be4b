// Private to this folder: groups of people and organisations, made of addresses, domains, files and other groups. A
// group may name one that the file makes later; all are put together when the file has run.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/matcher.hpp"
#include "policy/patterns.hpp"
#include "policy/place.hpp"
#include "policy/policy_set.hpp"

namespace valise::policy {

struct Group {
  std::string name;
  Place made;    // where the policy makes it; line 0: it is only named so far
  PartySet own;  // bare JIDs and domains
  std::vector<std::string> includes;

  [[nodiscard]] bool contains(const Party& party, std::optional<Hashed>& bare, std::optional<Hashed>& domain) const {
    return (!domains_->empty() && domains_->contains(party.domain, domain)) ||
           (!jids_->empty() && jids_->contains(party.bare, bare));
  }
  // Who belongs to it, once the file has run.
  [[nodiscard]] Addresses values() const { return {jids_->texts(), {}, domains_->texts()}; }

 private:
  friend class Groups;
  // Of it and all that it includes; null until the file has run.
  std::unique_ptr<Names> jids_, domains_;
};

class Groups {
 public:
  // That of this name, made or only named; `place`: who asks. Lives as long as this.
  [[nodiscard]] Group& named(std::string_view name, Place place);
  [[nodiscard]] const Group* find(std::string_view name) const;
  // Puts all together. Errors, with their place in the policy: a name that no group has, a cycle, too many members.
  [[nodiscard]] std::expected<void, Fault> resolve();
  [[nodiscard]] std::vector<std::string_view> names() const;

 private:
  struct Named {
    std::unique_ptr<Group> group;
    Place first;  // where it was named first
  };
  std::vector<Named> all_;
};

[[nodiscard]] MatcherPtr make_in_group(std::string_view name, Party Facts::* party, const Group& group);

// A line of a group's file: a bare address, a domain, or a pattern with `*` of either; nothing behind `#`.
struct FileLine {
  unsigned number = 0;
  std::string_view text;
};
[[nodiscard]] std::vector<FileLine> lines_of(std::string_view text);

}  // namespace valise::policy
