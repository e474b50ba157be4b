// sealed.allow, sealed.deny: the switches of a host.
#pragma once

#include "config/option.hpp"
#include "config/snapshot.hpp"
#include "core/switches.hpp"

namespace valise::modules::omemo::table {

extern const config::Option<config::Strings> allow_option, deny_option;

// Those that the configuration turns there.
[[nodiscard]] core::Switches switches_of(const config::Snapshot& snapshot, std::string_view host);

}  // namespace valise::modules::omemo::table
