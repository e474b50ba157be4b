#pragma once

#include <string>

#include "config/load.hpp"

namespace valise {

// Reads the configuration and checks all that a start or reload would stumble over, as the thread's user: each option,
// options together, certificates and keys, the database's settings, folders that will be written to. Errors: all of
// them, with file and line; nothing has been changed.
// `warnings`: gets what does nothing, at the line that set it.
// `missing`: gets folders that are not there instead, for whom a service manager makes them before the start; null:
// they are errors.
[[nodiscard]] config::LoadResult load_checked(const std::string& path, const config::Registry& registry,
                                              std::vector<config::ConfigError>& warnings,
                                              std::vector<config::ConfigError>* missing = nullptr);

// Then, of the very snapshot that will be in force: the modules' checks, which make of their files (the policy) what
// they need before any shard asks for it. Errors: with the place in the module's file, too.
[[nodiscard]] std::vector<config::ConfigError> prepare_modules(const config::Snapshot& config,
                                                               std::vector<config::ConfigError>& warnings);

}  // namespace valise
