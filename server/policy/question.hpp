// An event that somebody only asks about: facts given as texts, by their names, with what a server would fill in where
// nothing is said. For `policy explain` and `policy test`.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/facts.hpp"

namespace valise::policy {

class Question {
 public:
  using Normalise = std::function<std::optional<std::string>(std::string_view)>;
  // `normalise` as in PolicyOptions; without one, letters to lower case.
  explicit Question(Normalise normalise = {});
  Question(const Question&) = delete;  // its views look into itself
  Question& operator=(const Question&) = delete;

  // The names that `set` takes.
  [[nodiscard]] static std::vector<std::string_view> names();

  // `value`: "message", "alice@example.org/phone", "out", "900", "true", "a,b" (tags, roster_groups, children),
  // "2026-07-14 10:00" or "tue 10:00" (at), an address … Errors: what is wrong, with the nearest valid name.
  std::expected<void, std::string> set(std::string_view name, std::string_view value);

  // The facts, which look into this object. `now_ms`: for rates.
  [[nodiscard]] Facts facts(std::int64_t now_ms) const;

 private:
  struct OwnedParty {
    std::string bare, domain, resource;
    [[nodiscard]] Party view() const noexcept { return {bare, domain, resource}; }
  };
  std::expected<void, std::string> set_party(OwnedParty& party, std::string_view value) const;
  std::expected<void, std::string> set_at(std::string_view value);

  Normalise normalise_;
  Facts plain_;  // what needs no memory
  OwnedParty from_, to_;
  std::string host_, type_, payload_, unsealed_, mechanism_, tls_, language_, client_, affiliation_, label_,
      datacenter_;
  bool typed_ = false, omemo_ = false;
  std::vector<std::string> tags_;
  std::vector<std::string_view> tag_views_;
  std::vector<std::string> roster_groups_, children_;
  std::vector<ElementName> child_views_;
};

// As Facts have it, in this machine's zone.
struct LocalTime {
  std::uint16_t minute_of_week = 0;
  std::int32_t day = 0;
};
[[nodiscard]] LocalTime local_time(std::int64_t utc_seconds);

}  // namespace valise::policy
