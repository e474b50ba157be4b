// Folders, records and raw bytes for tests about the audit log.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/audit/log.hpp"
#include "core/audit/verify.hpp"

namespace valise::core::audit {

// A folder that goes with the test, in memory where there is such a place: what is tested is the order of steps, not
// the disk. The log's own folder in it is made by Log::open.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const std::filesystem::path memory = "/dev/shm";
    const bool usable = ::access(memory.c_str(), W_OK) == 0;
    auto name = ((usable ? memory : std::filesystem::temp_directory_path()) / "valise-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    root_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string log() const { return root_ / "audit"; }
  [[nodiscard]] std::string file(const std::string& name) const { return root_ / "audit" / name; }
  [[nodiscard]] std::string path(const std::string& name) const { return root_ / name; }

 private:
  std::filesystem::path root_;
};

inline std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline Record message_record(std::uint64_t id, std::string recipient = "bob@valise.example") {
  Record record;
  record.id = id;
  record.time_ns = 1'790'000'000'000'000'000 + static_cast<std::int64_t>(id);
  record.verdict = Outcome::delivered;
  record.recipient = std::move(recipient);
  return record;
}

// Appends records with ids first … first+count-1 as one batch.
inline Result<> append_batch(Log& log, std::uint64_t first, std::size_t count = 1) {
  std::vector<Record> records;
  for (std::size_t i = 0; i < count; ++i) records.push_back(message_record(first + i));
  std::vector<const Record*> pointers;
  for (const auto& record : records) pointers.push_back(&record);
  return log.append(pointers);
}

inline std::unique_ptr<Log> open_log(const std::string& folder, std::uint64_t segment_entries = 262'144) {
  auto log = Log::open({.folder = folder, .segment_entries = segment_entries, .settle_ms = 3'600'000});
  EXPECT_TRUE(log) << log.error().text;
  return log ? std::move(*log) : nullptr;
}

// What the files of an open log look like if the process ends now.
inline void crash_copy(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to);
}

// Where each frame of a records file begins, and where the last one ends.
inline std::vector<std::size_t> frame_offsets(const std::string& records) {
  std::vector<std::size_t> offsets{file_header_size};
  while (offsets.back() < records.size()) {
    const auto header = parse_frame_header(records.data() + offsets.back());
    if (!header) throw std::runtime_error("no frame");
    offsets.push_back(offsets.back() + frame_header_size + header->length);
  }
  return offsets;
}

inline std::vector<std::uint64_t> ids_in(const std::string& folder) {
  std::vector<std::uint64_t> ids;
  auto cursor = Cursor::open(folder);
  if (!cursor) return ids;
  while (true) {
    const auto entry = cursor->next();
    if (!entry || !*entry) return ids;
    ids.push_back(key_of((*entry)->record).id);
  }
}

inline std::string lines_of(const std::string& folder) {
  std::string lines;
  auto cursor = Cursor::open(folder);
  if (!cursor) return lines;
  while (true) {
    const auto entry = cursor->next();
    if (!entry || !*entry) return lines;
    append_json_line(lines, **entry);
  }
}

}  // namespace valise::core::audit
