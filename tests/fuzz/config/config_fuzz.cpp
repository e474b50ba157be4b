// A configuration's source over the kernel's options. What must hold: nothing crashes; a failure names at least one
// error with a text; what loads has values within their bounds.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/options.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace valise::config;
  static const Registry registry = [] {
    Registry made;
    made.add(kernel_options());
    return made;
  }();
  // Smaller than life, so that a run under sanitizers stays quick.
  const LoadLimits limits{.instructions = 200'000, .heap = 4u << 20, .wall_us = 200'000};
  const auto loaded = load_text({reinterpret_cast<const char*>(data), size}, "f.lua", registry, limits);
  if (!loaded) {
    if (loaded.error().empty()) std::abort();
    for (const auto& error : loaded.error()) {
      if (error.text.empty() || error.message().empty()) std::abort();
    }
    return 0;
  }
  const auto& snapshot = **loaded;
  for (const auto* option : registry.options()) {
    if (const auto* number = std::get_if<std::int64_t>(&snapshot.value(*option))) {
      if (*number < option->min || *number > option->max) std::abort();
    }
    for (const auto& host : snapshot.hosts()) (void)show(snapshot.value(*option, host), option->unit);
  }
  if (!Snapshot::restart_needed(snapshot, snapshot).empty()) std::abort();
  return 0;
}
