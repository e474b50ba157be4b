// The `m` that a policy's function gets: reads the facts of the running decision, one field at a time, so that a call
// costs what it reads. One object for all calls; between decisions it has nothing to say.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "config/nearest.hpp"
#include "policy/lua_arguments.hpp"

namespace valise::policy {
namespace {

using Push = void (*)(lua_State*, const Facts&);

void push(lua_State* lua, std::string_view text) { lua_pushlstring(lua, text.data(), text.size()); }
template <class T>
void push_whole(lua_State* lua, T value) {
  lua_pushinteger(lua, static_cast<lua_Integer>(value));
}

struct Field {
  std::string_view name;
  Push push;
};

constexpr Field fields[] = {
    {"kind", [](lua_State* l, const Facts& f) { push(l, event_names[static_cast<std::size_t>(f.event)]); }},
    {"direction",
     [](lua_State* l, const Facts& f) { push(l, direction_names[static_cast<std::size_t>(f.direction)]); }},
    {"host", [](lua_State* l, const Facts& f) { push(l, f.host); }},
    {"from", [](lua_State* l, const Facts& f) { push(l, f.from.bare); }},
    {"from_domain", [](lua_State* l, const Facts& f) { push(l, f.from.domain); }},
    {"from_resource", [](lua_State* l, const Facts& f) { push(l, f.from.resource); }},
    {"to", [](lua_State* l, const Facts& f) { push(l, f.to.bare); }},
    {"to_domain", [](lua_State* l, const Facts& f) { push(l, f.to.domain); }},
    {"to_resource", [](lua_State* l, const Facts& f) { push(l, f.to.resource); }},
    {"type", [](lua_State* l, const Facts& f) { push(l, f.type); }},
    {"payload", [](lua_State* l, const Facts& f) { push(l, f.payload); }},
    {"size", [](lua_State* l, const Facts& f) { push_whole(l, f.size); }},
    {"sealed_mode", [](lua_State* l, const Facts& f) { push(l, f.sealed_mode); }},
    {"unsealed", [](lua_State* l, const Facts& f) { push(l, f.unsealed); }},
    {"sealed", [](lua_State* l, const Facts& f) { lua_pushboolean(l, f.sealed); }},
    {"omemo", [](lua_State* l, const Facts& f) { push(l, omemo_names[static_cast<std::size_t>(f.omemo)]); }},
    {"sid", [](lua_State* l, const Facts& f) { push_whole(l, f.sid); }},
    {"keys", [](lua_State* l, const Facts& f) { push_whole(l, f.keys); }},
    {"prekeys", [](lua_State* l, const Facts& f) { push_whole(l, f.prekeys); }},
    {"unknown_devices", [](lua_State* l, const Facts& f) { push_whole(l, f.unknown_devices); }},
    {"sealed_length", [](lua_State* l, const Facts& f) { push_whole(l, f.sealed_length); }},
    {"ip", [](lua_State* l, const Facts& f) { push(l, f.ip.text()); }},
    {"mechanism", [](lua_State* l, const Facts& f) { push(l, f.mechanism); }},
    {"tls", [](lua_State* l, const Facts& f) { push(l, f.tls); }},
    {"language", [](lua_State* l, const Facts& f) { push(l, f.language); }},
    {"weekday", [](lua_State* l, const Facts& f) { push(l, weekday_names[f.minute_of_week / 1440 % 7]); }},
    {"hour", [](lua_State* l, const Facts& f) { push_whole(l, f.minute_of_week % 1440 / 60); }},
    {"minute", [](lua_State* l, const Facts& f) { push_whole(l, f.minute_of_week % 60); }},
};

const PolicySet::State& deciding(lua_State* lua, std::string_view fact) {
  const auto& state = state_of(lua);
  if (state.facts == nullptr) luaL_error(lua, "facts are there only while the rule's function runs");
  if (state.watcher != nullptr) state.watcher->reads(fact);
  return state;
}

// m:has_tag("guest")
int has_tag(lua_State* lua) {
  luaL_checkudata(lua, 1, facts_type);
  std::size_t length = 0;
  const char* text = luaL_checklstring(lua, 2, &length);
  const std::string_view tag(text, length);
  const auto& state = deciding(lua, "tag");
  const auto added = state.decision->added_tags();
  lua_pushboolean(lua, std::ranges::find(state.facts->tags, tag) != state.facts->tags.end() ||
                           std::ranges::find(added, tag) != added.end());
  return 1;
}

// Upvalues: the state; a table from a field's name to its number, or to has_tag.
int index(lua_State* lua) {
  lua_settop(lua, 2);
  lua_pushvalue(lua, 2);
  lua_rawget(lua, lua_upvalueindex(2));
  if (lua_isinteger(lua, -1)) {
    const auto& field = fields[static_cast<std::size_t>(lua_tointeger(lua, -1))];
    field.push(lua, *deciding(lua, field.name).facts);
    return 1;
  }
  if (!lua_isnil(lua, -1)) return 1;
  std::vector<std::string_view> names;
  for (const auto& field : fields) names.push_back(field.name);
  std::size_t length = 0;
  const char* name = lua_type(lua, 2) == LUA_TSTRING ? lua_tolstring(lua, 2, &length) : "";
  refuse(lua, fmt::format("there is no fact \"{}\"{}", log::printable({name, length}),
                          config::nearest_hint({name, length}, names)));
}

int read_only(lua_State* lua) { return luaL_error(lua, "facts cannot be changed"); }

}  // namespace

void make_facts_object(PolicySet::State& state) {
  lua_State* lua = state.sandbox.state();
  lua_newuserdatauv(lua, 0, 0);
  luaL_newmetatable(lua, facts_type);
  lua_pushlightuserdata(lua, &state);
  lua_createtable(lua, 0, static_cast<int>(std::size(fields)) + 1);
  for (std::size_t i = 0; i < std::size(fields); ++i) {
    lua_pushlstring(lua, fields[i].name.data(), fields[i].name.size());
    lua_pushinteger(lua, static_cast<lua_Integer>(i));
    lua_rawset(lua, -3);
  }
  lua_pushlightuserdata(lua, &state);
  lua_pushcclosure(lua, &has_tag, 1);
  lua_setfield(lua, -2, "has_tag");
  lua_pushcclosure(lua, &index, 2);
  lua_setfield(lua, -2, "__index");
  lua_pushcfunction(lua, &read_only);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_setmetatable(lua, -2);
  state.facts_reference = luaL_ref(lua, LUA_REGISTRYINDEX);
}

}  // namespace valise::policy
