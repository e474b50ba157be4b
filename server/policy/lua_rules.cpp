// The Lua functions that build rules and chains, and the environment of a policy's file.
#include <fmt/core.h>

#include <algorithm>

#include "base/log.hpp"
#include "config/nearest.hpp"
#include "policy/lua_arguments.hpp"

namespace valise::policy {
namespace {

constexpr std::size_t most_rules = 2000;
constexpr std::size_t most_actions = 16;  // of one rule
constexpr std::size_t most_chains = 100;

const Action* read_action(lua_State* lua, int index) {
  if (const auto* made = static_cast<const Action* const*>(luaL_testudata(lua, index, action_type))) return *made;
  if (!lua_isfunction(lua, index)) {
    refuse(lua, fmt::format("an action or a function is wanted here, not a {}", luaL_typename(lua, index)));
  }
  Place place;
  const int function = keep_function(lua, index, place);
  auto& state = state_of(lua);
  push_action(lua, make_lua_action(state, function, place));
  lua_pop(lua, 1);
  return state.actions.back().get();
}

// ---- rules

void read_actions(lua_State* lua, Rule& rule) {
  if (lua_type(lua, -1) != LUA_TTABLE) {
    rule.actions.push_back(read_action(lua, -1));
  } else {
    const auto count = lua_rawlen(lua, -1);
    if (count == 0 || count > most_actions) refuse(lua, fmt::format("a rule has 1 to {} actions", most_actions));
    for (lua_Unsigned i = 1; i <= count; ++i) {
      lua_rawgeti(lua, -1, static_cast<lua_Integer>(i));
      rule.actions.push_back(read_action(lua, -1));
      lua_pop(lua, 1);
    }
  }
  rule.logs = std::ranges::any_of(rule.actions, [](const Action* action) { return action->logs(); });
}

// Of the kinds that stand alone only rules that name that one are asked.
void keep_to_its_kind(lua_State* lua, Rule& rule) {
  EventMask alone = 0;
  bool names_one = false;
  for (const auto event : {Event::unsealed, Event::record, Event::archive}) {
    alone |= mask_of(event);
    names_one = names_one || (rule.events & ~mask_of(event)) == 0;
  }
  if (!names_one) rule.events &= ~alone;
  for (const auto* action : rule.actions) {
    const auto only = action->only();
    if (!only || (rule.events & ~mask_of(*only)) == 0) continue;
    const auto text = action->describe();
    refuse(lua, fmt::format("rule \"{}\": {} stands in rules with Kind(\"{}\")", rule.name,
                            text.substr(0, text.find_first_of("({")), event_names[static_cast<std::size_t>(*only)]));
  }
}

void find_tests(Rule& rule) {
  const Matcher* const whole[] = {rule.match};
  bool narrowed = true;  // `events` are those of all parts up to the first that counts or runs Lua
  for (const auto* part : rule.match->shape() == Shape::all ? rule.match->parts() : std::span(whole)) {
    if (!narrowed || !part->is_told_by_events()) rule.tests.push_back(part);
    narrowed = narrowed && part->pure();
  }
}

// rule{ name = "…", match = matcher or function, action = action, function or list of them, shadow = true }
int rule(lua_State* lua) {
  auto& state = building(lua);
  if (!lua_istable(lua, 1)) refuse(lua, "rule takes a table: rule{ name = \"…\", match = …, action = … }");
  constexpr std::string_view keys[] = {"name", "match", "action", "shadow"};
  check_keys(lua, 1, "rule", keys);
  if (state.rules.size() >= most_rules) refuse(lua, fmt::format("at most {} rules", most_rules));
  Rule made;
  made.place = caller_place(lua);
  lua_getfield(lua, 1, "name");
  made.name = read_person_text(lua, -1, "a rule's name");
  for (const auto& other : state.rules) {
    if (other.name == made.name)
      refuse(lua, fmt::format("rule \"{}\" exists already, in {}", made.name, place_text(lua, other.place)));
  }
  if (lua_getfield(lua, 1, "match") == LUA_TNIL)
    refuse(lua, fmt::format("rule \"{}\" has no match; Always() matches all", made.name));
  made.match = read_matcher(lua, -1);
  made.events = made.match->events();
  if (lua_getfield(lua, 1, "action") == LUA_TNIL) refuse(lua, fmt::format("rule \"{}\" has no action", made.name));
  read_actions(lua, made);
  keep_to_its_kind(lua, made);
  find_tests(made);
  if (lua_getfield(lua, 1, "shadow") != LUA_TNIL) {
    if (!lua_isboolean(lua, -1)) refuse(lua, "shadow takes true or false");
    made.shadow = lua_toboolean(lua, -1) != 0;
  }
  state.rules.push_back(std::move(made));
  *static_cast<std::size_t*>(lua_newuserdatauv(lua, sizeof(std::size_t), 0)) = state.rules.size() - 1;
  luaL_setmetatable(lua, rule_type);
  return 1;
}

// chain{ name = "…", rule{ … }, rule{ … } }
int chain(lua_State* lua) {
  auto& state = building(lua);
  if (!lua_istable(lua, 1)) refuse(lua, "chain takes a table: chain{ name = \"…\", rule{ … }, … }");
  constexpr std::string_view keys[] = {"name"};
  check_keys(lua, 1, "chain", keys);
  if (state.chains.size() > most_chains) refuse(lua, fmt::format("at most {} chains", most_chains));
  lua_getfield(lua, 1, "name");
  Chain made{read_person_text(lua, -1, "a chain's name"), caller_place(lua)};
  for (const auto& other : state.chains) {
    if (other.name == made.name)
      refuse(lua, fmt::format("chain \"{}\" exists already, in {}", made.name, place_text(lua, other.place)));
  }
  const auto count = lua_rawlen(lua, 1);
  if (count == 0) refuse(lua, fmt::format("chain \"{}\" has no rules", made.name));
  for (lua_Unsigned i = 1; i <= count; ++i) {
    lua_rawgeti(lua, 1, static_cast<lua_Integer>(i));
    const auto* number = static_cast<const std::size_t*>(luaL_testudata(lua, -1, rule_type));
    if (number == nullptr)
      refuse(lua, fmt::format("chain \"{}\" takes rule{{ … }}, not a {}", made.name, luaL_typename(lua, -1)));
    auto& rule = state.rules[*number];
    if (rule.chain != 0) {
      refuse(lua, fmt::format("rule \"{}\" stands in chain \"{}\" already", rule.name, state.chains[rule.chain].name));
    }
    rule.chain = static_cast<std::uint32_t>(state.chains.size());
    made.rules.push_back(static_cast<std::uint32_t>(*number));
    lua_pop(lua, 1);
  }
  state.chains.push_back(std::move(made));
  return 0;
}

// ---- files

// include("file.lua"): runs it as if it stood here, once.
int include(lua_State* lua) {
  constexpr std::size_t most_files = 100, deepest = 16;  // of a policy; within each other
  auto& state = building(lua);
  const auto name = beside_caller(lua, read_text(lua, 1, "include"));
  for (const auto& other : state.files) {
    if (other.name != name) continue;
    if (!other.done)
      refuse(lua, fmt::format("\"{}\" is being read already: files include each other in a circle", name));
    return 0;
  }
  if (state.files.size() >= most_files) refuse(lua, fmt::format("a policy has at most {} files", most_files));
  if (std::ranges::count(state.files, false, &SourceFile::done) >= static_cast<std::ptrdiff_t>(deepest)) {
    refuse(lua, fmt::format("at most {} files within each other", deepest));
  }
  const auto text = state.beside().read(name);
  if (!text) refuse(lua, text.error().message());
  const auto number = static_cast<unsigned>(state.files.size());
  state.files.push_back({name, state.beside().path_of(name)});
  ++state.unfinished;  // whatever pcall does with an error in it
  lua_rawgeti(lua, LUA_REGISTRYINDEX, state.environment_reference);
  if (const auto compiled = state.sandbox.compile(**text, number); !compiled) {
    refuse(lua, PolicyError{state.files[number].path, compiled.error().line, compiled.error().text});
  }
  lua_call(lua, 0, 0);
  state.files[number].done = true;
  --state.unfinished;
  return 0;
}

const Function making[] = {
    {"rule", &rule, "{ name =, match =, action =, shadow = }",
     "makes a rule; `match`: a matcher or a function, `action`: an action, a function, or a list of up to 16, one "
     "after "
     "the other until one ends; `shadow = true`: it counts, and records what it would have refused, and does nothing "
     "else"},
    {"chain", &chain, "{ name =, rule{ … }, … }",
     "these rules are tried where an action `Jump`s to the chain, and nowhere else. Chains may jump on, never in a "
     "circle"},
    {"include", &include, "\"file.lua\"",
     "reads another file of a policy, beside this one or below: its rules stand here, its globals are there "
     "afterwards. "
     "Each file once: a second `include` of it does nothing, and a circle is an error"},
};

// ---- globals. Upvalues: the state, the table of what is built in, the table of the file's own globals.

int unknown_global(lua_State* lua) {
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, 2, &length);
  if (text == nullptr) return luaL_error(lua, "a global's name is text");
  const std::string_view name(text, length);
  std::vector<std::string_view> names;
  for (const int table : {2, 3}) {
    lua_pushnil(lua);
    while (lua_next(lua, lua_upvalueindex(table)) != 0) {
      lua_pop(lua, 1);
      if (lua_type(lua, -1) == LUA_TSTRING) names.emplace_back(lua_tostring(lua, -1));
    }
  }
  std::ranges::sort(names);  // Lua's order of keys differs from run to run
  refuse(lua, fmt::format("unknown name \"{}\"{}", log::printable(name), config::nearest_hint(name, names)));
}

int set_global(lua_State* lua) {
  const auto& state = state_of(lua);
  if (lua_type(lua, 2) != LUA_TSTRING) return luaL_error(lua, "a global's name is text");
  lua_pushvalue(lua, 2);
  lua_rawget(lua, lua_upvalueindex(2));
  if (!lua_isnil(lua, -1)) refuse(lua, fmt::format("\"{}\" is built in and cannot be set", lua_tostring(lua, 2)));
  if (!state.loading) {
    refuse(lua, fmt::format("\"{}\" cannot be set: globals are frozen once the policy is loaded",
                            log::printable(lua_tostring(lua, 2))));
  }
  lua_settop(lua, 3);
  lua_rawset(lua, lua_upvalueindex(3));
  return 0;
}

// Reads a method of an object. Upvalues: the state, the table of its methods.
int no_method(lua_State* lua) {
  lua_settop(lua, 2);
  lua_pushvalue(lua, 2);
  lua_rawget(lua, lua_upvalueindex(2));
  if (!lua_isnil(lua, -1)) return 1;
  std::vector<std::string_view> names;
  lua_pop(lua, 1);
  for (lua_pushnil(lua); lua_next(lua, lua_upvalueindex(2)) != 0; lua_pop(lua, 1)) {
    names.emplace_back(lua_tostring(lua, -2));
  }
  std::ranges::sort(names);
  const std::string_view name = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "";
  refuse(lua, fmt::format("there is no method \"{}\"{}", log::printable(name), config::nearest_hint(name, names)));
}

}  // namespace

