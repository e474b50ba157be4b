#include "modules/offline/queue.hpp"

#include <algorithm>

#include "base/crypto.hpp"

namespace valise::modules::offline {

Mark mark_of(std::string_view from, std::string_view to, std::string_view id, std::string_view digest) {
  from =
      from.substr(0, from.find('/'));  // docs/sealed.md D2: the sender's account; after a crash it has a new resource
  std::string all;
  all.reserve(from.size() + to.size() + id.size() + digest.size() + 3);
  for (const auto part : {from, to, id, digest}) {
    all += part;
    all.push_back('\0');  // in no JID and no attribute value; the digest comes last
  }
  const auto hash = crypto::sha256(all);
  Mark mark;
  std::copy_n(hash.begin(), mark.size(), mark.begin());
  return mark;
}

bool says_which(const core::Stanza& message) {
  return !message.id.empty() || message.seal.form != core::Seal::Form::none;
}

std::string content_digest(std::string_view children) {
  const auto hash = crypto::sha256(children);
  return {reinterpret_cast<const char*>(hash.data()), 16};
}

// What is rebuilt, as all that is sealed, need not be written once more to be read.
std::string content_digest(const core::Stanza& message) {
  if (message.rewritten) return content_digest(message.children);
  std::string children;
  message.append_children(children);
  return content_digest(children);
}

void Queue::came_back(std::uint64_t id, const Mark& mark) {
  --under_way_;
  if (id != 0) learn(id, mark);
}

void Queue::remove(const std::vector<std::uint64_t>& ids) {
  std::erase_if(rows_, [&](const Row& row) { return std::ranges::find(ids, row.id) != ids.end(); });
  removed_.insert(removed_.end(), ids.begin(), ids.end());
  if (removed_.size() > most_removed) {
    removed_.erase(removed_.begin(), removed_.end() - static_cast<std::ptrdiff_t>(most_removed));
  }
}

bool Queue::has_other_than(const std::vector<std::uint64_t>& ids) const noexcept {
  return under_way_ > 0 ||
         std::ranges::any_of(rows_, [&](const Row& row) { return !std::ranges::binary_search(ids, row.id); });
}

bool Queue::holds(std::uint64_t id) const noexcept { return std::ranges::find(rows_, id, &Row::id) != rows_.end(); }

bool Queue::has_had(std::uint64_t id) const noexcept {
  return holds(id) || std::ranges::find(removed_, id) != removed_.end();
}

bool Queue::is_stored(const Mark& mark) const noexcept {
  return std::ranges::any_of(rows_, [&](const Row& row) { return row.mark == mark; });
}

}  // namespace valise::modules::offline
