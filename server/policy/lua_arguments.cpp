#include "policy/lua_arguments.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/log.hpp"
#include "config/nearest.hpp"
#include "policy/patterns.hpp"

namespace valise::policy {
namespace {

constexpr std::size_t longest_text = 1023;
constexpr std::size_t most_texts = 1'000'000;
constexpr std::size_t most_parts = 100'000;  // matchers, actions of a set

std::string_view view_at(lua_State* lua, int index) {
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, index, &length);
  return {text, length};
}

// RFC 3629, and no control characters: the text goes into XML as it is.
bool is_plain_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      if (byte < 0x20 || byte == 0x7f) return false;
      ++i;
      continue;
    }
    const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (byte < 0xc2 || byte > 0xf4 || i + length > text.size()) return false;
    std::uint32_t code = byte & (0x7fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3fu);
    }
    if ((length == 3 && code < 0x800) || (length == 4 && (code < 0x10000 || code > 0x10ffff))) return false;
    if ((code >= 0xd800 && code <= 0xdfff) || code == 0xfffe || code == 0xffff || code < 0xa0) return false;
    i += length;
  }
  return true;
}

std::string what_is(lua_State* lua, int index) {
  if (lua_isnoneornil(lua, index)) return "nothing";
  if (lua_isboolean(lua, index)) return "true or false: `-a` says what Lua's `not a` does not";
  return fmt::format("a {}", luaL_typename(lua, index));
}

// Of the longest form that the reference names: "a [, b] | { c, d }" takes two.
int most_arguments(std::string_view forms) {
  if (forms.empty()) return 0;
  int most = 1, count = 1, depth = 0;
  bool quoted = false;
  for (const char c : forms) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (depth != 0) continue;
    if (c == '|') count = 1;
    if (c == ',') most = std::max(most, ++count);
  }
  return most;
}

}  // namespace

void refuse(lua_State* lua, const std::string& text) {
  luaL_error(lua, "%s", text.c_str());
  std::abort();  // luaL_error does not return
}

void refuse(lua_State* lua, const PolicyError& error) {
  state_of(lua).file_error = error;
  refuse(lua, error.message());
}

PolicySet::State& building(lua_State* lua) {
  const auto& entry = *static_cast<const Function*>(lua_touserdata(lua, lua_upvalueindex(2)));
  auto& state = building(lua, entry.name);
  if (const auto most = most_arguments(entry.arguments); lua_gettop(lua) > most) {
    refuse(lua, fmt::format("{} takes {}: {}({})", entry.name,
                            most == 0   ? "nothing"
                            : most == 1 ? "one argument"
                                        : fmt::format("at most {} arguments", most),
                            entry.name, entry.arguments));
  }
  if (entry.wants) state.want(*entry.wants);
  return state;
}

const PolicySet::State& deciding(lua_State* lua) {
  const auto& state = state_of(lua);
  if (state.facts == nullptr) luaL_error(lua, "facts are there only while the rule's function runs");
  return state;
}

const PolicySet::State& deciding(lua_State* lua, std::string_view fact) {
  const auto& state = deciding(lua);
  if (state.watcher != nullptr) state.watcher->reads(fact);
  return state;
}

Place caller_place(lua_State* lua) {
  lua_Debug where{};
  if (lua_getstack(lua, 1, &where) == 0 || lua_getinfo(lua, "Sl", &where) == 0 || where.currentline < 0) return {};
  return {static_cast<unsigned>(where.currentline), config::chunk_of(where.source)};
}

std::string beside_caller(lua_State* lua, const std::string& written) {
  const std::filesystem::path path(written);
  // What leads out of its folder is refused where it is read: nothing of it may be lost before.
  if (path.is_absolute() || std::ranges::find(path, std::filesystem::path("..")) != path.end()) return written;
  const auto& caller = state_of(lua).files[caller_place(lua).file].name;
  return (std::filesystem::path(caller).parent_path() / path).lexically_normal().string();
}

std::string place_text(lua_State* lua, Place place) {
  if (place.file == caller_place(lua).file) return fmt::format("line {}", place.line);
  return fmt::format("{}:{}", state_of(lua).files[place.file].name, place.line);
}

