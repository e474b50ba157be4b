// Private to this folder: what a PolicySet is made of, and the Lua side of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/sandbox/sandbox.hpp"
#include "policy/action.hpp"
#include "policy/matcher.hpp"
#include "policy/policy_set.hpp"

namespace valise::policy {

// What an administrator should know of a rule besides its hits.
struct Troubles {
  // So many overruns with no minute between two are a bout: named in status, and once in the log.
  static constexpr std::uint64_t bout = 3;
  static constexpr std::int64_t gap_ms = 60'000;

  std::uint64_t would_refuse = 0;  // on trial: events that it would have denied or dropped
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
  unsigned line = 0;
  const Matcher* match = nullptr;
  std::vector<const Action*> actions;
  EventMask events = all_events;
  bool shadow = false;
  bool logs = false;
  std::uint64_t hits = 0;
  std::uint64_t errors = 0;
  Troubles troubles;
};

// Sees a decision from inside (explain.cpp). While there is one, nothing is counted for good or logged, and no Rate
// takes anything.
class Watcher {
 public:
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  // Evaluates the rule's matcher; `context` says whether it failed.
  virtual bool match(const Rule& rule, Context& context) { return rule.match->matches(context); }
  // A function reads this fact of `m` ("tag": m:has_tag).
  virtual void reads(std::string_view) {}

 protected:
  Watcher() = default;
  ~Watcher() = default;
};

struct PolicySet::State {
  explicit State(std::string file, const PolicyOptions& given)
      : name(std::move(file)), options(given), sandbox(given.budgets.heap) {}

  // -- fixed after loading
  std::string name;
  PolicyOptions options;
  bool loading = true;
  config::Sandbox sandbox;
  std::vector<MatcherPtr> matchers;
  std::vector<ActionPtr> actions;
  unsigned rates = 0;                   // Rate matchers: each has a table
  bool counts_unknown_devices = false;  // a matcher or a function may look
  int facts_reference = 0;              // the `m` that functions get
  // -- home shard only
  std::vector<Rule> rules;
  PolicyCounters counters;
  const Facts* facts = nullptr;  // of the running decision; `m` reads them
  const Decision* decision = nullptr;
  bool lua_ran = false;
  std::string last_error;
  std::int64_t logged_ms = 0;
  std::uint64_t unlogged = 0;
  Watcher* watcher = nullptr;

  // Calls the function of the registry with `m`; leaves one result on the stack. On failure: context.fail, leaves
  // nothing.
  bool call(int function, Context& context);
  bool may_log(std::int64_t now_ms);
  // A rule in shadow has matched: its actions run on a copy of the decision, and what they would have done is told.
  void try_out(Rule& rule, Context& context) const;
  void note_error(Rule& rule, Context& context);
};

// Lua types by which C++ recognises what it made.
inline constexpr const char* matcher_type = "valise.matcher";
inline constexpr const char* action_type = "valise.action";
inline constexpr const char* facts_type = "valise.facts";

// Pushes the environment of a policy's file: libraries, matchers, actions, rule (lua_api.cpp).
void push_environment(PolicySet::State& state);
// Registers the type of `m` and makes the one object of it (lua_facts.cpp).
void make_facts_object(PolicySet::State& state);

[[nodiscard]] MatcherPtr make_lua_matcher(PolicySet::State& state, int function, unsigned line);
[[nodiscard]] ActionPtr make_lua_action(PolicySet::State& state, int function, unsigned line);

}  // namespace valise::policy
