#include "config/secret_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/crypto.hpp"

namespace valise::config {
namespace {

class File {
 public:
  // O_NONBLOCK: a fifo in the file's place must not hang the start.
  explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

std::unexpected<Error> system_failure(const std::string& path, int error) {
  const auto code = error == ENOENT   ? ErrorCode::not_found
                    : error == EACCES ? ErrorCode::denied
                                      : ErrorCode::unavailable;
  return fail(code, fmt::format("{}: {}", path, std::strerror(error)));
}

// For whom the kernel opens files: this thread's user, or the one that it acts as (main/privileges.hpp).
uid_t file_user() noexcept { return static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))); }

enum class Kind { secret, trusted };

Result<> check(const File& file, const std::string& path, Kind kind) {
  if (file.fd() < 0) return system_failure(path, errno);
  struct stat info{};
  if (::fstat(file.fd(), &info) != 0) return system_failure(path, errno);
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::denied, path + ": not a regular file");
  if (info.st_mode & S_IWOTH)
    return fail(ErrorCode::denied, fmt::format("{0}: others may write it; chmod o-w {0}", path));
  if (kind == Kind::trusted) return {};
  if (info.st_mode & S_IROTH) {
    return fail(ErrorCode::denied, fmt::format("{0}: others may read this secret; chmod o-rwx {0}", path));
  }
  if (info.st_mode & S_IWGRP) {
    return fail(ErrorCode::denied, fmt::format("{0}: its group may write this secret; chmod g-w {0}", path));
  }
  if (info.st_uid != 0 && info.st_uid != file_user()) {
    return fail(ErrorCode::denied, fmt::format("{}: it belongs to user {}, not to root or to user {} who reads it",
                                               path, info.st_uid, file_user()));
  }
  return {};
}

Result<std::string> read_all(const File& file, const std::string& path, std::size_t max_bytes) {
  std::string out;
  out.resize(max_bytes + 1);
  std::size_t used = 0;
  while (used < out.size()) {
    const auto got = ::read(file.fd(), out.data() + used, out.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure(path, errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  if (used > max_bytes) {
    crypto::wipe(out);
    return fail(ErrorCode::limit, fmt::format("{}: longer than {} bytes", path, max_bytes));
  }
  out.resize(used);
  return out;
}

}  // namespace

Result<> check_secret_file(const std::string& path) {
  const File file(path);
  return check(file, path, Kind::secret);
}

Result<std::string> read_secret_bytes(const std::string& path, std::size_t max_bytes) {
  const File file(path);
  if (auto checked = check(file, path, Kind::secret); !checked) return std::unexpected(checked.error());
  return read_all(file, path, max_bytes);
}

Result<std::string> read_secret_file(const std::string& path, std::size_t max_bytes) {
  auto text = read_secret_bytes(path, max_bytes);
  if (text && text->ends_with('\n')) text->pop_back();
  if (text && text->ends_with('\r')) text->pop_back();
  return text;
}

Result<std::string> read_trusted_file(const std::string& path, std::size_t max_bytes) {
  const File file(path);
  if (auto checked = check(file, path, Kind::trusted); !checked) return std::unexpected(checked.error());
  return read_all(file, path, max_bytes);
}

}  // namespace valise::config
