#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

#include "config/registry.hpp"

namespace valise::config {
namespace {

std::string scaled(std::int64_t value, std::initializer_list<std::pair<std::int64_t, const char*>> units,
                   const char* base) {
  for (const auto& [size, name] : units) {
    if (value != 0 && value % size == 0) return fmt::format("{} {}", value / size, name);
  }
  return fmt::format("{} {}", value, base);
}

std::string_view type_name(const OptionBase& option) {
  switch (option.otherwise.index()) {
    case 0:
      return "boolean";
    case 1:
      return "number";
    case 2:
      return "text";
    default:
      return "list of texts";
  }
}

std::string range(const OptionBase& option) {
  if (!option.allowed.empty()) return fmt::format("`{}`", fmt::join(option.allowed, "`, `"));
  if (!std::holds_alternative<std::int64_t>(option.otherwise)) return {};
  const auto low = show(Value(option.min), option.unit);
  if (option.max == std::numeric_limits<std::int64_t>::max()) return low + " or more";
  return low + " … " + show(Value(option.max), option.unit);
}

// "", or what else has to be so.
std::string condition(const OptionBase& option, const Registry& registry) {
  std::string out;
  for (const auto& need : option.needs) {
    if (registry.find(need.option) == nullptr) throw std::logic_error("no option: " + std::string(need.option));
    out += fmt::format("{}`{}`", out.empty() ? ". Only with " : " or ", need.option);
    if (!need.value.empty()) out += fmt::format(" = `{}`", need.value);
  }
  return out;
}

std::string row(const OptionBase& option, const Registry& registry) {
  return fmt::format("| `{}` | {} | {} | {} | {} | {} | {} | {}{} |\n", option.name, type_name(option),
                     unit_name(option.unit), show(option.otherwise, option.unit), range(option),
                     option.scope == Scope::host ? "host" : "server",
                     option.reload == Reload::live ? "reload" : "restart", option.reason, condition(option, registry));
}

}  // namespace

std::string_view unit_name(Unit unit) noexcept {
  switch (unit) {
    case Unit::none:
      return "";
    case Unit::bytes:
      return "bytes";
    case Unit::seconds:
      return "seconds";
    case Unit::microseconds:
      return "microseconds";
    case Unit::per_second:
      return "a second";
    case Unit::per_hour:
      return "an hour";
    case Unit::percent:
      return "percent";
  }
  return "";
}

std::string show(const Value& value, Unit unit) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return fmt::format("\"{}\"", *text);
  if (const auto* strings = std::get_if<Strings>(&value)) {
    if (strings->empty()) return "{}";
    return fmt::format("{{ \"{}\" }}", fmt::join(*strings, "\", \""));
  }
  const auto number = std::get<std::int64_t>(value);
  switch (unit) {
    case Unit::none:
      return fmt::format("{}", number);
    case Unit::bytes:
      return scaled(number, {{GiB, "GiB"}, {MiB, "MiB"}, {KiB, "KiB"}}, "bytes");
    case Unit::seconds:
      return scaled(number, {{86400, "d"}, {3600, "h"}, {60, "min"}}, "s");
    case Unit::microseconds:
      return scaled(number, {{1'000'000, "s"}, {1000, "ms"}}, "µs");
    case Unit::per_second:
      return fmt::format("{}/s", number);
    case Unit::per_hour:
      return fmt::format("{}/h", number);
    case Unit::percent:
      return fmt::format("{} %", number);
  }
  return fmt::format("{}", number);
}

std::string describe(const Registry& registry) {
  auto options = registry.options();
  const auto group = [](const OptionBase* option) {
    const auto dot = option->name.find('.');
    return dot == std::string_view::npos ? std::string_view() : option->name.substr(0, dot);
  };
  std::ranges::sort(options, {}, [&](const OptionBase* option) { return std::pair(group(option), option->name); });
  std::string out =
      "# Options\n\nA *host* option can be set for one host, `host[\"example.org\"].name = …`, or for all, `name = "
      "…`.\n"
      "*reload*: a change takes effect on reload; *restart*: at the next start.\n"
      "A number is written in the unit of its row: bytes, seconds, microseconds, so many a second or an hour, percent; "
      "without\none it counts. `KiB`, `MiB`, `GiB` are numbers of bytes (`256 * KiB`), `seconds(…)`, `minutes(…)`, "
      "`hours(…)`, `days(…)` of\nseconds.\n";
  std::string_view current = "\n";
  for (const auto* option : options) {
    if (group(option) != current) {
      current = group(option);
      out += fmt::format(
          "\n## {}\n\n| option | type | unit | default | values | scope | change | why |\n"
          "|---|---|---|---|---|---|---|---|\n",
          current.empty() ? "general" : current);
    }
    out += row(*option, registry);
  }
  return out;
}

}  // namespace valise::config
