// A file that reports what the kernel says, with its path. No buffering, no retry after a failed sync: a handle whose
// sync failed is not used again, because the kernel may have dropped the pages it could not write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace valise::core::audit {

class File {
 public:
  File() = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  // Errors: not_found, unavailable. New files get mode 0600.
  static Result<File> open(std::string path, int flags);

  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  Result<std::uint64_t> size() const;
  // Reads up to `length` bytes into `out`; fewer only at the end of the file.
  Result<> read_at(std::uint64_t offset, std::size_t length, std::string& out) const;
  Result<> write_at(std::uint64_t offset, std::string_view bytes) const;
  Result<> truncate(std::uint64_t size) const;
  Result<> sync() const;  // fdatasync

 private:
  [[nodiscard]] std::unexpected<Error> error(std::string_view what) const;

  int fd_ = -1;
  std::string path_;
};

// Makes the names in a folder durable.
Result<> sync_folder(const std::string& folder);

// Replaces `path` as one step: a reader, and a restart after a power cut, finds the old bytes or the new ones.
Result<> replace_file(const std::string& folder, const std::string& name, std::string_view bytes);

// Looks into a file that is read mostly forward.
class Window {
 public:
  explicit Window(const File& file) : file_(&file) {}
  // The bytes from `offset`, at most `length`, fewer at the end of the file. Valid until the next call.
  Result<std::string_view> view(std::uint64_t offset, std::size_t length);

 private:
  const File* file_;
  std::uint64_t start_ = 0;
  std::string bytes_;
};

}  // namespace valise::core::audit
