#include "config/value_from_lua.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <lua.hpp>

#include "base/log.hpp"
#include "config/nearest.hpp"

namespace valise::config {
namespace {

using Failure = std::unexpected<std::string>;
constexpr std::int64_t day_s = 86'400;  // days(1)

std::string what_it_takes(const OptionBase& option) {
  if (std::holds_alternative<bool>(option.otherwise)) return "true or false";
  if (std::holds_alternative<std::string>(option.otherwise)) return "a text";
  if (std::holds_alternative<Strings>(option.otherwise)) return "a list of texts, such as { \"…\", \"…\" }";
  const auto unit = unit_name(option.unit);
  if (unit.empty()) return "a whole number";
  const bool rate = option.unit == Unit::per_second || option.unit == Unit::per_hour;
  return rate ? fmt::format("a whole number: how many {}", unit) : fmt::format("a whole number ({})", unit);
}

std::string what_it_is(lua_State* lua, int index) {
  switch (lua_type(lua, index)) {
    case LUA_TNIL:
      return "nil";
    case LUA_TBOOLEAN:
      return lua_toboolean(lua, index) ? "true" : "false";
    case LUA_TNUMBER:
      return lua_isinteger(lua, index) ? "a number" : fmt::format("{}", lua_tonumber(lua, index));
    case LUA_TSTRING:
      return "a text";
    case LUA_TTABLE:
      return "a table";
    default:
      return fmt::format("a {}", luaL_typename(lua, index));
  }
}

Failure wrong_type(lua_State* lua, int index, const OptionBase& option) {
  return Failure(fmt::format("takes {}, not {}", what_it_takes(option), what_it_is(lua, index)));
}

std::expected<Value, std::string> number(lua_State* lua, int index, const OptionBase& option) {
  int whole = 0;
  const auto value = lua_type(lua, index) == LUA_TNUMBER ? lua_tointegerx(lua, index, &whole) : 0;
  if (whole == 0) return wrong_type(lua, index, option);
  if (value < option.min || value > option.max) {
    const bool in_seconds = option.name.ends_with("_days") && value % day_s == 0 && value / day_s <= option.max;
    const auto days = in_seconds && value > 0 ? value / day_s : 0;
    return Failure(fmt::format("is out of range: {}; it takes {} to {}{}",
                               show(Value(std::int64_t{value}), option.unit), show(Value(option.min), option.unit),
                               show(Value(option.max), option.unit),
                               days == 0 ? std::string() : fmt::format("; write {}, not days({})", days, days)));
  }
  return Value(std::int64_t{value});
}

// "" or what is wrong with one text.
std::string text_fault(std::string_view text, const OptionBase& option) {
  if (text.find('\0') != std::string_view::npos) return "holds a zero byte";
  if (!option.allowed.empty() && std::ranges::find(option.allowed, text) == option.allowed.end()) {
    return fmt::format("cannot be \"{}\"; it takes \"{}\"{}", log::printable(text), fmt::join(option.allowed, "\", \""),
                       nearest_hint(text, option.allowed));
  }
  if (option.check != nullptr) {
    if (auto fault = option.check(text); !fault.empty()) {
      return fmt::format("cannot be \"{}\": {}", log::printable(text), fault);
    }
  }
  return {};
}

std::string_view text_at(lua_State* lua, int index) {
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, index, &length);
  return {text, length};
}

std::expected<Value, std::string> text(lua_State* lua, int index, const OptionBase& option) {
  constexpr std::int64_t longest = 4096;
  if (lua_type(lua, index) != LUA_TSTRING) return wrong_type(lua, index, option);
  const auto value = text_at(lua, index);
  const auto size = static_cast<std::int64_t>(value.size());
  if (size < option.min || size > std::min(option.max, longest)) {
    return Failure(
        fmt::format("takes a text of {} to {} bytes, not of {}", option.min, std::min(option.max, longest), size));
  }
  // A text that may be empty and is: the way to say "none".
  if (value.empty() && option.min == 0 && option.allowed.empty()) return Value(std::string());
  if (auto fault = text_fault(value, option); !fault.empty()) return Failure(std::move(fault));
  return Value(std::string(value));
}

std::expected<Value, std::string> list(lua_State* lua, int index, const OptionBase& option) {
  constexpr std::int64_t most = 256;
  if (lua_type(lua, index) != LUA_TTABLE) return wrong_type(lua, index, option);
  const auto count = static_cast<std::int64_t>(lua_rawlen(lua, index));
  const auto bound = std::min(option.max, most);
  if (count < option.min || count > bound) {
    return Failure(fmt::format("takes {} to {} entries, not {}", option.min, bound, count));
  }
  std::int64_t fields = 0;
  for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) ++fields;
  if (fields != count) return Failure("takes a list without names or gaps");
  Strings out;
  for (std::int64_t i = 1; i <= count; ++i) {
    lua_rawgeti(lua, index, i);
    if (lua_type(lua, -1) != LUA_TSTRING) {
      auto fault = fmt::format("takes a list of texts; entry {} is {}", i, what_it_is(lua, -1));
      lua_pop(lua, 1);
      return Failure(std::move(fault));
    }
    const auto entry = text_at(lua, -1);
    auto fault = entry.size() > 4096 ? std::string("holds a text of more than 4096 bytes") : text_fault(entry, option);
    if (fault.empty() && std::ranges::find(out, entry) != out.end()) {
      fault = fmt::format("names \"{}\" twice", log::printable(entry));
    }
    if (fault.empty()) out.emplace_back(entry);
    lua_pop(lua, 1);
    if (!fault.empty()) return Failure(std::move(fault));
  }
  return Value(std::move(out));
}

