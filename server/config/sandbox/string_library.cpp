// The string library of the sandbox. len, sub, byte, char, format … are Lua's own behind a charge for what they read;
// rep is bounded before it allocates; find, match, gmatch and gsub run on our pattern engine. dump, pack, unpack and
// packsize are not offered.
#include <cstring>
#include <lua.hpp>
#include <string>

#include "config/sandbox/sandbox.hpp"

namespace valise::config::libraries {
namespace {

std::string_view text_argument(lua_State* lua, int index) {
  std::size_t length = 0;
  const char* text = luaL_checklstring(lua, index, &length);
  return {text, length};
}

int charged(lua_State* lua) {
  std::uint64_t bytes = 0;
  for (int i = 1; i <= lua_gettop(lua); ++i) {
    if (lua_type(lua, i) == LUA_TSTRING) bytes += lua_rawlen(lua, i);
  }
  Sandbox::of(lua).charge(bytes / 16 + 1);
  return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

// No addresses: %p is refused, and so is what Lua would print as "table: 0x…".
int format(lua_State* lua) {
  const auto text = text_argument(lua, 1);
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] != '%') continue;
    ++i;
    while (i < text.size() && std::strchr("-+ #.0123456789", text[i]) != nullptr && text[i] != '\0') ++i;
    if (i < text.size() && text[i] == 'p') return luaL_error(lua, "string.format: '%%p' is not offered");
  }
  for (int i = 2; i <= lua_gettop(lua); ++i) {
    const int type = lua_type(lua, i);
    if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN && type != LUA_TNIL) {
      return luaL_error(lua, "string.format: argument %d is a %s; tostring() it first", i, luaL_typename(lua, i));
    }
  }
  Sandbox::of(lua).charge(text.size() * 4);
  return charged(lua);
}

int rep(lua_State* lua) {
  const auto text = text_argument(lua, 1);
  const lua_Integer count = luaL_checkinteger(lua, 2);
  const std::string_view separator = lua_isnoneornil(lua, 3) ? std::string_view{} : text_argument(lua, 3);
  if (count <= 0 || text.size() + separator.size() == 0) {
    lua_pushliteral(lua, "");
    return 1;
  }
  auto& sandbox = Sandbox::of(lua);
  const auto each = text.size() + separator.size();
  if (static_cast<lua_Unsigned>(count) > Sandbox::max_string / each) sandbox.overrun(Overrun::memory);
  const auto total = each * static_cast<std::size_t>(count) - separator.size();
  sandbox.charge(total / 16 + static_cast<std::uint64_t>(count) / 4 + 1);
  luaL_Buffer buffer;
  char* out = luaL_buffinitsize(lua, &buffer, total);
  for (lua_Integer i = 0; i < count; ++i) {
    if (i != 0 && !separator.empty()) out = std::copy(separator.begin(), separator.end(), out);
    out = std::copy(text.begin(), text.end(), out);
  }
  luaL_pushresultsize(&buffer, total);
  return 1;
}

// Lua 5.4 manual §6.4: positions count from 1, negative ones from the end.
std::size_t start_position(lua_Integer init, std::size_t length) {
  if (init > 0) return static_cast<std::size_t>(init) - 1;
  if (init == 0) return 0;
  const auto back = static_cast<std::size_t>(-(init + 1)) + 1;
  return back > length ? 0 : length - back;
}

bool run_match(lua_State* lua, const Pattern& pattern, std::string_view subject, std::size_t from, PatternMatch& out) {
  // The engine does not look at the clock: some 10 ms of steps are the most that one match may take.
  constexpr std::uint64_t most_steps = 2'000'000;
  auto& sandbox = Sandbox::of(lua);
  const std::uint64_t given = std::min(sandbox.steps_left(), most_steps);
  std::uint64_t steps = given;
  bool found = false;
  bool exhausted = false;
  try {
    found = pattern.match(subject, from, steps, out);
  } catch (const OutOfSteps&) {
    exhausted = true;
  }
  if (exhausted) sandbox.overrun(Overrun::instructions);
  sandbox.charge(given - steps);
  return found;
}

void push_capture(lua_State* lua, std::string_view subject, const PatternMatch& match, std::size_t index) {
  if (index == 0 && match.capture_count == 0) {
    lua_pushlstring(lua, subject.data() + match.begin, match.end - match.begin);
    return;
  }
  if (index >= match.capture_count) luaL_error(lua, "invalid capture index %%%d", static_cast<int>(index) + 1);
  const auto& capture = match.captures[index];
  if (capture.length == PatternCapture::position) {
    lua_pushinteger(lua, static_cast<lua_Integer>(capture.begin) + 1);
  } else {
    lua_pushlstring(lua, subject.data() + capture.begin, capture.length);
  }
}

