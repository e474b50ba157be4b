#pragma once

#include <string>

#include "base/error.hpp"

namespace valise {

// Enters `folder` (empty: none), becomes `user` (empty: stays; refused for root unless nothing was asked and the
// process is not root), gives up every capability and core dumps. Call when all privileged sockets are open.
[[nodiscard]] Result<> drop_privileges(const std::string& user, const std::string& folder);

// systemd's readiness and watchdog protocol (sd_notify(3)); does nothing without NOTIFY_SOCKET. The first call opens
// the socket: make it before drop_privileges, which may put its path out of reach. One thread.
void notify_service_manager(const std::string& state);
// Half the interval that systemd's watchdog asks for, in ms; 0: none.
[[nodiscard]] long watchdog_interval_ms();

}  // namespace valise