PolicySet::State& building(lua_State* lua, std::string_view function) {
  auto& state = state_of(lua);
  if (!state.loading)
    refuse(lua, fmt::format("{} builds a part of a rule: call it while the file is loaded", function));
  return state;
}

std::string read_text(lua_State* lua, int index, std::string_view what) {
  if (lua_type(lua, index) != LUA_TSTRING) {
    refuse(lua, fmt::format("{} takes a text, not a {}", what, luaL_typename(lua, index)));
  }
  const auto text = view_at(lua, index);
  if (text.empty() || text.size() > longest_text)
    refuse(lua, fmt::format("{} takes a text of 1 to {} bytes", what, longest_text));
  if (text.find('\0') != std::string_view::npos) refuse(lua, fmt::format("{}: a text with a zero byte", what));
  return std::string(text);
}

std::vector<std::string> read_texts(lua_State* lua, int index, std::string_view what, bool sets) {
  index = lua_absindex(lua, index);
  if (lua_type(lua, index) != LUA_TTABLE) return {read_text(lua, index, what)};
  std::vector<std::string> out;
  for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
    if (out.size() >= most_texts) refuse(lua, fmt::format("{} takes at most {} texts", what, most_texts));
    if (lua_type(lua, -2) == LUA_TNUMBER) {
      out.push_back(read_text(lua, -1, what));
    } else if (sets && lua_type(lua, -2) == LUA_TSTRING && lua_isboolean(lua, -1)) {
      if (lua_toboolean(lua, -1)) out.push_back(read_text(lua, -2, what));
    } else {
      refuse(lua, fmt::format("{} takes a list of texts", what));
    }
  }
  if (out.empty()) refuse(lua, fmt::format("{} takes at least one text", what));
  if (sets) std::ranges::sort(out);  // Lua's order of a set's keys differs from run to run
  return out;
}

std::size_t name_index(lua_State* lua, std::string_view text, std::string_view what,
                       std::span<const std::string_view> names) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) {
    refuse(lua, fmt::format("{} cannot be \"{}\"; it takes \"{}\"{}", what, log::printable(text),
                            fmt::join(names, "\", \""), config::nearest_hint(text, names)));
  }
  return static_cast<std::size_t>(found - names.begin());
}

std::size_t read_name(lua_State* lua, int index, std::string_view what, std::span<const std::string_view> names) {
  return name_index(lua, read_text(lua, index, what), what, names);
}

void check_keys(lua_State* lua, int index, std::string_view what, std::span<const std::string_view> known) {
  index = lua_absindex(lua, index);
  for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
    if (lua_type(lua, -2) != LUA_TSTRING) continue;
    const auto key = view_at(lua, -2);
    if (std::ranges::find(known, key) == known.end()) {
      refuse(lua, fmt::format("{} has no \"{}\"{}", what, log::printable(key), config::nearest_hint(key, known)));
    }
  }
}

double read_number(lua_State* lua, int index, std::string_view what, double least, double most) {
  if (lua_type(lua, index) != LUA_TNUMBER)
    refuse(lua, fmt::format("{} takes a number, not a {}", what, luaL_typename(lua, index)));
  const double value = lua_tonumber(lua, index);
  if (!(value >= least && value <= most))
    refuse(lua, fmt::format("{} takes a number from {} to {}", what, least, most));
  return value;
}

std::int64_t read_whole(lua_State* lua, int index, std::string_view what, double least, double most) {
  const double value = read_number(lua, index, what, least, most);
  if (value != std::floor(value)) refuse(lua, fmt::format("{} takes a whole number", what));
  return static_cast<std::int64_t>(value);
}

bool read_bool(lua_State* lua, int index, std::string_view what) {
  if (!lua_isboolean(lua, index)) refuse(lua, fmt::format("{} takes true or false", what));
  return lua_toboolean(lua, index) != 0;
}

std::int64_t read_duration(lua_State* lua, int index, std::string_view what) {
  constexpr std::int64_t most_s = 10LL * 366 * 86'400;
  if (lua_type(lua, index) == LUA_TNUMBER) {
    return static_cast<std::int64_t>(read_number(lua, index, what, 0, most_s) * 1000);
  }
  const auto ms = duration_ms(read_text(lua, index, what));
  if (!ms) refuse(lua, fmt::format("{} takes seconds, or a time such as \"90s\", \"15m\", \"12h\", \"7d\"", what));
  return *ms;
}

