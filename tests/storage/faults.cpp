#include "faults.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace valise::storage::testing {
namespace {

// Plain static state: the functions below are called from everywhere, also before main.
std::atomic<bool> watching{false};
char watched[512];
std::atomic<int> countdown{0};
std::atomic<int> error_number{0};
std::atomic<bool> lasts{false};
std::atomic<bool> has_fired{false};
std::atomic<int> sync_count{0};

bool below(int file) {
  if (!watching) return false;
  char link[64], target[1024];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const auto size = ::readlink(link, target, sizeof target - 1);
  if (size < 0) return false;
  target[size] = '\0';
  return std::strncmp(target, watched, std::strlen(watched)) == 0;
}

// True: the operation on `file` is to fail, errno is set.
bool fails(int file) {
  if (!below(file)) return false;
  const int left = countdown.load();
  if (left == 0) return false;
  if (left > 1) {
    countdown = left - 1;
    return false;
  }
  if (!lasts) countdown = 0;
  has_fired = true;
  errno = error_number;
  return true;
}

}  // namespace

DiskFaults::DiskFaults(std::string folder) {
  disarm();
  std::snprintf(watched, sizeof watched, "%s", folder.c_str());
  sync_count = 0;
  watching = true;
}
DiskFaults::~DiskFaults() {
  disarm();
  watching = false;
}
void DiskFaults::arm(int n, int error, bool lasting) {
  error_number = error;
  lasts = lasting;
  has_fired = false;
  countdown = n;
}
void DiskFaults::disarm() { countdown = 0; }
bool DiskFaults::fired() const { return has_fired; }
int DiskFaults::syncs() const { return sync_count; }

}  // namespace valise::storage::testing

// The program's own definitions come before libc's for every library it loads, SQLite's among them.
extern "C" {
ssize_t pwrite64(int file, const void* data, size_t size, off64_t offset) {
  if (valise::storage::testing::fails(file)) return -1;
  return ::syscall(SYS_pwrite64, file, data, size, offset);
}
ssize_t pwrite(int file, const void* data, size_t size, off_t offset) { return pwrite64(file, data, size, offset); }
int fdatasync(int file) {
  if (valise::storage::testing::fails(file)) return -1;
  if (valise::storage::testing::below(file)) ++valise::storage::testing::sync_count;
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}
int fsync(int file) {
  if (valise::storage::testing::fails(file)) return -1;
  if (valise::storage::testing::below(file)) ++valise::storage::testing::sync_count;
  return static_cast<int>(::syscall(SYS_fsync, file));
}
}
