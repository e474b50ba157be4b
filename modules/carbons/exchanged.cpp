#include "modules/carbons/exchanged.hpp"

#include <functional>
#include <string>

namespace valise::modules::carbons {
namespace {
std::uint64_t mark_of(std::string_view peer, std::string_view id) {
  std::string both(peer);
  both.push_back('\0');  // in no address
  both += id;
  return std::hash<std::string>{}(both);
}
}  // namespace

void Exchanged::remember(std::string_view peer, std::string_view id) {
  if (id.empty()) return;
  const auto mark = mark_of(peer, id);
  if (marks_.size() < most) return marks_.push_back(mark);
  marks_[next_] = mark;
  next_ = (next_ + 1) % most;
}

bool Exchanged::knows(std::string_view peer, std::string_view id) const {
  return !id.empty() && !marks_.empty() && std::ranges::find(marks_, mark_of(peer, id)) != marks_.end();
}

}  // namespace valise::modules::carbons