int push_captures(lua_State* lua, std::string_view subject, const PatternMatch& match, bool whole_if_none) {
  const auto count = match.capture_count == 0 && whole_if_none ? 1 : match.capture_count;
  luaL_checkstack(lua, static_cast<int>(count), "too many captures");
  for (std::size_t i = 0; i < count; ++i) push_capture(lua, subject, match, i);
  return static_cast<int>(count);
}

int push_found(lua_State* lua, std::size_t begin, std::size_t end) {
  lua_pushinteger(lua, static_cast<lua_Integer>(begin) + 1);
  lua_pushinteger(lua, static_cast<lua_Integer>(end));
  return 2;
}

int nothing(lua_State* lua) {
  lua_pushnil(lua);
  return 1;
}

int find_plain(lua_State* lua, std::string_view subject, std::string_view wanted, std::size_t from) {
  const auto length = subject.size() - from;
  Sandbox::of(lua).charge(length * std::min<std::size_t>(wanted.size(), 256) / 64 + length / 64 + 1);
  if (wanted.empty()) return push_found(lua, from, from);
  const void* hit = memmem(subject.data() + from, length, wanted.data(), wanted.size());
  if (hit == nullptr) return nothing(lua);
  const auto begin = static_cast<std::size_t>(static_cast<const char*>(hit) - subject.data());
  return push_found(lua, begin, begin + wanted.size());
}

int search(lua_State* lua, bool find) {
  const auto subject = text_argument(lua, 1);
  const auto wanted = text_argument(lua, 2);
  const auto from = start_position(luaL_optinteger(lua, 3, 1), subject.size());
  if (from > subject.size()) return nothing(lua);
  if (find && (lua_toboolean(lua, 4) != 0 || wanted.find_first_of("^$*+?.([%-") == std::string_view::npos)) {
    return find_plain(lua, subject, wanted, from);
  }
  const auto pattern = Sandbox::of(lua).pattern(wanted);
  PatternMatch match;
  if (!run_match(lua, *pattern, subject, from, match)) return nothing(lua);
  if (!find) return push_captures(lua, subject, match, true);
  push_found(lua, match.begin, match.end);
  return 2 + push_captures(lua, subject, match, false);
}

int find(lua_State* lua) { return search(lua, true); }
int match_function(lua_State* lua) { return search(lua, false); }

// Upvalues: subject, pattern, next start, end of the last match (−1: none), so that an empty match at the end of the
// last one is not found twice (Lua 5.4).
int gmatch_step(lua_State* lua) {
  const auto subject = text_argument(lua, lua_upvalueindex(1));
  const auto pattern = Sandbox::of(lua).pattern(text_argument(lua, lua_upvalueindex(2)));
  auto from = static_cast<std::size_t>(lua_tointeger(lua, lua_upvalueindex(3)));
  const lua_Integer last = lua_tointeger(lua, lua_upvalueindex(4));
  PatternMatch match;
  while (from <= subject.size() && run_match(lua, *pattern, subject, from, match)) {
    if (static_cast<lua_Integer>(match.end) == last) {
      from = match.begin + 1;
      continue;
    }
    lua_pushinteger(lua, static_cast<lua_Integer>(match.end));
    lua_copy(lua, -1, lua_upvalueindex(3));
    lua_replace(lua, lua_upvalueindex(4));
    return push_captures(lua, subject, match, true);
  }
  return 0;
}

int gmatch(lua_State* lua) {
  const auto subject = text_argument(lua, 1);
  const auto wanted = text_argument(lua, 2);
  // In gmatch a '^' has no meaning as an anchor (it would find at most one): say so instead of guessing.
  if (wanted.starts_with('^')) return luaL_error(lua, "string.gmatch: a pattern that begins with '^'");
  const auto from = start_position(luaL_optinteger(lua, 3, 1), subject.size());
  lua_settop(lua, 2);
  lua_pushinteger(lua, static_cast<lua_Integer>(std::min(from, subject.size() + 1)));
  lua_pushinteger(lua, -1);
  lua_pushcclosure(lua, &gmatch_step, 4);
  return 1;
}

void add_text(lua_State* lua, std::string& out, std::string_view text) {
  if (out.size() + text.size() > Sandbox::max_string) Sandbox::of(lua).overrun(Overrun::memory);
  Sandbox::of(lua).charge(text.size() / 16);
  out.append(text);
}

