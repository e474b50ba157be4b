#include "main/login_secret.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "config/secret_file.hpp"

namespace valise {
namespace {

constexpr std::size_t size = 32;
constexpr const char* secret_name = "login-secret";

std::unexpected<Error> failed(const std::string& path) {
  return fail(ErrorCode::unavailable, fmt::format("{}: {}", path, std::strerror(errno)));
}

Result<> sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced) return failed(folder);
  return {};
}

bool exists(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0;
}

}  // namespace

Result<> write_secret(const std::string& folder, const std::string& name, const std::string& bytes) {
  const auto path = (std::filesystem::path(folder) / name).string();
  const auto fresh = path + ".new";  // first: a crash leaves the whole file or none
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  std::string_view left = bytes;
  while (fd >= 0 && !left.empty()) {
    const auto written = ::pwrite(fd, left.data(), left.size(), static_cast<off_t>(bytes.size() - left.size()));
    if (written <= 0) break;
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  const bool whole = fd >= 0 && left.empty() && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!whole || ::rename(fresh.c_str(), path.c_str()) != 0) return failed(path);
  return sync_folder(folder);
}

Result<std::string> login_secret(const std::string& folder, const std::string& former_folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failed("state.path: " + folder);
  const auto path = (std::filesystem::path(folder) / secret_name).string();
  const auto former = (std::filesystem::path(former_folder) / secret_name).string();
  if (!exists(path) && former != path && exists(former)) {
    auto kept = config::read_secret_bytes(former, size);
    if (!kept) return kept;
    if (auto moved = write_secret(folder, secret_name, *kept); !moved) return std::unexpected(moved.error());
    ::unlink(former.c_str());
    log::info("main", "{} moved to {}", former, path);
  }
  if (exists(path)) {
    auto kept = config::read_secret_bytes(path, size);
    if (kept && kept->size() != size) return fail(ErrorCode::corrupt, fmt::format("{}: not {} bytes", path, size));
    return kept;
  }
  auto secret = crypto::random_string(size);
  if (auto written = write_secret(folder, secret_name, secret); !written) return std::unexpected(written.error());
  return secret;
}

}  // namespace valise
