// Private to this folder.
#pragma once

#include <lua.hpp>
#include <span>
#include <string_view>

#include "policy/live_members.hpp"
#include "policy/policy_set.hpp"

namespace valise::policy {

struct DirectoryKey {
  std::string_view name, about;
};
[[nodiscard]] std::span<const DirectoryKey> directory_keys();

// Of group{ ldap = { … } }: reads the table on top of the stack, and refuses what does not hold together.
[[nodiscard]] LiveSource read_directory(lua_State* lua, PolicySet::State& state);

}  // namespace valise::policy
