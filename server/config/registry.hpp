#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/option.hpp"

namespace valise::config {

// All options that a file may set: the kernel's and each module's. Filled at start, then constant.
class Registry {
 public:
  // Throws std::logic_error if the name is taken, malformed, or at once an option and a group (programmer's mistake).
  void add(const OptionBase& option);
  void add(std::span<const OptionBase* const> options);

  [[nodiscard]] const OptionBase* find(std::string_view name) const noexcept;
  // Whether `name` begins some option's name ("limits" of "limits.stanza").
  [[nodiscard]] bool is_group(std::string_view name) const noexcept;
  [[nodiscard]] const std::vector<const OptionBase*>& options() const noexcept { return options_; }
  [[nodiscard]] const std::vector<std::string_view>& names() const noexcept { return names_; }

 private:
  std::vector<const OptionBase*> options_;
  std::vector<std::string_view> names_;
  std::unordered_map<std::string_view, const OptionBase*> by_name_;
  std::unordered_set<std::string_view> groups_;
};

// The reference of all options as Markdown, by group.
[[nodiscard]] std::string describe(const Registry& registry);

}  // namespace valise::config
