// The policy: rules built by one Lua file, run natively. One set a shard (it holds a Lua state and counters; limiters
// and memories are Shared); everything here is home shard only. A reload loads a new set and swaps the pointer; if
// loading fails, the old set stays in force.
//
// Order: rules are tried as they stand in the file. A rule whose matcher matches is counted, then its actions run:
// Allow, Deny, Drop and Seal end the decision, Jump tries a chain's rules, Return leaves the chain, all others go on.
// No rule left: allowed. A Lua function that fails or overruns its budget ends the decision as denied
// (Reason::policy_failed), is counted and logged: a policy fails closed.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/decision.hpp"
#include "policy/facts.hpp"

namespace valise::policy {

struct Budgets {
  std::uint64_t load_us = 5'000'000;
  std::size_t heap = 64u << 20;               // of the Lua state, at all times
  std::uint64_t call_instructions = 100'000;  // of one Lua function
  std::size_t call_memory = 256u << 10;       // allocated by one Lua function, garbage included
  std::uint64_t decide_us = 1000;             // of all Lua functions of one decision together
};

struct PolicyError {
  std::string file;
  unsigned line = 0;  // 0: about the file as a whole
  std::string text;
  [[nodiscard]] std::string place() const;    // "policy.lua:12"
  [[nodiscard]] std::string message() const;  // "policy.lua:12: unknown name …"
};

class Shared;      // shared.hpp
class LiveGroups;  // live_members.hpp
struct GroupInfo;

// The files beside a policy that it reads, each once: the sets of all shards are made of the same bytes. Any thread.
class PolicyFiles {
 public:
  static constexpr std::size_t most_bytes = 16u << 20;  // of all together
  // `folder`: where the policy's file is; empty: it has none, and may read nothing.
  explicit PolicyFiles(std::string folder) : folder_(std::move(folder)) {}
  [[nodiscard]] static std::string folder_of(const std::string& path);
  [[nodiscard]] bool has_folder() const noexcept { return !folder_.empty(); }
  [[nodiscard]] std::string path_of(const std::string& name) const {
    return folder_.ends_with('/') ? folder_ + name : folder_ + "/" + name;
  }
  // `name`: below the folder. Errors: outside of it, not there, another may write it, too large.
  [[nodiscard]] std::expected<std::shared_ptr<const std::string>, PolicyError> read(const std::string& name);

 private:
  std::string folder_;
  std::mutex mutex_;  // guards the rest
  std::map<std::string, std::shared_ptr<const std::string>> files_;
  std::size_t bytes_ = 0;
};

struct PolicyOptions {
  Budgets budgets;
  // Brings a JID of the file to the form that Facts have; nullopt: not a JID. Default: ASCII letters to lower case in
  // the node and domain parts.
  std::function<std::optional<std::string>(std::string_view)> normalise;
  // What limiters and memories are kept in, beyond this set; null: they end with it.
  std::shared_ptr<Shared> shared;
  // Members of groups that are kept elsewhere; null: there are none in the store, and no directory answers.
  std::shared_ptr<LiveGroups> live;
  std::shared_ptr<PolicyFiles> files;  // null: those of the folder of load_file's path, else none
};

struct RuleInfo {
  std::string name;
  unsigned line = 0;
  std::string file;   // in which that line is
  std::string match;  // as it could stand in the file
  std::string action;
  bool shadow = false;  // counts, does not act
  std::uint64_t hits = 0;
  std::uint64_t errors = 0;
  std::string chain;               // empty: the main one
  std::uint64_t would_refuse = 0;  // in shadow: how often it would have denied, dropped or held back
  std::uint64_t overruns = 0;      // of `errors`: used-up budgets
  bool overruns_now = false;       // repeatedly, the last within a minute
  std::string last_error;          // "policy.lua:12: …"
};

// Facts that whoever asks has to look up.
enum class Costly : std::uint8_t {
  unknown_devices,
  relation,  // subscription, asked, pending, roster_groups
  shown,
  device_age,
  client,
  children,
  parties,  // from_local, to_local, from_admin, to_admin
};

struct PolicyCounters {
  std::uint64_t decisions = 0;
  std::uint64_t denied = 0;
  std::uint64_t dropped = 0;
  std::uint64_t lua_calls = 0;
  std::uint64_t errors = 0;  // Lua errors and overruns, each of them a denial
  std::uint64_t overruns = 0;
};

class PolicySet {
 public:
  using Loaded = std::expected<std::unique_ptr<PolicySet>, PolicyError>;

  // Reads at most 1 MiB; the file must not be writable by others.
  [[nodiscard]] static std::expected<std::string, PolicyError> read_file(const std::string& path);
  [[nodiscard]] static Loaded load_file(const std::string& path, const PolicyOptions& options = {});
  // `name` stands for the file in errors.
  [[nodiscard]] static Loaded load(std::string_view source, const std::string& name, const PolicyOptions& options = {});
  // The text of lua/stock.lua, compiled in: what is loaded when no file is configured.
  [[nodiscard]] static std::string_view stock() noexcept;

  ~PolicySet();
  PolicySet(const PolicySet&) = delete;
  PolicySet& operator=(const PolicySet&) = delete;

  // Whether any rule can match such an event; if not, nothing has to be decided.
  [[nodiscard]] bool concerns(Event event, Direction direction) const noexcept;
  // The fewest days that a Keep names; 0: none does.
  [[nodiscard]] std::uint32_t fewest_keep_days() const noexcept;

  // Native rules allocate nothing. Never fails: what goes wrong inside denies.
  [[nodiscard]] Decision decide(const Facts& facts);

  // Some rule may ask for Facts::unknown_devices: whoever fills them can spare the work otherwise.
  [[nodiscard]] bool counts_unknown_devices() const noexcept { return wants(Costly::unknown_devices); }
  // The same for the other facts that cost something.
  [[nodiscard]] bool wants(Costly facts) const noexcept;

  // `now_ms`: as in Facts.
  [[nodiscard]] std::vector<RuleInfo> describe(std::int64_t now_ms = 0) const;
  [[nodiscard]] std::vector<GroupInfo> groups() const;
  [[nodiscard]] const PolicyCounters& counters() const noexcept;
  // The last Lua error as "policy.lua:12: …"; empty if there was none.
  [[nodiscard]] const std::string& last_error() const noexcept;

  // The language of policies as Markdown: docs/policy-reference.md.
  [[nodiscard]] static std::string reference();

  struct State;  // state.hpp
  // For the tools of this folder (check, explain, replay), which look at the rules themselves.
  [[nodiscard]] State& state() const noexcept { return *state_; }

 private:
  explicit PolicySet(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace valise::policy
