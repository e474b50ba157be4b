#include "core/audit/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace valise::core::audit {
namespace {

constexpr std::size_t window_bytes = std::size_t{1} << 20;

std::unexpected<Error> errno_error(std::string_view path, std::string_view what) {
  const int number = errno;
  return fail(number == ENOENT ? ErrorCode::not_found : ErrorCode::unavailable,
              std::string(path) + ": " + std::string(what) + ": " + std::strerror(number));
}

}  // namespace

File::File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

std::unexpected<Error> File::error(std::string_view what) const { return errno_error(path_, what); }

Result<File> File::open(std::string path, int flags) {
  File file;
  file.path_ = std::move(path);
  file.fd_ = ::open(file.path_.c_str(), flags | O_CLOEXEC, 0600);
  if (file.fd_ < 0) return file.error("open");
  return file;
}

Result<std::uint64_t> File::size() const {
  struct stat status{};
  if (::fstat(fd_, &status) != 0) return error("stat");
  return static_cast<std::uint64_t>(status.st_size);
}

Result<> File::read_at(std::uint64_t offset, std::size_t length, std::string& out) const {
  out.resize(length);
  std::size_t got = 0;
  while (got < length) {
    const auto n = ::pread(fd_, out.data() + got, length - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error("read");
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  out.resize(got);
  return {};
}

Result<> File::write_at(std::uint64_t offset, std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error("write");
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<> File::truncate(std::uint64_t size) const {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return error("truncate");
  return {};
}

Result<> File::sync() const {
  if (::fdatasync(fd_) != 0) return error("fdatasync");
  return {};
}

Result<> sync_folder(const std::string& folder) {
  auto handle = File::open(folder, O_RDONLY | O_DIRECTORY);
  if (!handle) return std::unexpected(handle.error());
  if (::fsync(handle->fd()) != 0) return errno_error(folder, "fsync");
  return {};
}

Result<> replace_file(const std::string& folder, const std::string& name, std::string_view bytes) {
  const auto path = folder + "/" + name;
  const auto next = path + ".new";
  {
    auto file = File::open(next, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file) return std::unexpected(file.error());
    if (auto done = file->write_at(0, bytes); !done) return done;
    if (auto done = file->sync(); !done) return done;
  }
  if (::rename(next.c_str(), path.c_str()) != 0) return errno_error(path, "rename");
  return sync_folder(folder);
}

Result<std::string_view> Window::view(std::uint64_t offset, std::size_t length) {
  if (offset < start_ || offset + length > start_ + bytes_.size()) {
    start_ = offset;
    bytes_.clear();
    const auto size = file_->size();
    if (!size) return std::unexpected(size.error());
    const auto left = *size - std::min(*size, offset);
    if (auto done = file_->read_at(offset, std::min<std::uint64_t>(left, std::max(length, window_bytes)), bytes_);
        !done) {
      bytes_.clear();
      return std::unexpected(done.error());
    }
  }
  return std::string_view(bytes_).substr(offset - start_, length);
}

}  // namespace valise::core::audit
