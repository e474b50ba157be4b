#include "base/log.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <mutex>

namespace valise::log {
namespace {
std::atomic<Level> minimum_level{Level::info};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FileSink(std::string path) : path_(std::move(path)), file_(std::fopen(path_.c_str(), "ae")) {
    if (file_ == nullptr) spdlog::throw_spdlog_ex("cannot open " + path_, errno);
  }
  ~FileSink() override { std::fclose(file_); }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  bool reopen() {
    auto* fresh = std::fopen(path_.c_str(), "ae");
    if (fresh == nullptr) return false;
    const std::lock_guard lock(mutex_);
    std::fclose(std::exchange(file_, fresh));
    return true;
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::fwrite(line.data(), 1, line.size(), file_);
  }
  void flush_() override { std::fflush(file_); }

  const std::string path_;
  std::FILE* file_;
};

std::shared_ptr<FileSink> file_sink;  // null: stderr. Set before the first thread starts
}  // namespace

void open(Level minimum, const std::string& path) {
  minimum_level = minimum;
  spdlog::drop("valise");
  file_sink = path.empty() ? nullptr : std::make_shared<FileSink>(path);
  auto logger =
      path.empty() ? spdlog::stderr_logger_mt("valise") : std::make_shared<spdlog::logger>("valise", file_sink);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(to_spdlog(minimum));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void set_level(Level minimum) {
  minimum_level = minimum;
  spdlog::default_logger_raw()->set_level(to_spdlog(minimum));
}

bool reopen() { return file_sink == nullptr || file_sink->reopen(); }

bool enabled(Level level) noexcept { return level >= minimum_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view component, std::string_view message) {
  spdlog::log(to_spdlog(level), "{}: {}", component, message);
}

std::string printable(std::string_view bytes, std::size_t limit) {
  std::string out;
  for (const char c : bytes.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') {
      out.push_back(c);
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  if (bytes.size() > limit) out += "…";
  return out;
}

}  // namespace valise::log
