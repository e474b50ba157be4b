#include "main/privileges.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/log.hpp"

namespace valise {

Result<> drop_privileges(const std::string& user, const std::string& folder) {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);  // SECURITY §5: a core dump holds keys
  const auto failed = [](std::string what) { return fail(ErrorCode::denied, what + ": " + std::strerror(errno)); };
  const passwd* entry = nullptr;
  if (!user.empty()) {
    entry = getpwnam(user.c_str());
    if (entry == nullptr) return fail(ErrorCode::not_found, "run.user: there is no user \"" + user + "\"");
  }
  if (!folder.empty() && (chroot(folder.c_str()) != 0 || chdir("/") != 0)) return failed("run.chroot: " + folder);
  if (entry != nullptr) {
    if (geteuid() == 0 && setgroups(0, nullptr) != 0) return failed("setgroups");
    if (setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0) return failed("setresgid");
    if (setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0) return failed("setresuid");
    if (entry->pw_uid != 0 && setuid(0) == 0) return fail(ErrorCode::denied, "privileges could be had back");
  } else if (geteuid() == 0) {
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
