#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/matcher.hpp"

namespace valise::policy {

// jump: the rules of Context::jump, then the next action; leave: this chain is over.
enum class Next : std::uint8_t { done, go_on, jump, leave };

struct JumpTo;  // state.hpp

// What a rule does when it matches. Built while the file runs, then only read.
class Action {
 public:
  virtual ~Action() = default;
  Action(const Action&) = delete;
  Action& operator=(const Action&) = delete;
  virtual Next run(Context& context) const = 0;
  [[nodiscard]] virtual std::string describe() const = 0;
  // Log: the rule's line in the log when it matches.
  [[nodiscard]] virtual bool logs() const { return false; }
  // The events of which it does anything.
  [[nodiscard]] virtual EventMask events() const { return all_events; }
  // It has its place in rules about that kind alone.
  [[nodiscard]] virtual std::optional<Event> only() const { return std::nullopt; }
  // Jump: where to, as State::jumps has it; null: nowhere.
  [[nodiscard]] virtual const JumpTo* jump() const { return nullptr; }
  // It always ends the decision, or the chain.
  [[nodiscard]] virtual bool ends() const { return false; }
  // What it asks before it is done; null: nothing.
  [[nodiscard]] virtual const Matcher* asks() const { return nullptr; }
  // A Lua function: it may not stand for the result of another.
  [[nodiscard]] virtual bool native() const { return true; }

 protected:
  Action() = default;
};

using ActionPtr = std::unique_ptr<const Action>;

struct Refusal {
  StanzaError error;
  std::string text_fr;
  std::string text_en;
  std::string redirect{};  // error is `redirect`: to this address, normalised
};

[[nodiscard]] ActionPtr make_allow();
[[nodiscard]] ActionPtr make_drop();
[[nodiscard]] ActionPtr make_deny(Refusal refusal);
[[nodiscard]] ActionPtr make_tag(std::string tag);
[[nodiscard]] ActionPtr make_log();
[[nodiscard]] ActionPtr make_seal(std::string_view mode);  // of mode_names
[[nodiscard]] ActionPtr make_jump(const JumpTo& to);
[[nodiscard]] ActionPtr make_return();
[[nodiscard]] ActionPtr make_record(std::string word);
[[nodiscard]] ActionPtr make_disconnect();
[[nodiscard]] ActionPtr make_unsubscribe();
[[nodiscard]] ActionPtr make_limit(const Pace& pace);
[[nodiscard]] ActionPtr make_require_approval();
[[nodiscard]] ActionPtr make_quiet();
[[nodiscard]] ActionPtr make_keep(std::uint32_t days);
[[nodiscard]] ActionPtr make_delay(std::int64_t ms);
// Until `open` matches, which asks of the time alone (is_of_time) and is kept elsewhere. Where it does now: no wait.
[[nodiscard]] ActionPtr make_delay(const Matcher& open);
[[nodiscard]] ActionPtr make_strip(std::vector<StripName> names);
// At most once in `every_ms`; home shard only.
[[nodiscard]] ActionPtr make_notify(std::string text_fr, std::string text_en, std::int64_t every_ms);

}  // namespace valise::policy
