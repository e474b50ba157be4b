#include "config/in_vain.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <stdexcept>

namespace valise::config {
namespace {

bool is_so(const Need& need, const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number != 0;
  if (const auto* strings = std::get_if<Strings>(&value)) return !strings->empty();
  const auto& text = std::get<std::string>(value);
  return need.value.empty() ? !text.empty() && text != "off" : text == need.value;
}

class Search {
 public:
  Search(const Snapshot& snapshot, Findings& findings) : snapshot_(snapshot), findings_(findings) {}

  void run() {
    for (const auto* option : snapshot_.options()) {
      if (!option->needs.empty()) look_at(*option);
    }
  }

 private:
  // Of the places that set the option: what keeps it from doing anything, "" if it does something for some host.
  using Reasons = std::map<unsigned, std::string>;

  void look_at(const OptionBase& option) {
    Reasons reasons;
    const auto found = [&](unsigned line, std::string reason) {
      const auto [at, is_new] = reasons.try_emplace(line, reason);
      if (!is_new && reason.empty()) at->second.clear();
    };
    if (option.scope == Scope::server) {
      if (snapshot_.value(option) != option.otherwise) found(snapshot_.line(option), reason_for_all(option));
    } else {
      for (const auto& host : snapshot_.hosts()) {
        if (snapshot_.value(option, host) == option.otherwise) continue;
        found(snapshot_.line(option, host), reason_for(option, host));
      }
    }
    for (const auto& [line, reason] : reasons) {
      if (!reason.empty()) findings_.warning(line, fmt::format("{} has no effect: {}", option.name, reason));
    }
  }

  // One value for the server: it is good for something if it is for any host.
  std::string reason_for_all(const OptionBase& option) const {
    std::string reason = snapshot_.hosts().empty() ? "there is no host" : "";
    for (const auto& host : snapshot_.hosts()) {
      reason = reason_for(option, host);
      if (reason.empty()) break;
    }
    return reason;
  }

  std::string reason_for(const OptionBase& option, const std::string& host) const {
    std::string reason;
    const OptionBase* told = nullptr;
    for (const auto& need : option.needs) {
      const auto& other = named(need.option);
      const auto& value = snapshot_.value(other, host);
      if (is_so(need, value)) return {};
      if (&other == told) continue;  // it may be one of several texts
      told = &other;
      reason += fmt::format("{}{} is {}", reason.empty() ? "" : ", ", other.name, show(value, other.unit));
    }
    return reason;
  }

  const OptionBase& named(std::string_view name) const {
    const auto& all = snapshot_.options();
    const auto found = std::ranges::find(all, name, [](const OptionBase* one) { return one->name; });
    if (found == all.end()) throw std::logic_error("an option needs one that is none: " + std::string(name));
    return **found;
  }

  const Snapshot& snapshot_;
  Findings& findings_;
};

}  // namespace

void warn_of_options_in_vain(const Snapshot& snapshot, Findings& findings) { Search(snapshot, findings).run(); }

}  // namespace valise::config
