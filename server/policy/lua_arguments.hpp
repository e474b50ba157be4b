// Private to this folder: reading the arguments of the functions that build rules, with errors at the caller's line.
#pragma once

#include <lua.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/state.hpp"

namespace valise::policy {

// The state is the first upvalue of every function of the API.
inline PolicySet::State& state_of(lua_State* lua) {
  return *static_cast<PolicySet::State*>(lua_touserdata(lua, lua_upvalueindex(1)));
}

// Raises "<file>:<line of the caller>: text".
[[noreturn]] void refuse(lua_State* lua, const std::string& text);
// Refuses unless the file is being loaded: rules and their parts are fixed afterwards.
PolicySet::State& building(lua_State* lua, std::string_view function);

// One text of 1 … 1,023 bytes at `index`.
std::string read_text(lua_State* lua, int index, std::string_view what);
// A text or a list of them (at least one). `sets` allows { ["text"] = true } too.
std::vector<std::string> read_texts(lua_State* lua, int index, std::string_view what, bool sets = false);
// The index of a text among `names`; refuses others with the nearest.
std::size_t read_name(lua_State* lua, int index, std::string_view what, std::span<const std::string_view> names);
std::size_t name_index(lua_State* lua, std::string_view text, std::string_view what,
                       std::span<const std::string_view> names);
// Refuses a table's text keys that are not among `known`.
void check_keys(lua_State* lua, int index, std::string_view what, std::span<const std::string_view> known);
double read_number(lua_State* lua, int index, std::string_view what, double least, double most);
// A text for people, in UTF-8 without control characters, at most 512 bytes.
std::string read_person_text(lua_State* lua, int index, std::string_view what);

// The matcher at `index`; a function becomes one.
const Matcher* read_matcher(lua_State* lua, int index);
// Keeps it in the set and pushes the object that stands for it. Refuses when it or the set grows too large.
int push_matcher(lua_State* lua, MatcherPtr matcher);
int push_action(lua_State* lua, ActionPtr action);
// A reference to the function at `index` in the registry, and the line where it begins.
int keep_function(lua_State* lua, int index, unsigned& line);

// Adds the functions to the table on top, with the state as upvalue (lua_matchers.cpp, lua_rules.cpp).
void add_matchers(lua_State* lua, PolicySet::State& state);
void add_rules(lua_State* lua, PolicySet::State& state);

}  // namespace valise::policy
