#include "base/log.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

namespace valise::log {
namespace {
std::atomic<Level> minimum_level{Level::info};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}
}  // namespace

void open(Level minimum, const std::string& path) {
  minimum_level = minimum;
  spdlog::drop("valise");
  auto logger = path.empty() ? spdlog::stderr_logger_mt("valise") : spdlog::basic_logger_mt("valise", path);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(to_spdlog(minimum));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

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
