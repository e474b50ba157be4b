// The base, table and math libraries of the sandbox. What is missing is missing on purpose:
//  - setmetatable, getmetatable, raw*: no __gc and no __close (both would run outside the hook), no way to a string's
//    methods or past a read-only table;
//  - load, dofile, require, coroutine, collectgarbage, xpcall (its handler runs with the hook switched off);
//  - math.random: a policy decides the same for the same facts.
#include <fmt/core.h>

#include <bit>
#include <lua.hpp>

#include "config/sandbox/sandbox.hpp"

namespace valise::config::libraries {
namespace {

// Calls the original that is the first upvalue, after charging for its arguments.
int forward(lua_State* lua) { return lua_tocfunction(lua, lua_upvalueindex(1))(lua); }

std::uint64_t length_of(lua_State* lua, int index) {
  return lua_istable(lua, index) ? static_cast<std::uint64_t>(lua_rawlen(lua, index)) : 0;
}

int charged_by_text(lua_State* lua) {
  std::uint64_t bytes = 0;
  for (int i = 1; i <= lua_gettop(lua); ++i) {
    if (lua_type(lua, i) == LUA_TSTRING) bytes += lua_rawlen(lua, i);
  }
  Sandbox::of(lua).charge(bytes / 16 + 1);
  return forward(lua);
}

// insert, remove, concat: linear in the table at worst.
int charged_by_table(lua_State* lua) {
  Sandbox::of(lua).charge(length_of(lua, 1) + 1);
  return forward(lua);
}

int charged_sort(lua_State* lua) {
  const auto n = length_of(lua, 1);
  Sandbox::of(lua).charge(2 * n * static_cast<std::uint64_t>(std::bit_width(n)) + 1);
  return forward(lua);
}

int unpack(lua_State* lua) {
  constexpr lua_Integer most = 250;
  luaL_checktype(lua, 1, LUA_TTABLE);
  const lua_Integer first = luaL_optinteger(lua, 2, 1);
  const lua_Integer last = luaL_opt(lua, luaL_checkinteger, 3, static_cast<lua_Integer>(lua_rawlen(lua, 1)));
  if (first > last) return 0;
  if (static_cast<lua_Unsigned>(last) - static_cast<lua_Unsigned>(first) >= static_cast<lua_Unsigned>(most)) {
    return luaL_error(lua, "table.unpack gives at most %d values", static_cast<int>(most));
  }
  luaL_checkstack(lua, static_cast<int>(most), "table.unpack");
  for (lua_Integer i = first; i < last; ++i) lua_geti(lua, 1, i);
  lua_geti(lua, 1, last);
  return static_cast<int>(last - first + 1);
}

// An overrun is not an error that a script may handle: it passes through every pcall.
int protected_call(lua_State* lua) {
  luaL_checkany(lua, 1);
  auto& sandbox = Sandbox::of(lua);
  const int status = lua_pcall(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0);
  // Out of memory, in Lua or in a function of ours, is no error of the script either.
  if (status != LUA_OK && status != LUA_ERRRUN && status != LUA_ERRERR && sandbox.overrun() == Overrun::none) {
    sandbox.overrun(Overrun::memory);
  }
  sandbox.charge(1);  // raises again after an overrun
  lua_pushboolean(lua, status == LUA_OK);
  lua_insert(lua, 1);
  return lua_gettop(lua);
}

// Walking over many erased fields is work too, which the count hook does not see.
int next(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_settop(lua, 2);
  Sandbox::of(lua).charge(8);
  if (lua_next(lua, 1) != 0) return 2;
  lua_pushnil(lua);
  return 1;
}

int pairs(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_pushcfunction(lua, &next);
  lua_pushvalue(lua, 1);
  lua_pushnil(lua);
  return 3;
}

// Like Lua's, but a table is "table", not its address: the same on every run, and no hint about the memory's layout.
int to_string(lua_State* lua) {
  luaL_checkany(lua, 1);
  switch (lua_type(lua, 1)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
    case LUA_TBOOLEAN:
    case LUA_TNIL:
      luaL_tolstring(lua, 1, nullptr);
      break;
    default:
      lua_pushstring(lua, luaL_typename(lua, 1));
      break;
  }
  return 1;
}

// Takes the library on top apart: keeps `names` in a new table, each behind `wrapper` (nullptr: as it is).
void keep(lua_State* lua, lua_CFunction wrapper, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (wrapper != nullptr) {
      lua_getfield(lua, -2, name);
      lua_pushcclosure(lua, wrapper, 1);
    } else {
      lua_getfield(lua, -2, name);
    }
    lua_setfield(lua, -2, name);
  }
}

void open(lua_State* lua, lua_CFunction library) {
  lua_pushcfunction(lua, library);
  lua_call(lua, 0, 1);
}

}  // namespace

void push_base(lua_State* lua) {
  // luaopen_base fills the global table, which no chunk of the sandbox ever sees.
  open(lua, &luaopen_base);
  lua_newtable(lua);
  keep(lua, nullptr, {"assert", "error", "ipairs", "select", "type"});
  keep(lua, &charged_by_text, {"tonumber"});
  lua_remove(lua, -2);
  const luaL_Reg own[] = {
      {"pcall", &protected_call}, {"next", &next}, {"pairs", &pairs}, {"tostring", &to_string}, {nullptr, nullptr}};
  luaL_setfuncs(lua, own, 0);
}

void push_table(lua_State* lua) {
  open(lua, &luaopen_table);
  lua_newtable(lua);
  keep(lua, &charged_by_table, {"insert", "remove", "concat"});
  keep(lua, &charged_sort, {"sort"});
  keep(lua, nullptr, {"pack"});
  lua_remove(lua, -2);
  lua_pushcfunction(lua, &unpack);
  lua_setfield(lua, -2, "unpack");
}

void push_math(lua_State* lua) {
  open(lua, &luaopen_math);
  for (const char* name : {"random", "randomseed"}) {
    lua_pushnil(lua);
    lua_setfield(lua, -2, name);
  }
}

}  // namespace valise::config::libraries
