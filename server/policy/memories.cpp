#include "policy/memories.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/log.hpp"
#include "config/nearest.hpp"
#include "policy/keeping.hpp"
#include "policy/state.hpp"

namespace valise::policy {
namespace {

constexpr std::size_t longest_key = 1023;

// As rules have it: the bare address of a person, anything else as it is.
std::expected<std::string, std::string> key_text(const PolicyOptions& options, std::string_view key) {
  if (key.empty() || key.size() > longest_key) {
    return std::unexpected(fmt::format("a key has 1 to {} bytes", longest_key));
  }
  if (key.find('@') == std::string_view::npos) return std::string(key);
  if (key.find('/') != std::string_view::npos) {
    return std::unexpected("a person's key is the bare address: nothing behind \"/\"");
  }
  if (!options.normalise) return lower_address(key);  // as the file's addresses then
  auto normal = options.normalise(key);
  if (!normal) return std::unexpected(fmt::format("\"{}\" is not an address", log::printable(key)));
  return std::move(*normal);
}

}  // namespace

std::vector<MemoryInfo> Memories::list(std::int64_t now_ms) const {
  std::vector<MemoryInfo> out;
  for (const auto& kept : state_.memories) {
    const auto& memory = *kept.memory;
    if (std::ranges::find(out, memory.name(), &MemoryInfo::name) != out.end()) continue;  // named twice
    out.push_back({.name = memory.name(),
                   .keys = memory.keys(),
                   .used = memory.used(now_ms),
                   .lifetime_ms = kept.lifetime_ms,
                   .durable = memory.durable()});
  }
  std::ranges::sort(out, {}, &MemoryInfo::name);
  return out;
}

std::expected<Memories::Place, std::string> Memories::find(std::string_view name, std::string_view key) const {
  std::vector<std::string_view> names;
  for (const auto& kept : state_.memories) names.push_back(kept.memory->name());
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    return std::unexpected(
        fmt::format("the rules have no memory \"{}\"{}", log::printable(name), config::nearest_hint(name, names)));
  }
  const auto text = key_text(state_.options, key);
  if (!text) return std::unexpected(text.error());
  const auto& kept = state_.memories[static_cast<std::size_t>(found - names.begin())];
  return Place{kept.memory.get(), kept.memory->key_of(*text), kept.lifetime_ms};
}

std::expected<std::optional<Memories::Value>, std::string> Memories::get(std::string_view memory, std::string_view key,
                                                                         std::int64_t now_ms) const {
  const auto place = find(memory, key);
  if (!place) return std::unexpected(place.error());
  return place->memory->get(place->key, now_ms);
}

std::expected<Memories::Value, std::string> Memories::set(std::string_view memory, std::string_view key,
                                                          std::string_view value, std::string_view lifetime,
                                                          std::int64_t now_ms) const {
  const auto place = find(memory, key);
  if (!place) return std::unexpected(place.error());
  auto lifetime_ms = place->lifetime_ms;
  if (!lifetime.empty()) {
    const auto given = duration_ms(lifetime);
    if (!given || *given == 0) {
      return std::unexpected(fmt::format("a lifetime is a time such as \"90s\", \"15m\", \"4h\", \"7d\", not \"{}\"",
                                         log::printable(lifetime)));
    }
    lifetime_ms = *given;
  }
  Value made{.number = 0,
             .text = {},
             .since_ms = now_ms,
             .expires_ms = lifetime_ms < 0 ? Memory::never : now_ms + lifetime_ms};
  const auto* end = value.data() + value.size();
  const auto [stop, fault] = std::from_chars(value.data(), end, made.number);
  if (fault != std::errc() || stop != end) {
    if (value.empty() || value.size() > Memory::longest_text) {
      return std::unexpected(
          fmt::format("a value is a whole number, or a text of 1 to {} bytes", Memory::longest_text));
    }
    made.number = 0;
    made.text = value;
  }
  place->memory->set(place->key, made);
  return made;
}

std::expected<bool, std::string> Memories::forget(std::string_view memory, std::string_view key,
                                                  std::int64_t now_ms) const {
  const auto place = find(memory, key);
  if (!place) return std::unexpected(place.error());
  const bool was_there = place->memory->since(place->key, now_ms).has_value();
  place->memory->forget(place->key);
  return was_there;
}

}  // namespace valise::policy
