// The Lua side of what is kept (keeping.hpp): limiter, memory, their methods, and the matchers and actions about them.
#include <fmt/core.h>

#include <algorithm>

#include "policy/lua_arguments.hpp"

namespace valise::policy {
namespace {

constexpr std::uint32_t usual_keys = 10'000;
constexpr double most_keys = 100'000;
constexpr double most_durable = 10'000;  // so that a part fits into a row of the store
constexpr std::size_t most_in_all = 1'000'000;
constexpr std::size_t most_tables = 64;
constexpr double longest_burst_s = 30.0 * 366 * 86'400;

// What the objects of Lua hold; the set keeps the tables.
struct LimiterObject {
  std::size_t number;  // of State::limiters
  RateLimit limit;
  const char* name;
};
struct MemoryObject {
  std::size_t number;  // of State::memories
  std::int64_t lifetime_ms;
  const char* name;
};

std::uint32_t read_keys(lua_State* lua, bool durable) {
  auto& state = state_of(lua);
  std::uint32_t keys = usual_keys;
  if (lua_getfield(lua, 1, "keys") != LUA_TNIL) {
    keys = static_cast<std::uint32_t>(read_whole(lua, -1, "keys", 1, durable ? most_durable : most_keys));
  }
  lua_pop(lua, 1);
  if (state.limiters.size() + state.memories.size() >= most_tables) {
    refuse(lua, fmt::format("at most {} Rate, limiter and memory", most_tables));
  }
  if ((state.table_keys += keys) > most_in_all) {
    refuse(lua, fmt::format("at most {} keys in all Rate, limiter and memory", most_in_all));
  }
  return keys;
}

bool read_durable(lua_State* lua) {
  const bool durable = lua_getfield(lua, 1, "durable") != LUA_TNIL && read_bool(lua, -1, "durable");
  lua_pop(lua, 1);
  return durable;
}

RateLimit read_limit(lua_State* lua) {
  RateLimit limit;
  lua_getfield(lua, 1, "rate");
  limit.rate = read_number(lua, -1, "rate", 0.0001, 1e6);
  lua_getfield(lua, 1, "burst");
  limit.burst = lua_isnil(lua, -1) ? std::max(1.0, limit.rate) : read_number(lua, -1, "burst", 1, 1e6);
  lua_pop(lua, 2);
  if (limit.burst / limit.rate > longest_burst_s) refuse(lua, "burst is what the rate earns in 30 years at most");
  return limit;
}

std::string read_name_of_table(lua_State* lua, std::string_view what) {
  lua_getfield(lua, 1, "name");
  auto name = read_word(lua, -1, fmt::format("a {}'s name", what));
  lua_pop(lua, 1);
  return name;
}

// Rate{ per =, rate =, burst =, keys =, name =, durable = }
int rate(lua_State* lua) {
  auto& state = building(lua);
  if (!lua_istable(lua, 1)) refuse(lua, "Rate takes a table: Rate{ per = \"from\", rate = 5, burst = 20 }");
  constexpr std::string_view known[] = {"per", "rate", "burst", "keys", "name", "durable"};
  check_keys(lua, 1, "Rate", known);
  lua_getfield(lua, 1, "per");
  auto key = read_key(lua, -1, "per");
  const auto limit = read_limit(lua);
  const bool durable = read_durable(lua);
  const auto keys = read_keys(lua, durable);
  auto described =
      fmt::format("Rate{{per={}, rate={}, burst={}, keys={}}}", key.describe(), limit.rate, limit.burst, keys);
  std::string name;
  if (lua_getfield(lua, 1, "name") != LUA_TNIL) {
    name = "Rate:" + read_word(lua, -1, "a Rate's name");
  } else {
    // Without a name it goes on over a reload as long as it says the same, and so do those like it before it.
    if (durable) refuse(lua, "a durable Rate has a name");
    const auto same =
        std::ranges::count_if(state.limiters, [&](const auto& other) { return other->name().starts_with(described); });
    name = fmt::format("{}#{}", described, same);
  }
  state.limiters.push_back(state.options.shared->limiter(name, keys, durable));
  return push_matcher(lua, make_over(std::move(described), state.limiters.back(), limit, std::move(key)));
}

// limiter{ name =, rate =, burst =, keys =, durable = }
int limiter(lua_State* lua) {
  auto& state = building(lua);
  if (!lua_istable(lua, 1)) refuse(lua, "limiter takes a table: limiter{ name = \"…\", rate = 5, burst = 20 }");
  constexpr std::string_view known[] = {"name", "rate", "burst", "keys", "durable"};
  check_keys(lua, 1, "limiter", known);
  const auto name = read_name_of_table(lua, "limiter");
  const auto limit = read_limit(lua);
  const bool durable = read_durable(lua);
  const auto keys = read_keys(lua, durable);
  state.limiters.push_back(state.options.shared->limiter(name, keys, durable));
  auto* object = static_cast<LimiterObject*>(lua_newuserdatauv(lua, sizeof(LimiterObject), 0));
  *object = {state.limiters.size() - 1, limit, state.limiters.back()->name().c_str()};
  luaL_setmetatable(lua, limiter_type);
  return 1;
}

// memory{ name =, keys =, lifetime =, durable = }
int memory(lua_State* lua) {
  auto& state = building(lua);
  if (!lua_istable(lua, 1)) refuse(lua, "memory takes a table: memory{ name = \"…\", lifetime = \"7d\" }");
  constexpr std::string_view known[] = {"name", "keys", "lifetime", "durable"};
  check_keys(lua, 1, "memory", known);
  const auto name = read_name_of_table(lua, "memory");
  std::int64_t lifetime_ms = -1;
  if (lua_getfield(lua, 1, "lifetime") != LUA_TNIL) lifetime_ms = read_duration(lua, -1, "lifetime");
  const bool durable = read_durable(lua);
  const auto keys = read_keys(lua, durable);
  state.memories.push_back({state.options.shared->memory(name, keys, durable), lifetime_ms});
  auto* object = static_cast<MemoryObject*>(lua_newuserdatauv(lua, sizeof(MemoryObject), 0));
  *object = {state.memories.size() - 1, lifetime_ms, state.memories.back().memory->name().c_str()};
  luaL_setmetatable(lua, memory_type);
  return 1;
}

template <class Object>
const Object& read_object(lua_State* lua, const char* type, std::string_view what) {
  const auto* object = static_cast<const Object*>(luaL_testudata(lua, 1, type));
  if (object == nullptr)
    refuse(lua, fmt::format("{} takes a {} first, not a {}", name_of(lua), what, luaL_typename(lua, 1)));
  return *object;
}
const LimiterObject& read_limiter(lua_State* lua) { return read_object<LimiterObject>(lua, limiter_type, "limiter"); }
const MemoryObject& read_memory(lua_State* lua) { return read_object<MemoryObject>(lua, memory_type, "memory"); }

std::int64_t read_lifetime(lua_State* lua, int index, const MemoryObject& object) {
  return lua_isnoneornil(lua, index) ? object.lifetime_ms : read_duration(lua, index, name_of(lua));
}

// ---- matchers and actions

// Over(limiter, per)
int over(lua_State* lua) {
  auto& state = building(lua);
  const auto& object = read_limiter(lua);
  auto key = read_key(lua, 2, "Over");
  auto described = fmt::format("Over({}, {})", object.name, key.describe());
  return push_matcher(lua,
                      make_over(std::move(described), state.limiters[object.number], object.limit, std::move(key)));
}

// Remembers(memory, per [, within])
int remembers(lua_State* lua) {
  auto& state = building(lua);
  const auto& object = read_memory(lua);
  auto key = read_key(lua, 2, "Remembers");
  const auto within = lua_isnoneornil(lua, 3) ? -1 : read_duration(lua, 3, "Remembers");
  auto described = fmt::format("Remembers({}, {}{})", object.name, key.describe(),
                               within < 0 ? std::string() : fmt::format(", {}", within / 1000));
  return push_matcher(
      lua, make_remembers(std::move(described), state.memories[object.number].memory, std::move(key), within));
}

// Counted(memory, per, op, n)
int counted(lua_State* lua) {
  auto& state = building(lua);
  const auto& object = read_memory(lua);
  auto key = read_key(lua, 2, "Counted");
  const auto comparison = read_comparison(lua, 3, "Counted");
  const auto bound = read_whole(lua, 4, "Counted", -1e15, 1e15);
  auto described = fmt::format("Counted({}, {}, \"{}\", {})", object.name, key.describe(),
                               comparison_names[static_cast<std::size_t>(comparison)], bound);
  return push_matcher(
      lua, make_counted(std::move(described), state.memories[object.number].memory, std::move(key), comparison, bound));
}

// Remember(memory, per [, lifetime])
int remember(lua_State* lua) {
  auto& state = building(lua);
  const auto& object = read_memory(lua);
  auto key = read_key(lua, 2, "Remember");
  const auto lifetime = read_lifetime(lua, 3, object);
  auto described = fmt::format("Remember({}, {})", object.name, key.describe());
  return push_action(
      lua, make_remember(std::move(described), state.memories[object.number].memory, std::move(key), lifetime));
}

// Forget(memory, per)
int forget(lua_State* lua) {
  auto& state = building(lua);
  const auto& object = read_memory(lua);
  auto key = read_key(lua, 2, "Forget");
  auto described = fmt::format("Forget({}, {})", object.name, key.describe());
  return push_action(lua, make_forget(std::move(described), state.memories[object.number].memory, std::move(key)));
}

// Count(memory, per [, n [, lifetime]])
int count(lua_State* lua) {
  auto& state = building(lua);
  const auto& object = read_memory(lua);
  auto key = read_key(lua, 2, "Count");
  const auto number = lua_isnoneornil(lua, 3) ? 1 : read_whole(lua, 3, "Count", -1e9, 1e9);
  const auto lifetime = read_lifetime(lua, 4, object);
  auto described = fmt::format("Count({}, {}, {})", object.name, key.describe(), number);
  return push_action(
      lua, make_count(std::move(described), state.memories[object.number].memory, std::move(key), number, lifetime));
}

// ---- methods, while a rule's function runs

// The key at index 2: a text, hashed as a rule's `per` of one fact does.
std::uint64_t read_key_text(lua_State* lua, const Table& table) {
  if (lua_type(lua, 2) != LUA_TSTRING) {
    refuse(lua, fmt::format("{} takes a text as its key, not a {}", name_of(lua), luaL_typename(lua, 2)));
  }
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, 2, &length);
  state_of(lua).sandbox.charge(1 + length / 64);
  return table.key_of({text, length});
}
Memory& table_of(lua_State* lua, const MemoryObject& object) { return *state_of(lua).memories[object.number].memory; }

int over_now(lua_State* lua) {
  const auto& object = read_limiter(lua);
  const auto now_ms = deciding(lua, "rate").facts->now_ms;
  auto& table = *state_of(lua).limiters[object.number];
  const auto limit = Limiter::Limit::of(object.limit.rate, object.limit.burst);
  const auto key = read_key_text(lua, table);
  lua_pushboolean(lua,
                  state_of(lua).only_looks ? table.would_be_over(key, now_ms, limit) : table.over(key, now_ms, limit));
  return 1;
}

int get(lua_State* lua) {
  auto& table = table_of(lua, read_memory(lua));
  const auto value = table.get(read_key_text(lua, table), deciding(lua, "memory").facts->now_ms);
  if (!value) {
    lua_pushnil(lua);
  } else if (value->text.empty()) {
    lua_pushinteger(lua, value->number);
  } else {
    lua_pushlstring(lua, value->text.data(), value->text.size());
  }
  return 1;
}

// In seconds, since it was set; nil: it is not there.
int age(lua_State* lua) {
  auto& table = table_of(lua, read_memory(lua));
  const auto now_ms = deciding(lua, "memory").facts->now_ms;
  const auto since = table.since(read_key_text(lua, table), now_ms);
  if (since) {
    lua_pushinteger(lua, (now_ms - *since) / 1000);
  } else {
    lua_pushnil(lua);
  }
  return 1;
}

std::int64_t expiry(std::int64_t now_ms, std::int64_t lifetime_ms) {
  return lifetime_ms < 0 ? Memory::never : now_ms + lifetime_ms;
}

int set(lua_State* lua) {
  const auto& object = read_memory(lua);
  auto& table = table_of(lua, object);
  const auto now_ms = deciding(lua).facts->now_ms;
  const auto key = read_key_text(lua, table);
  const auto lifetime_ms = read_lifetime(lua, 4, object);
  Memory::Value value{.number = 0, .text = {}, .since_ms = now_ms, .expires_ms = expiry(now_ms, lifetime_ms)};
  if (lua_type(lua, 3) == LUA_TSTRING) {
    value.text = read_text(lua, 3, "set");
    if (value.text.size() > Memory::longest_text) {
      refuse(lua, fmt::format("set takes a text of at most {} bytes", Memory::longest_text));
    }
  } else if (lua_isboolean(lua, 3)) {
    value.number = lua_toboolean(lua, 3);
  } else {
    value.number = read_whole(lua, 3, "set", -1e15, 1e15);
  }
  if (!state_of(lua).only_looks) table.set(key, std::move(value));
  return 0;
}

int add(lua_State* lua) {
  const auto& object = read_memory(lua);
  auto& table = table_of(lua, object);
  const auto now_ms = deciding(lua, "memory").facts->now_ms;
  const auto key = read_key_text(lua, table);
  const auto number = lua_isnoneornil(lua, 3) ? 1 : read_whole(lua, 3, "add", -1e9, 1e9);
  const auto expires_ms = expiry(now_ms, read_lifetime(lua, 4, object));
  if (state_of(lua).only_looks) {
    lua_pushinteger(lua, static_cast<lua_Integer>(static_cast<std::uint64_t>(table.number(key, now_ms)) +
                                                  static_cast<std::uint64_t>(number)));
  } else {
    lua_pushinteger(lua, table.add(key, number, now_ms, expires_ms));
  }
  return 1;
}

int forget_now(lua_State* lua) {
  auto& table = table_of(lua, read_memory(lua));
  (void)deciding(lua);
  const auto key = read_key_text(lua, table);
  if (!state_of(lua).only_looks) table.forget(key);
  return 0;
}

const Function matchers[] = {
    {"Rate", &rate, "{ per =, rate =, burst =, keys =, name =, durable = }",
     "what is **over** the limit of `rate` events a second after a `burst`, counted for each `per` as in `Over`. It "
     "counts what reaches it: put what is cheap and narrow before it. With a `name` it goes on over a reload although "
     "its numbers change"},
    {"Over", &over, "limiter, per",
     "what is over the limit of a `limiter`, which several rules may count in. `per`: `from`, `to`, `from_domain`, "
     "`to_domain`, `pair`, `ip` (IPv6: the /64), `host`, `device`, `all`, or a list of them together"},
    {"Remembers", &remembers, "memory, per [, within]",
     "the memory has something under that key, for at most the time `within`"},
    {"Counted", &counted, "memory, per, op, n", "the number that the memory has under that key; 0 where it has none"},
};
const Function actions[] = {
    {"Remember", &remember, "memory, per [, lifetime]",
     "goes on; keeps 1 under that key of a `memory`, until its `lifetime` is over"},
    {"Forget", &forget, "memory, per", "goes on; what the memory has under that key is gone"},
    {"Count", &count, "memory, per [, n [, lifetime]]",
     "goes on; adds `n`, or 1, to the number under that key. Its time runs from the first"},
};
const Function tables[] = {
    {"limiter", &limiter, "{ name =, rate =, burst =, keys =, durable = }",
     "a limit of `rate` events a second after a `burst`, for each key. All shards count in it, and it goes on over a "
     "reload; `durable = true`: over a restart, too. When more than `keys` (10,000) are in use, who has used least "
     "gives "
     "way"},
    {"memory", &memory, "{ name =, keys =, lifetime =, durable = }",
     "numbers and texts under keys, for so long; likewise shared and, if wanted, durable. When more than `keys` are in "
     "use, what expires first gives way"},
};
const Function of_limiters[] = {
    {"over", &over_now, "key", "whether one more event of that key is over the limit; if not, it is counted"},
};
const Function of_memories[] = {
    {"get", &get, "key", "the number or text under the key; `nil`: nothing"},
    {"set", &set, "key, value [, lifetime]", "a whole number, true, false, or a text of at most 256 bytes"},
    {"add", &add, "key [, n [, lifetime]]", "adds `n`, or 1; returns the sum"},
    {"age", &age, "key", "seconds since it was set, or counted from nothing; `nil`: it is not there"},
    {"forget", &forget_now, "key", "it is gone"},
};

}  // namespace

std::span<const Function> keeping_functions() { return matchers; }
std::span<const Function> keeping_actions() { return actions; }
std::span<const Function> table_functions() { return tables; }
std::span<const Function> limiter_methods() { return of_limiters; }
std::span<const Function> memory_methods() { return of_memories; }

}  // namespace valise::policy