void add_template(lua_State* lua, std::string& out, std::string_view with, std::string_view subject,
                  const PatternMatch& match) {
  for (std::size_t i = 0; i < with.size(); ++i) {
    if (with[i] != '%') {
      const auto stop = std::min(with.find('%', i), with.size());
      add_text(lua, out, with.substr(i, stop - i));
      i = stop - 1;
      continue;
    }
    ++i;
    const char c = i < with.size() ? with[i] : '\0';
    if (c == '%') {
      add_text(lua, out, "%");
    } else if (c == '0') {
      add_text(lua, out, subject.substr(match.begin, match.end - match.begin));
    } else if (c >= '1' && c <= '9') {
      push_capture(lua, subject, match, static_cast<std::size_t>(c - '1'));
      add_text(lua, out, text_argument(lua, -1));
      lua_pop(lua, 1);
    } else {
      luaL_error(lua, "invalid use of '%%' in replacement string");
    }
  }
}

// What replaces one match, by argument 3: a template, a table's field or a function's result (false, nil: unchanged).
void add_replacement(lua_State* lua, std::string& out, std::string_view subject, const PatternMatch& match) {
  switch (lua_type(lua, 3)) {
    case LUA_TFUNCTION: {
      lua_pushvalue(lua, 3);
      lua_call(lua, push_captures(lua, subject, match, true), 1);
      break;
    }
    case LUA_TTABLE:
      push_capture(lua, subject, match, 0);
      lua_gettable(lua, 3);
      break;
    default:
      add_template(lua, out, text_argument(lua, 3), subject, match);
      return;
  }
  if (!lua_toboolean(lua, -1)) {
    add_text(lua, out, subject.substr(match.begin, match.end - match.begin));
  } else if (lua_isstring(lua, -1)) {
    add_text(lua, out, text_argument(lua, -1));
  } else {
    luaL_error(lua, "invalid replacement value (a %s)", luaL_typename(lua, -1));
  }
  lua_pop(lua, 1);
}

int gsub(lua_State* lua) {
  const auto subject = text_argument(lua, 1);
  const auto wanted = text_argument(lua, 2);
  const int type = lua_type(lua, 3);
  luaL_argexpected(lua, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
                   "string/function/table");
  const lua_Integer most = luaL_optinteger(lua, 4, static_cast<lua_Integer>(subject.size()) + 1);
  const auto pattern = Sandbox::of(lua).pattern(wanted);  // held: the function may clear the cache
  std::string out;
  std::size_t at = 0;
  std::size_t last = static_cast<std::size_t>(-1);
  lua_Integer count = 0;
  PatternMatch match;
  std::size_t from = 0;
  while (count < most && from <= subject.size() && run_match(lua, *pattern, subject, from, match)) {
    if (match.end == last) {  // an empty match right behind the last one
      from = match.begin + 1;
      if (pattern->anchored()) break;
      continue;
    }
    ++count;
    add_text(lua, out, subject.substr(at, match.begin - at));
    add_replacement(lua, out, subject, match);
    at = from = last = match.end;
    if (pattern->anchored()) break;
  }
  add_text(lua, out, subject.substr(at));
  lua_pushlstring(lua, out.data(), out.size());
  lua_pushinteger(lua, count);
  return 2;
}

}  // namespace

void push_string(lua_State* lua) {
  lua_pushcfunction(lua, &luaopen_string);
  lua_call(lua, 0, 1);
  lua_newtable(lua);
  for (const char* name : {"len", "sub", "upper", "lower", "reverse", "byte", "char"}) {
    lua_getfield(lua, -2, name);
    lua_pushcclosure(lua, &charged, 1);
    lua_setfield(lua, -2, name);
  }
  lua_getfield(lua, -2, "format");
  lua_pushcclosure(lua, &format, 1);
  lua_setfield(lua, -2, "format");
  lua_remove(lua, -2);
  const luaL_Reg own[] = {{"rep", &rep},       {"find", &find}, {"match", &match_function},
                          {"gmatch", &gmatch}, {"gsub", &gsub}, {nullptr, nullptr}};
  luaL_setfuncs(lua, own, 0);
  // `s:rep(3)`: strings read their methods from this table, which no script can reach to write. luaopen_string had set
  // its own functions there, and arithmetic on strings.
  lua_pushliteral(lua, "");
  lua_createtable(lua, 0, 1);
  lua_pushvalue(lua, -3);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
  lua_pop(lua, 1);
}

}  // namespace valise::config::libraries
