// The operational log (stderr or a file; journald reads stderr). Ids, addresses, sizes and decisions only: never
// bodies, tokens or secrets. What a user wrote into a name or address goes through `printable`.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

namespace valise::log {

enum class Level : unsigned char { debug, info, warning, error };

// Call before the first thread starts. `path` empty: stderr.
void open(Level minimum, const std::string& path = {});
// Any thread, once it is open: another least level …
void set_level(Level minimum);
// … and the file anew by its name, for whoever moved it away (logrotate). False: the old one stays. True on stderr.
bool reopen();
[[nodiscard]] bool enabled(Level level) noexcept;
void write(Level level, std::string_view component, std::string_view message);

// Escapes control and non-ASCII bytes and cuts at `limit` bytes (docs/security.md §5: user bytes in logs).
[[nodiscard]] std::string printable(std::string_view bytes, std::size_t limit = 128);

template <class... Args>
void debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warning)) write(Level::warning, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  write(Level::error, component, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace valise::log
