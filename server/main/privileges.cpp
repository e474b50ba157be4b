#include "main/privileges.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/log.hpp"

namespace valise {

Result<std::optional<User>> find_user(const std::string& name) {
  if (name.empty()) return std::nullopt;
  const auto* entry = getpwnam(name.c_str());
  if (entry == nullptr) return fail(ErrorCode::not_found, "run.user: there is no user \"" + name + "\"");
  return User{entry->pw_uid, entry->pw_gid};
}

Result<> enter_folder(const std::string& folder) {
  if (folder.empty() || (chroot(folder.c_str()) == 0 && chdir("/") == 0)) return {};
  return fail(ErrorCode::denied, "run.chroot: " + folder + ": " + std::strerror(errno));
}

ActingAs::ActingAs(const std::optional<User>& user) : acting_(user && geteuid() == 0) {
  if (!acting_) return;
  groups_.resize(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  groups_.resize(static_cast<std::size_t>(std::max(getgroups(static_cast<int>(groups_.size()), groups_.data()), 0)));
  // The system call, not the library's function: that one changes all threads.
  syscall(SYS_setgroups, 0, nullptr);
  setfsgid(user->group);
  setfsuid(user->user);
}

ActingAs::~ActingAs() {
  if (!acting_) return;
  setfsuid(geteuid());
  setfsgid(getegid());
  syscall(SYS_setgroups, groups_.size(), groups_.data());
}

Result<> drop_privileges(const std::optional<User>& user) {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);  // docs/security.md §5: a core dump holds keys
  const auto failed = [](std::string what) { return fail(ErrorCode::denied, what + ": " + std::strerror(errno)); };
  if (user && (geteuid() != user->user || getegid() != user->group)) {  // a service manager may have done it
    if (geteuid() == 0 && setgroups(0, nullptr) != 0) return failed("setgroups");
    if (setresgid(user->group, user->group, user->group) != 0) return failed("setresgid");
    if (setresuid(user->user, user->user, user->user) != 0) return failed("setresuid");
    if (user->user != 0 && setuid(0) == 0) return fail(ErrorCode::denied, "privileges could be had back");
  }
  if (geteuid() == 0) {
    log::warning("main", "running as root: set run.user");
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs");
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return {};
}

namespace {
// -1: nobody listens.
int open_notify_socket() {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return -1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto length = std::strlen(path);
  if (length >= sizeof address.sun_path) return -1;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // abstract socket
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}
}  // namespace

void notify_service_manager(const std::string& state) {
  static const int fd = open_notify_socket();
  if (fd >= 0) ::send(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

long watchdog_interval_ms() {
  const char* text = std::getenv("WATCHDOG_USEC");
  if (text == nullptr) return 0;
  const long us = std::strtol(text, nullptr, 10);
  return us > 0 ? us / 2000 : 0;
}

}  // namespace valise
