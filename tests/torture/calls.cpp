// Fault points at the system calls that make files durable, for valised and every library that it loads (SQLite): the
// program's own definitions come before libc's. Linked into fault builds only (CMake option VALISE_FAULTS).
//
// Names are file.KIND.CALL.STEP. KIND: records, leaves, head (the audit log), db, wal and journal (SQLite), secret (of
// log-in), folder, other. CALL: write, sync, cut, rename. STEP: before, between (half of a write is in the file),
// after; fails: not done, EIO; lies: done and reported as EIO.
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "base/fault.hpp"

namespace {

std::string_view kind_of(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  if (name.ends_with("-shm")) return {};  // shared memory, made anew by each start
  if (name.starts_with("login-secret")) return "secret";
  if (name.ends_with("-journal")) return "journal";  // until the database is in WAL mode
  if (name.ends_with("-wal")) return "wal";
  if (name.ends_with(".db")) return "db";
  if (name.starts_with("records-")) return "records";
  if (name.starts_with("leaves-")) return "leaves";
  if (name.starts_with("head")) return "head";
  return name.find('.') == name.npos ? "folder" : "other";
}

// What descriptor `file` is; empty: no file on a disk.
std::string_view kind_of(int file) {
  char link[64];
  char target[1024];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const auto size = ::readlink(link, target, sizeof target);
  if (size <= 0 || target[0] != '/') return {};
  return kind_of(std::string_view(target, static_cast<std::size_t>(size)));
}

struct Call {
  Call(std::string_view kind, std::string_view call) : name("file.") { (((name += kind) += '.') += call) += '.'; }
  void pass(const char* step) const { valise::fault::pass(name + step); }
  [[nodiscard]] bool fails(const char* step) const {
    if (!valise::fault::fails(name + step)) return false;
    errno = EIO;
    return true;
  }
  std::string name;
};

// `call` with its points around it.
template <class Work>
int around(std::string_view kind, std::string_view call, Work work) {
  if (kind.empty()) return work();
  const Call points(kind, call);
  points.pass("before");
  if (points.fails("fails")) return -1;
  const int done = work();
  points.pass("after");
  return points.fails("lies") ? -1 : done;
}

}  // namespace

extern "C" {

ssize_t pwrite64(int file, const void* data, size_t size, off64_t offset) {
  const auto kind = kind_of(file);
  if (kind.empty()) return ::syscall(SYS_pwrite64, file, data, size, offset);
  const Call points(kind, "write");
  points.pass("before");
  if (points.fails("fails")) return -1;
  const auto half = size / 2;
  if (half > 0) {
    const auto done = ::syscall(SYS_pwrite64, file, data, half, offset);
    if (done < static_cast<ssize_t>(half)) return done;
  }
  points.pass("between");
  const auto done = ::syscall(SYS_pwrite64, file, static_cast<const char*>(data) + half, size - half,
                              offset + static_cast<off64_t>(half));
  points.pass("after");
  if (points.fails("lies")) return -1;
  return done < 0 ? (half > 0 ? static_cast<ssize_t>(half) : done) : done + static_cast<ssize_t>(half);
}
ssize_t pwrite(int file, const void* data, size_t size, off_t offset) { return pwrite64(file, data, size, offset); }

int fdatasync(int file) {
  return around(kind_of(file), "sync", [=] { return static_cast<int>(::syscall(SYS_fdatasync, file)); });
}
int fsync(int file) {
  return around(kind_of(file), "sync", [=] { return static_cast<int>(::syscall(SYS_fsync, file)); });
}
int ftruncate64(int file, off64_t size) noexcept {
  return around(kind_of(file), "cut", [=] { return static_cast<int>(::syscall(SYS_ftruncate, file, size)); });
}
int ftruncate(int file, off_t size) noexcept { return ftruncate64(file, size); }
int rename(const char* from, const char* to) noexcept {
  return around(kind_of(std::string_view(to)), "rename",
                [=] { return static_cast<int>(::syscall(SYS_rename, from, to)); });
}
}
