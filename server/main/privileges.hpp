#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace valise {

struct User {
  uid_t user;
  gid_t group;
};

// `name` empty: nothing, the process stays who it is. Call before enter_folder: users are looked up outside.
[[nodiscard]] Result<std::optional<User>> find_user(const std::string& name);
// chroot(2), `folder` empty: none. From then on every path is as seen inside.
[[nodiscard]] Result<> enter_folder(const std::string& folder);

// While it lives, this thread opens files as `user` and with no right of root's: what works now works after
// drop_privileges too. Does nothing without a user or when the process is not root.
class ActingAs {
 public:
  explicit ActingAs(const std::optional<User>& user);
  ~ActingAs();
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;

 private:
  bool acting_;
  std::vector<gid_t> groups_;
};

// Becomes `user` (nothing: stays), gives up every capability and core dumps. Call when all privileged sockets are
// bound.
[[nodiscard]] Result<> drop_privileges(const std::optional<User>& user);

// systemd's readiness and watchdog protocol (sd_notify(3)); does nothing without NOTIFY_SOCKET. The first call opens
// the socket: make it before enter_folder, which may put its path out of reach. One thread.
void notify_service_manager(const std::string& state);
// Half the interval that systemd's watchdog asks for, in ms; 0: none.
[[nodiscard]] long watchdog_interval_ms();

}  // namespace valise