std::span<const Function> making_functions() { return making; }

void add_functions(lua_State* lua, PolicySet::State& state, std::span<const Function> functions) {
  for (const auto& function : functions) {
    lua_pushlightuserdata(lua, &state);
    lua_pushlightuserdata(lua, const_cast<Function*>(&function));
    lua_pushcclosure(lua, function.call, 2);
    lua_setfield(lua, -2, function.name);
  }
}

void push_type(lua_State* lua, PolicySet::State& state, const char* type, std::span<const Function> methods) {
  luaL_newmetatable(lua, type);
  if (!methods.empty()) {
    lua_createtable(lua, 0, static_cast<int>(methods.size()));
    add_functions(lua, state, methods);
    lua_pushlightuserdata(lua, &state);
    lua_pushvalue(lua, -2);
    lua_pushcclosure(lua, &no_method, 2);
    lua_remove(lua, -2);
    lua_setfield(lua, -2, "__index");
  }
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
}

namespace {

void add_types(lua_State* lua, PolicySet::State& state) {
  add_matcher_type(lua, state);
  push_type(lua, state, action_type);
  push_type(lua, state, rule_type);
  push_type(lua, state, limiter_type, limiter_methods());
  push_type(lua, state, memory_type, memory_methods());
  lua_pop(lua, 4);
}

}  // namespace

