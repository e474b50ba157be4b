// From{…}, To{…} and groups: sets of addresses and domains.
#include <fmt/core.h>

#include <algorithm>

#include "policy/groups.hpp"
#include "policy/patterns.hpp"

namespace valise::policy {
namespace {

std::vector<std::string> pick(const std::vector<std::string>& jids, bool full) {
  std::vector<std::string> out;
  for (const auto& jid : jids) {
    if ((jid.find('/') != std::string::npos) == full) out.push_back(jid);
  }
  return out;
}

// What patterns weigh: at most so many are compared one by one.
std::uint32_t stars(const PartySet& set) {
  const auto count = std::ranges::count_if(set.jids, has_star) + std::ranges::count_if(set.domains, has_star);
  return static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(count, most_alike));
}

class IsParty final : public Matcher {
 public:
  IsParty(std::string name, Party Facts::* party, PartySet set)
      : Matcher(1 + stars(set)),
        name_(std::move(name)),
        party_(party),
        hashes_(party == &Facts::from ? &Context::from : &Context::to),
        bare_(pick(set.jids, false)),
        full_(pick(set.jids, true)),
        domains_(std::move(set.domains)) {}

  bool matches(Context& context) const override {
    const Party& party = context.facts.*party_;
    auto& hashes = context.*hashes_;
    if (!domains_.empty() && domains_.contains(party.domain, hashes.domain)) return true;
    if (!bare_.empty() && bare_.contains(party.bare, hashes.bare)) return true;
    return !full_.empty() && full_contains(party);
  }
  std::string describe() const override {
    std::vector<std::string> jids = bare_.texts();
    jids.insert(jids.end(), full_.texts().begin(), full_.texts().end());
    if (domains_.empty()) return name_ + describe_list(jids);
    const auto domains =
        domains_.texts().size() == 1 ? fmt::format("\"{}\"", domains_.texts()[0]) : describe_list(domains_.texts());
    auto list = describe_list(jids);
    list.pop_back();
    return fmt::format("{}{}{}domain={}}}", name_, list, jids.empty() ? "" : ", ", domains);
  }
  std::string_view fact() const override { return party_ == &Facts::from ? "from" : "to"; }
  std::optional<Values> values() const override {
    return Addresses{bare_.texts(), full_.texts(), domains_.texts(), {}};
  }
  std::vector<std::string_view> needs() const override {
    const bool from = party_ == &Facts::from;
    if (full_.empty()) return {from ? "from" : "to"};
    return {from ? "from_resource" : "to_resource"};
  }

 private:
  bool full_contains(const Party& party) const {
    char buffer[3072];  // RFC 6122 §2.1: three parts of 1,023 bytes at most
    if (party.resource.empty() || party.bare.size() + 1 + party.resource.size() > sizeof buffer) return false;
    char* end = std::copy(party.bare.begin(), party.bare.end(), buffer);
    *end++ = '/';
    end = std::copy(party.resource.begin(), party.resource.end(), end);
    std::optional<Hashed> hashed;
    return full_.contains({buffer, static_cast<std::size_t>(end - buffer)}, hashed);
  }

  std::string name_;
  Party Facts::* party_;
  Context::PartyHashes Context::* hashes_;
  Names bare_;
  Names full_;
  Names domains_;
};

class InGroup final : public Matcher {
 public:
  InGroup(std::string_view name, Party Facts::* party, const Group& group)
      : name_(name), party_(party), hashes_(party == &Facts::from ? &Context::from : &Context::to), group_(group) {}
  bool matches(Context& context) const override {
    const Party& party = context.facts.*party_;
    auto& hashes = context.*hashes_;
    const auto is_member = group_.ask(party, context.facts.now_ms, context.only_looks, hashes.bare, hashes.domain);
    if (is_member == Membership::unknown) context.fail(group_.why_unknown());
    return is_member == Membership::yes;
  }
  std::string describe() const override { return fmt::format("{}(\"{}\")", name_, group_.name); }
  std::string_view fact() const override { return party_ == &Facts::from ? "from" : "to"; }
  std::optional<Values> values() const override { return group_.values(); }
  std::vector<std::string_view> needs() const override {
    if (!group_.is_live()) return {fact()};
    return {fact(), live_group_fact};
  }

 private:
  std::string name_;
  Party Facts::* party_;
  Context::PartyHashes Context::* hashes_;
  const Group& group_;
};

}  // namespace

MatcherPtr make_party(std::string name, Party Facts::* party, PartySet set) {
  return std::make_unique<IsParty>(std::move(name), party, std::move(set));
}

MatcherPtr make_in_group(std::string_view name, Party Facts::* party, const Group& group) {
  return std::make_unique<InGroup>(name, party, group);
}

}  // namespace valise::policy
