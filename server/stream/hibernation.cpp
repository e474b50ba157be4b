#include "stream/hibernation.hpp"

#include <algorithm>

#include "base/crypto.hpp"

namespace valise::stream {
namespace {
constexpr std::size_t most_ended = 10'000;  // remembered, the newest
}  // namespace

void Hibernation::add(std::unique_ptr<LiveSession> session) {
  auto& added = *session;
  const auto place = ++places_;
  sleeping_.emplace(place, std::move(session));
  added.begin_to_wait(place);
  shard_.kernel().stats.detached.fetch_add(1, std::memory_order_relaxed);
  const auto& settings = shard_.settings();
  const auto& account = added.session().account;
  const auto count = std::ranges::count_if(account.sessions, [](const auto* one) { return !one->stream.connected(); });
  if (count > static_cast<std::ptrdiff_t>(settings.max_detached_of_account)) oldest_of(account)->end({}, {});
  if (sleeping_.size() > std::max<std::size_t>(1, settings.max_detached / shard_.kernel().shards.size())) end_oldest(1);
}

std::unique_ptr<LiveSession> Hibernation::take(LiveSession& session) {
  auto node = sleeping_.extract(session.place());
  shard_.kernel().stats.detached.fetch_sub(1, std::memory_order_relaxed);
  return std::move(node.mapped());
}

LiveSession* Hibernation::find(const core::Account& account, std::string_view id) {
  LiveSession* found = nullptr;
  for (auto* session : account.sessions) {
    auto& live = LiveSession::of(*session);
    if (live.resumable() && crypto::equal(live.resumption_id(), id)) found = &live;
  }
  return found;
}

LiveSession* Hibernation::oldest_of(const core::Account& account) {
  LiveSession* oldest = nullptr;
  for (auto* session : account.sessions) {
    auto& live = LiveSession::of(*session);
    if (!live.connected() && (oldest == nullptr || live.place() < oldest->place())) oldest = &live;
  }
  return oldest;
}

void Hibernation::end_oldest(std::size_t count) {
  // Ending one may end others: each is looked up anew.
  for (; count > 0 && !sleeping_.empty(); --count) sleeping_.begin()->second->end({}, {});
}

void Hibernation::remember(std::string id, std::string account, std::uint32_t h) {
  ended_order_.push_back(id);
  ended_.insert_or_assign(std::move(id), Ended{std::move(account), h});
  if (ended_order_.size() <= most_ended) return;
  ended_.erase(ended_order_.front());
  ended_order_.pop_front();
}

std::optional<std::uint32_t> Hibernation::recall(std::string_view id, std::string_view account) const {
  const auto found = ended_.find(id);
  if (found == ended_.end() || found->second.account != account) return std::nullopt;
  return found->second.h;
}

}  // namespace valise::stream
