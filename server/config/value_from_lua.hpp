// Between Lua's values and the typed ones of options: conversion and its error texts.
#pragma once

#include <expected>
#include <string>

#include "config/option.hpp"

struct lua_State;

namespace valise::config {

// The value at stack `index` as the option's type and within its bounds, or what is wrong with it, to be put after the
// option's name: `takes a whole number of bytes, not a text`. Calls no Lua and raises no Lua error.
[[nodiscard]] std::expected<Value, std::string> value_from_lua(lua_State* lua, int index, const OptionBase& option);

void push_value(lua_State* lua, const Value& value);

// Adds KiB, MiB, GiB, seconds, minutes, hours, days to the table on top.
void push_helpers(lua_State* lua);

}  // namespace valise::config
