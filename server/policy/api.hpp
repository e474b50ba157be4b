// Private to this folder: the language of policies as data. What is registered in Lua, what errors offer as the nearest
// name and what docs/policy-reference.md says come from these tables, so they cannot differ.
#pragma once

#include <lua.hpp>
#include <optional>
#include <span>
#include <string_view>

#include "policy/policy_set.hpp"

namespace valise::policy {

// Where a fact is known. What is not known is "", 0 or false.
namespace at {
inline constexpr EventMask anywhere = all_events;
inline constexpr EventMask presences = mask_of(Event::presence) | mask_of(Event::subscription);
inline constexpr EventMask stanzas = mask_of(Event::message) | presences | mask_of(Event::iq);
inline constexpr EventMask messages = mask_of(Event::message) | mask_of(Event::unsealed);
inline constexpr EventMask written = stanzas | mask_of(Event::unsealed);
inline constexpr EventMask publications = mask_of(Event::publish) | mask_of(Event::device);
inline constexpr EventMask asked_once = mask_of(Event::login) | mask_of(Event::session) | mask_of(Event::registration) |
                                        mask_of(Event::record) | publications;
// Asked about at the sender alone.
inline constexpr EventMask outward = asked_once | mask_of(Event::invitation) | mask_of(Event::archive);
inline constexpr EventMask letters = mask_of(Event::mail_in) | mask_of(Event::mail_out);
inline constexpr EventMask links = mask_of(Event::federation_in) | mask_of(Event::federation_out);
inline constexpr EventMask weighed =
    written | publications | letters | mask_of(Event::room_message) | mask_of(Event::upload) | mask_of(Event::record);
inline constexpr EventMask acting =
    (written | asked_once | mask_of(Event::invitation) | mask_of(Event::upload)) & all_out;
inline constexpr EventMask connected = acting | links;
inline constexpr EventMask rooms = mask_of(Event::room_creation) | mask_of(Event::room_join) |
                                   mask_of(Event::room_message) | mask_of(Event::room_configuration);
}  // namespace at

struct Function {
  const char* name;
  lua_CFunction call;
  std::string_view arguments;
  std::string_view about;
  EventMask events = at::anywhere;
  std::optional<Costly> wants{};  // a fact that the server looks up only if somebody asks
};

// A field of `m`.
struct Field {
  std::string_view name;
  void (*push)(lua_State*, const Facts&);
  std::string_view about;
  EventMask events = at::anywhere;
};

struct EventInfo {
  Event event;
  bool fires;  // false: of a feature that is to come
  std::string_view asked;
  std::string_view denied;
};

[[nodiscard]] std::span<const Function> matcher_functions();  // lua_matchers.cpp
[[nodiscard]] std::span<const Function> party_functions();    // lua_parties.cpp: matchers
[[nodiscard]] std::span<const Function> keeping_functions();  // lua_keeping.cpp: matchers
[[nodiscard]] std::span<const Function> action_functions();   // lua_actions.cpp
[[nodiscard]] std::span<const Function> keeping_actions();    // lua_keeping.cpp
[[nodiscard]] std::span<const Function> making_functions();   // lua_rules.cpp: rule, chain
[[nodiscard]] std::span<const Function> group_functions();    // lua_parties.cpp: group, lines
[[nodiscard]] std::span<const Function> table_functions();    // lua_keeping.cpp: limiter, memory
[[nodiscard]] std::span<const Function> limiter_methods();
[[nodiscard]] std::span<const Function> memory_methods();
[[nodiscard]] std::span<const Function> fact_methods();   // lua_facts.cpp: of `m`
[[nodiscard]] std::span<const Function> party_methods();  // lua_parties.cpp: of `m`
[[nodiscard]] std::span<const Field> fact_fields();
[[nodiscard]] std::span<const EventInfo> events();  // api.cpp

// Adds them to the table on top. Upvalues: the state, the entry.
void add_functions(lua_State* lua, PolicySet::State& state, std::span<const Function> functions);
// The type of matchers, with its operators (lua_matchers.cpp).
void add_matcher_type(lua_State* lua, PolicySet::State& state);
// A type of objects with these methods, which cannot be opened or changed; the metatable is left on the stack.
void push_type(lua_State* lua, PolicySet::State& state, const char* type, std::span<const Function> methods = {});

}  // namespace valise::policy