std::string read_word(lua_State* lua, int index, std::string_view what) {
  auto text = read_text(lua, index, what);
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  if (text.size() > 64 || !std::ranges::all_of(text, plain)) {
    refuse(lua, fmt::format("{} takes at most 64 letters, digits, \"-\", \"_\" and \".\"", what));
  }
  return text;
}

KeyOf read_key(lua_State* lua, int index, std::string_view what) {
  std::vector<KeyPart> parts;
  for (const auto& text : read_texts(lua, index, what)) {
    parts.push_back(static_cast<KeyPart>(name_index(lua, text, what, key_part_names)));
  }
  if (parts.size() > key_part_names.size()) refuse(lua, fmt::format("{} takes each part once", what));
  return KeyOf(std::move(parts));
}

Comparison read_comparison(lua_State* lua, int index, std::string_view what) {
  return static_cast<Comparison>(read_name(lua, index, what, comparison_names));
}

std::string read_address(lua_State* lua, int index, std::string_view what) {
  const auto text = read_text(lua, index, what);
  const auto& normalise = state_of(lua).options.normalise;
  const auto normal = has_star(text) ? std::nullopt : normalise ? normalise(text) : std::optional(lower_address(text));
  if (!normal || normal->find('@') == std::string::npos || normal->find('/') != std::string::npos) {
    refuse(lua, fmt::format("{} takes the address of one account, not \"{}\"", what, log::printable(text)));
  }
  return *normal;
}

std::string read_person_text(lua_State* lua, int index, std::string_view what) {
  auto text = read_text(lua, index, what);
  if (text.size() > 512) refuse(lua, fmt::format("{} takes a text of at most 512 bytes", what));
  if (!is_plain_utf8(text)) refuse(lua, fmt::format("{} takes one line of text in UTF-8", what));
  return text;
}

const Matcher* read_matcher(lua_State* lua, int index) {
  if (const auto* made = static_cast<const Matcher* const*>(luaL_testudata(lua, index, matcher_type))) return *made;
  if (!lua_isfunction(lua, index)) {
    refuse(lua, fmt::format("a matcher or a function is wanted here, not {}", what_is(lua, index)));
  }
  Place place;
  const int function = keep_function(lua, index, place);
  auto& state = state_of(lua);
  push_matcher(lua, make_lua_matcher(state, function, place));
  lua_pop(lua, 1);
  return state.matchers.back().get();
}

int push_matcher(lua_State* lua, MatcherPtr matcher) {
  auto& state = state_of(lua);
  if (matcher->weight() > Matcher::max_weight || matcher->depth() > Matcher::max_depth) {
    refuse(lua, fmt::format("this matcher is too large: at most {} parts, {} levels", Matcher::max_weight,
                            Matcher::max_depth));
  }
  if (state.matchers.size() >= most_parts) refuse(lua, "too many matchers");
  *static_cast<const Matcher**>(lua_newuserdatauv(lua, sizeof(void*), 0)) = matcher.get();
  luaL_setmetatable(lua, matcher_type);
  state.matchers.push_back(std::move(matcher));
  state.matcher_places.push_back(caller_place(lua));
  return 1;
}

int push_action(lua_State* lua, ActionPtr action) {
  auto& state = state_of(lua);
  if (state.actions.size() >= most_parts) refuse(lua, "too many actions");
  *static_cast<const Action**>(lua_newuserdatauv(lua, sizeof(void*), 0)) = action.get();
  luaL_setmetatable(lua, action_type);
  state.actions.push_back(std::move(action));
  return 1;
}

int keep_function(lua_State* lua, int index, Place& place) {
  if (lua_iscfunction(lua, index)) refuse(lua, "a function of your own is wanted here");
  lua_pushvalue(lua, index);
  lua_Debug info{};
  lua_getinfo(lua, ">S", &info);
  place = {info.linedefined < 0 ? 0 : static_cast<unsigned>(info.linedefined), config::chunk_of(info.source)};
  lua_pushvalue(lua, index);
  return luaL_ref(lua, LUA_REGISTRYINDEX);
}

}  // namespace valise::policy