// The globals a chunk sees are an empty table: reads go to its own globals, then to what is built in, then to an error;
// writes go through set_global. No function of the sandbox reaches a metatable or writes past one.
void push_environment(PolicySet::State& state) {
  lua_State* lua = state.sandbox.state();
  state.sandbox.push_libraries();  // built in: 1
  const int built_in = lua_gettop(lua);
  add_types(lua, state);
  for (const auto functions : {matcher_functions(), party_functions(), keeping_functions(), action_functions(),
                               keeping_actions(), making_functions(), group_functions(), table_functions()}) {
    add_functions(lua, state, functions);
  }
  lua_newtable(lua);  // own
  const int own = lua_gettop(lua);
  const auto push_with_upvalues = [&](lua_CFunction function) {
    lua_pushlightuserdata(lua, &state);
    lua_pushvalue(lua, built_in);
    lua_pushvalue(lua, own);
    lua_pushcclosure(lua, function, 3);
  };
  lua_createtable(lua, 0, 1);
  push_with_upvalues(&unknown_global);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, built_in);
  lua_createtable(lua, 0, 1);
  lua_pushvalue(lua, built_in);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, own);
  lua_newtable(lua);  // what the chunk gets
  lua_createtable(lua, 0, 3);
  lua_pushvalue(lua, own);
  lua_setfield(lua, -2, "__index");
  push_with_upvalues(&set_global);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_setmetatable(lua, -2);
  lua_replace(lua, built_in);
  lua_settop(lua, built_in);
  lua_pushvalue(lua, built_in);
  state.environment_reference = luaL_ref(lua, LUA_REGISTRYINDEX);  // for what is included
}

}  // namespace valise::policy
