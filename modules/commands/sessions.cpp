#include "modules/commands/sessions.hpp"

#include <algorithm>

#include "base/crypto.hpp"

namespace valise::modules::commands {

Values Running::so_far() const {
  Values all;
  for (std::size_t i = 0; i + 1 < stages.size(); ++i) {
    for (const auto& [name, values] : stages[i].entries()) all.set(name, values);
  }
  return all;
}

Running& Sessions::begin(const Command& command, std::string host, core::Language language, std::int64_t until_ms) {
  if (running_.size() == most) forget(running_.begin());
  running_.push_back({.id = crypto::random_hex(16),
                      .command = &command,
                      .host = std::move(host),
                      .language = language,
                      .until_ms = until_ms,
                      .stages = {}});
  running_.back().stages.emplace_back();
  return running_.back();
}

Running* Sessions::find(std::string_view id, std::int64_t now_ms, bool& was_one) {
  for (auto it = running_.begin(); it != running_.end();) {
    const auto next = std::next(it);
    if (it->until_ms <= now_ms) forget(it);
    it = next;
  }
  const auto found = std::ranges::find(running_, id, &Running::id);
  was_one = found != running_.end() || std::ranges::find(ended_, id) != ended_.end();
  return found == running_.end() ? nullptr : &*found;
}

void Sessions::end(std::string_view id) {
  const auto found = std::ranges::find(running_, id, &Running::id);
  if (found != running_.end()) forget(found);
}

void Sessions::forget(std::list<Running>::iterator which) {
  if (ended_.size() == most_remembered) ended_.pop_front();
  ended_.push_back(std::move(which->id));
  running_.erase(which);
}

}  // namespace valise::modules::commands
