// Private to this folder: what a PolicySet is made of, and the Lua side of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/sandbox/sandbox.hpp"
#include "policy/action.hpp"
#include "policy/groups.hpp"
#include "policy/matcher.hpp"
#include "policy/place.hpp"
#include "policy/policy_set.hpp"
#include "policy/shared.hpp"

namespace valise::policy {

// What an administrator should know of a rule besides its hits.
struct Troubles {
  // So many overruns with no minute between two are a bout: named in status, and once in the log.
  static constexpr std::uint64_t bout = 3;
  static constexpr std::int64_t gap_ms = 60'000;

  std::uint64_t would_refuse = 0;  // on trial: events that it would have denied, dropped or held back
  std::uint64_t overruns = 0;
  std::uint64_t in_bout = 0;
  std::int64_t last_overrun_ms = 0;
  std::string last_error;  // file:line: text

  [[nodiscard]] bool is_bout(std::int64_t now_ms) const noexcept {
    return in_bout >= bout && now_ms - last_overrun_ms <= gap_ms;
  }
};

struct Rule {
  std::string name;
  Place place;
  const Matcher* match = nullptr;
  std::vector<const Action*> actions;
  EventMask events = all_events;
  std::vector<const Matcher*> tests;  // what of `match` is left to ask of one of `events`
  bool shadow = false;
  bool logs = false;
  std::uint32_t chain = 0;  // index of State::chains
  std::uint64_t hits = 0;
  std::uint64_t errors = 0;
  Troubles troubles;
};

// Sees a decision from inside (explain.cpp, partial.cpp). While there is one, nothing is counted for good or logged.
class Watcher {
 public:
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  // Evaluates the rule's matcher; `context` says whether it failed.
  virtual bool match(const Rule& rule, Context& context) { return rule.match->matches(context); }
  // The rule is about other kinds or the other direction.
  virtual void passes(const Rule&) {}
  // A function reads this fact of `m` ("tag": m:has_tag).
  virtual void reads(std::string_view) {}

 protected:
  Watcher() = default;
  ~Watcher() = default;
};

// Rules that are tried one after the other: the main one (0), and those that Jump names.
struct Chain {
  std::string name;
  Place place;
  std::vector<std::uint32_t> rules{};
};
// Jump("name"): where it stands, until the file has run and the name is a chain's.
struct JumpTo {
  std::string name;
  Place place;
  std::uint32_t chain = 0;
};

// memory{ … }: whose own lifetime is negative keeps for ever.
struct KeptMemory {
  std::shared_ptr<Memory> memory;
  std::int64_t lifetime_ms = -1;
};

// One of the files that a policy is made of.
struct SourceFile {
  std::string name;  // from the policy's folder: "groups.lua", "policies/walls.lua"
  std::string path;  // as errors say it
  bool done = false;
};

struct PolicySet::State {
  explicit State(std::string file, const PolicyOptions& given);

  // -- fixed after loading
  std::string name;
  PolicyOptions options;
  bool loading = true;
  config::Sandbox sandbox;
  std::vector<MatcherPtr> matchers;
  std::vector<Place> matcher_places;  // of each
  std::vector<ActionPtr> actions;
  std::vector<Chain> chains{{}};
  std::vector<std::unique_ptr<JumpTo>> jumps;
  Groups groups;
  std::uint32_t fewest_days = 0;  // of the Keep that are built; 0: none, or for ever
  std::vector<std::shared_ptr<Limiter>> limiters;
  std::vector<KeptMemory> memories;
  std::size_t table_keys = 0;             // of these
  std::uint32_t wanted = 0;               // a bit for each of Costly: a matcher or a function may look
  std::vector<SourceFile> files;          // its own first
  unsigned unfinished = 0;                // of the others: begun, and not read to their end
  std::optional<PolicyError> file_error;  // the error in another file that ended loading, if one did
  int facts_reference = 0;                // the `m` that functions get
  int environment_reference = 0;          // the globals of all files
  // Rules of the main chain that can match, by event and direction (a bit of EventMask each).
  std::array<std::vector<std::uint32_t>, 2 * event_count> by_event;
  // -- home shard only
  std::vector<Rule> rules;
  PolicyCounters counters;
  const Facts* facts = nullptr;  // of the running decision; `m` reads them
  const Decision* decision = nullptr;
  bool only_looks = false;  // likewise: Context::only_looks
  bool lua_ran = false;
  std::string last_error;
  std::int64_t logged_ms = 0;
  std::uint64_t unlogged = 0;
  Watcher* watcher = nullptr;

  // Calls the function of the registry with `m`; leaves one result on the stack. On failure: context.fail, leaves
  // nothing.
  bool call(int function, Context& context);
  bool may_log(std::int64_t now_ms);
  void want(Costly what) noexcept { wanted |= 1u << static_cast<unsigned>(what); }
  void want_all() noexcept { wanted = ~0u; }
  // When the file has run: names become what they name. Errors: names of nothing, cycles.
  [[nodiscard]] std::expected<void, PolicyError> finish();
  [[nodiscard]] std::expected<void, PolicyError> finish_chains();
  [[nodiscard]] PolicyError error_at(Place place, std::string text) const;
  [[nodiscard]] std::string text_of(Place place) const { return error_at(place, {}).place(); }
  // The files beside the policy; where it has none, none can be read.
  [[nodiscard]] PolicyFiles& beside();
  void note_error(Rule& rule, Context& context);
  [[nodiscard]] std::string with_place(const Rule& rule, std::string why) const;
};

// Lua types by which C++ recognises what it made.
inline constexpr const char* matcher_type = "valise.matcher";
inline constexpr const char* action_type = "valise.action";
inline constexpr const char* facts_type = "valise.facts";
inline constexpr const char* rule_type = "valise.rule";
inline constexpr const char* limiter_type = "valise.limiter";
inline constexpr const char* memory_type = "valise.memory";

// Pushes the environment of a policy's file: libraries, matchers, actions, rule (lua_api.cpp).
void push_environment(PolicySet::State& state);
// Registers the type of `m` and makes the one object of it (lua_facts.cpp).
void make_facts_object(PolicySet::State& state);

[[nodiscard]] MatcherPtr make_lua_matcher(PolicySet::State& state, int function, Place place);
[[nodiscard]] ActionPtr make_lua_action(PolicySet::State& state, int function, Place place);

}  // namespace valise::policy
