// The configuration file: Lua in a sandbox, where option names are assigned.
//
//   host["example.org"].tls.certificate = "/etc/valise/tls/example.org.pem"
//   listen.c2s = { "127.0.0.1:5222", "[::1]:5222" }
//   limits.stanza = 256 * KiB
//   timeouts.login = seconds(60)
//
// Groups (`limits`, `host["example.org"].tls`) are objects that only lead to options; nothing else can be assigned, so
// a mistyped name is an error at its line. Locals, loops and functions are Lua's.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/ref.hpp"
#include "config/registry.hpp"
#include "config/snapshot.hpp"

namespace valise::config {

struct ConfigError {
  std::string file;
  unsigned line = 0;  // 0: about the file as a whole
  std::string text;
  // "conf/valise.lua:12: unknown option …"
  [[nodiscard]] std::string message() const;
};

// What running a file may take.
struct LoadLimits {
  std::uint64_t instructions = 10'000'000;
  std::size_t heap = 64u << 20;
  std::uint64_t wall_us = 5'000'000;
};

using LoadResult = std::expected<Ref<const Snapshot>, std::vector<ConfigError>>;

// Reads and runs the file (at most 1 MiB, within the default limits; it must not be writable by others).
// Fails with every error that was found, in the file's order; a Lua error ends the list.
[[nodiscard]] LoadResult load(const std::string& path, const Registry& registry);
// The same over a text; `name` stands for the file in errors.
[[nodiscard]] LoadResult load_text(std::string_view source, const std::string& name, const Registry& registry,
                                   const LoadLimits& limits = {});

}  // namespace valise::config