int scaled(lua_State* lua) {
  const lua_Integer factor = lua_tointeger(lua, lua_upvalueindex(1));
  luaL_checktype(lua, 1, LUA_TNUMBER);
  const lua_Number value = lua_tonumber(lua, 1) * static_cast<lua_Number>(factor);
  lua_Integer whole = 0;
  if (!lua_numbertointeger(value, &whole) || static_cast<lua_Number>(whole) != value) {
    return luaL_error(lua, "not a whole number of seconds");
  }
  lua_pushinteger(lua, whole);
  return 1;
}

}  // namespace

std::expected<Value, std::string> value_from_lua(lua_State* lua, int index, const OptionBase& option) {
  if (std::holds_alternative<bool>(option.otherwise)) {
    if (lua_type(lua, index) != LUA_TBOOLEAN) return wrong_type(lua, index, option);
    return Value(lua_toboolean(lua, index) != 0);
  }
  if (std::holds_alternative<std::int64_t>(option.otherwise)) return number(lua, index, option);
  if (std::holds_alternative<std::string>(option.otherwise)) return text(lua, index, option);
  return list(lua, index, option);
}

void push_value(lua_State* lua, const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    lua_pushboolean(lua, *flag);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    lua_pushinteger(lua, *integer);
  } else if (const auto* string = std::get_if<std::string>(&value)) {
    lua_pushlstring(lua, string->data(), string->size());
  } else {
    const auto& strings = std::get<Strings>(value);
    lua_createtable(lua, static_cast<int>(strings.size()), 0);
    for (std::size_t i = 0; i < strings.size(); ++i) {
      lua_pushlstring(lua, strings[i].data(), strings[i].size());
      lua_rawseti(lua, -2, static_cast<lua_Integer>(i) + 1);
    }
  }
}

void push_helpers(lua_State* lua) {
  const std::pair<const char*, lua_Integer> sizes[] = {{"KiB", KiB}, {"MiB", MiB}, {"GiB", GiB}};
  for (const auto& [name, value] : sizes) {
    lua_pushinteger(lua, value);
    lua_setfield(lua, -2, name);
  }
  const std::pair<const char*, lua_Integer> times[] = {
      {"seconds", 1}, {"minutes", 60}, {"hours", 3600}, {"days", day_s}};
  for (const auto& [name, factor] : times) {
    lua_pushinteger(lua, factor);
    lua_pushcclosure(lua, &scaled, 1);
    lua_setfield(lua, -2, name);
  }
}

}  // namespace valise::config
