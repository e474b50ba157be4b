// The `m` that a policy's function gets: reads the facts of the running decision, one field at a time, so that a call
// costs what it reads. One object for all calls; between decisions it has nothing to say.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "config/nearest.hpp"
#include "policy/calendar.hpp"
#include "policy/lua_arguments.hpp"

namespace valise::policy {
namespace {

void push(lua_State* lua, std::string_view text) { lua_pushlstring(lua, text.data(), text.size()); }
template <class T>
void push_whole(lua_State* lua, T value) {
  lua_pushinteger(lua, static_cast<lua_Integer>(value));
}

Event exact(const Facts& f) { return exact_event(f.event, f.type, f.payload); }

constexpr Field fields[] = {
    {"kind",
     [](lua_State* l, const Facts& f) { push(l, event_names[static_cast<std::size_t>(wider_event(exact(f)))]); },
     "the event by its wider name: `presence` of a subscription, `publish` of a device"},
    {"event", [](lua_State* l, const Facts& f) { push(l, event_names[static_cast<std::size_t>(exact(f))]); },
     "the event by its own name"},
    {"direction", [](lua_State* l, const Facts& f) { push(l, direction_names[static_cast<std::size_t>(f.direction)]); },
     "`out` or `in`"},
    {"host", [](lua_State* l, const Facts& f) { push(l, f.host); }, "the host of this server that is concerned"},
    {"from", [](lua_State* l, const Facts& f) { push(l, f.from.bare); }, "the sender's bare address"},
    {"from_domain", [](lua_State* l, const Facts& f) { push(l, f.from.domain); }, ""},
    {"from_resource", [](lua_State* l, const Facts& f) { push(l, f.from.resource); }, "", at::written | at::asked_once},
    {"to", [](lua_State* l, const Facts& f) { push(l, f.to.bare); }, "the recipient's bare address"},
    {"to_domain", [](lua_State* l, const Facts& f) { push(l, f.to.domain); }, ""},
    {"to_resource", [](lua_State* l, const Facts& f) { push(l, f.to.resource); }, "", at::written},
    {"type", [](lua_State* l, const Facts& f) { push(l, f.type); }, "as `Type`", at::written | at::asked_once},
    {"payload", [](lua_State* l, const Facts& f) { push(l, f.payload); }, "as `Payload`",
     mask_of(Event::iq) | mask_of(Event::unsealed) | mask_of(Event::record) | at::publications},
    {"size", [](lua_State* l, const Facts& f) { push_whole(l, f.size); }, "bytes of the stanza", at::weighed},
    {"sealed_mode", [](lua_State* l, const Facts& f) { push(l, f.sealed_mode); }, "as `SealedMode`",
     at::messages | mask_of(Event::iq)},
    {"unsealed", [](lua_State* l, const Facts& f) { push(l, f.unsealed); }, "as `Unsealed`",
     at::messages | mask_of(Event::iq)},
    {"sealed", [](lua_State* l, const Facts& f) { lua_pushboolean(l, f.sealed); }, "true of an OMEMO message",
     at::messages},
    {"omemo", [](lua_State* l, const Facts& f) { push(l, omemo_names[static_cast<std::size_t>(f.omemo)]); },
     "`legacy`, `2`, `none`", at::messages},
    {"sid", [](lua_State* l, const Facts& f) { push_whole(l, f.sid); }, "the OMEMO device that sealed it",
     at::messages},
    {"keys", [](lua_State* l, const Facts& f) { push_whole(l, f.keys); }, "for so many devices", at::messages},
    {"prekeys", [](lua_State* l, const Facts& f) { push_whole(l, f.prekeys); }, "of these, that begin a session",
     at::messages},
    {"unknown_devices", [](lua_State* l, const Facts& f) { push_whole(l, f.unknown_devices); }, "as `UnknownDevices`",
     mask_of(Event::message) & all_in},
    {"sealed_length", [](lua_State* l, const Facts& f) { push_whole(l, f.sealed_length); },
     "bytes of the sealed payload", at::messages},
    {"device_age", [](lua_State* l, const Facts& f) { push_whole(l, f.device_age_s); },
     "seconds since the server first saw that device; -1: not known", mask_of(Event::message) & all_out},
    {"devices", [](lua_State* l, const Facts& f) { push_whole(l, f.devices); }, "in the list that is published",
     mask_of(Event::device)},
    {"new_devices", [](lua_State* l, const Facts& f) { push_whole(l, f.new_devices); },
     "of these, not in the list before", mask_of(Event::device)},
    {"uses", [](lua_State* l, const Facts& f) { push_whole(l, f.uses); }, "so many may come by the invitation",
     mask_of(Event::invitation)},
    {"sessions", [](lua_State* l, const Facts& f) { push_whole(l, f.sessions); }, "as `Sessions`",
     at::stanzas | mask_of(Event::session)},
    {"ip", [](lua_State* l, const Facts& f) { push(l, f.ip.text()); }, "the address of whoever acts", at::connected},
    {"mechanism", [](lua_State* l, const Facts& f) { push(l, f.mechanism); }, "how the session logged in", at::acting},
    {"tls", [](lua_State* l, const Facts& f) { push(l, f.tls); }, "`1.2`, `1.3`", at::connected},
    {"client", [](lua_State* l, const Facts& f) { push(l, f.client); }, "as `Client`", at::stanzas& all_out},
    {"language", [](lua_State* l, const Facts& f) { push(l, f.language); }, "of the stream"},
    {"subscription", [](lua_State* l, const Facts& f) { push(l, f.subscription); },
     "as `Subscription`; `\"\"`: no contact", at::stanzas},
    {"asked", [](lua_State* l, const Facts& f) { lua_pushboolean(l, f.asked); }, "as `Asked`", at::stanzas},
    {"pending", [](lua_State* l, const Facts& f) { lua_pushboolean(l, f.pending); }, "as `Pending`", at::stanzas},
    {"shown", [](lua_State* l, const Facts& f) { lua_pushboolean(l, f.shown); }, "as `Shown`", at::stanzas},
    {"from_local", [](lua_State* l, const Facts& f) { lua_pushboolean(l, f.from_local); },
     "the sender is of a host of this server"},
    {"to_local", [](lua_State* l, const Facts& f) { lua_pushboolean(l, f.to_local); }, ""},
    {"from_admin", [](lua_State* l, const Facts& f) { lua_pushboolean(l, f.from_admin); },
     "the sender administers the host"},
    {"to_admin", [](lua_State* l, const Facts& f) { lua_pushboolean(l, f.to_admin); }, ""},
    {"affiliation", [](lua_State* l, const Facts& f) { push(l, f.affiliation); }, "in the room", at::rooms},
    {"occupants", [](lua_State* l, const Facts& f) { push_whole(l, f.occupants); },
     "of the room, before this one comes in", mask_of(Event::room_join)},
    {"label", [](lua_State* l, const Facts& f) { push(l, f.label); }, "as `Label`; `\"\"`: without one",
     at::messages | mask_of(Event::room_message)},
    {"datacenter", [](lua_State* l, const Facts& f) { push(l, f.datacenter); }, "as `Datacenter`"},
    {"weekday", [](lua_State* l, const Facts& f) { push(l, weekday_names[f.minute_of_week / 1440 % 7]); },
     "`mon` … `sun`, local"},
    {"hour", [](lua_State* l, const Facts& f) { push_whole(l, f.minute_of_week % 1440 / 60); }, "local time"},
    {"minute", [](lua_State* l, const Facts& f) { push_whole(l, f.minute_of_week % 60); }, ""},
    {"year", [](lua_State* l, const Facts& f) { push_whole(l, civil_from_day(f.day).year); }, "of the local date"},
    {"month", [](lua_State* l, const Facts& f) { push_whole(l, civil_from_day(f.day).month); }, ""},
    {"day", [](lua_State* l, const Facts& f) { push_whole(l, civil_from_day(f.day).day); }, ""},
};

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

// Upvalues: the state; a table from a field's name to its number, or to a method.
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

const Function methods[] = {
    {"has_tag", &has_tag, "\"tag\"", "as `HasTag`"},
};

int read_only(lua_State* lua) { return luaL_error(lua, "facts cannot be changed"); }

}  // namespace

std::span<const Field> fact_fields() { return fields; }
std::span<const Function> fact_methods() { return methods; }

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
  add_functions(lua, state, methods);
  add_functions(lua, state, party_methods());
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
