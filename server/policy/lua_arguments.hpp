// Private to this folder: reading the arguments of the functions that build rules, with errors at the caller's line.
#pragma once

#include <lua.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/api.hpp"
#include "policy/keeping.hpp"
#include "policy/state.hpp"

namespace valise::policy {

// The state is the first upvalue of every function of the API, the second is its entry in the tables of api.hpp.
inline PolicySet::State& state_of(lua_State* lua) {
  return *static_cast<PolicySet::State*>(lua_touserdata(lua, lua_upvalueindex(1)));
}
inline std::string_view name_of(lua_State* lua) {
  return static_cast<const Function*>(lua_touserdata(lua, lua_upvalueindex(2)))->name;
}

// Raises "<file>:<line of the caller>: text".
[[noreturn]] void refuse(lua_State* lua, const std::string& text);
// The same for an error in another file, which has a place of its own.
[[noreturn]] void refuse(lua_State* lua, const PolicyError& error);
// Refuses unless the file is being loaded: rules and their parts are fixed afterwards.
PolicySet::State& building(lua_State* lua, std::string_view function);
PolicySet::State& building(lua_State* lua);  // of an entry
// Refuses unless a rule's function runs.
const PolicySet::State& deciding(lua_State* lua);
// The same, to read this fact (fact_names.hpp): whoever watches is told.
const PolicySet::State& deciding(lua_State* lua, std::string_view fact);
// Where the policy calls the running function.
Place caller_place(lua_State* lua);
// The file `written` in the caller's, by its name from the policy's folder: "groups.lua" of policies/walls.lua is
// policies/groups.lua.
std::string beside_caller(lua_State* lua, const std::string& written);
// "line 12", or "groups.lua:12" where that is another file than the caller's.
std::string place_text(lua_State* lua, Place place);

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
std::int64_t read_whole(lua_State* lua, int index, std::string_view what, double least, double most);
bool read_bool(lua_State* lua, int index, std::string_view what);
// Milliseconds: a number of seconds, or a text such as "90s", "15m", "12h", "7d". At most ten years.
std::int64_t read_duration(lua_State* lua, int index, std::string_view what);
// One account's address, normalised; no pattern.
std::string read_address(lua_State* lua, int index, std::string_view what);
// A text for people, in UTF-8 without control characters, at most 512 bytes.
std::string read_person_text(lua_State* lua, int index, std::string_view what);
// A short name of letters, digits, '-', '_', '.'.
std::string read_word(lua_State* lua, int index, std::string_view what);
// One of key_part_names or a list of them.
KeyOf read_key(lua_State* lua, int index, std::string_view what);
Comparison read_comparison(lua_State* lua, int index, std::string_view what);

// The matcher at `index`; a function becomes one.
const Matcher* read_matcher(lua_State* lua, int index);
// Keeps it in the set and pushes the object that stands for it. Refuses when it or the set grows too large.
int push_matcher(lua_State* lua, MatcherPtr matcher);
int push_action(lua_State* lua, ActionPtr action);
// A reference to the function at `index` in the registry, and where it begins.
int keep_function(lua_State* lua, int index, Place& place);

}  // namespace valise::policy
