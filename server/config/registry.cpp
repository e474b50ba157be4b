#include "config/registry.hpp"

#include <stdexcept>

namespace valise::config {
namespace {

bool well_formed(std::string_view name) {
  bool start = true;
  for (const char c : name) {
    const bool letter = c >= 'a' && c <= 'z';
    if (c == '.') {
      if (start) return false;
      start = true;
    } else if (letter || (!start && ((c >= '0' && c <= '9') || c == '_'))) {
      start = false;
    } else {
      return false;
    }
  }
  return !start;
}

}  // namespace

void Registry::add(const OptionBase& option) {
  const auto name = option.name;
  if (!well_formed(name)) throw std::logic_error("malformed option name: " + std::string(name));
  if (name == "host" || name.starts_with("host.")) throw std::logic_error("an option named host");
  if (groups_.contains(name)) throw std::logic_error("option is a group too: " + std::string(name));
  std::vector<std::string_view> groups;
  for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    groups.push_back(name.substr(0, dot));
    if (by_name_.contains(groups.back())) throw std::logic_error("group is an option too: " + std::string(name));
  }
  if (!by_name_.emplace(name, &option).second) throw std::logic_error("option declared twice: " + std::string(name));
  groups_.insert(groups.begin(), groups.end());
  options_.push_back(&option);
  names_.push_back(name);
}

void Registry::add(std::span<const OptionBase* const> options) {
  for (const auto* option : options) add(*option);
}

const OptionBase* Registry::find(std::string_view name) const noexcept {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

bool Registry::is_group(std::string_view name) const noexcept { return groups_.contains(name); }

}  // namespace valise::config
