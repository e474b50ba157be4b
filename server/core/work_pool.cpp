#include "core/work_pool.hpp"

#include <utility>

namespace valise::core {
namespace {
constexpr std::size_t known = 0, others = 1;
}  // namespace

FairQueue::FairQueue(Bounds of_known, Bounds of_others) {
  lanes_[known].bounds = of_known;
  lanes_[others].bounds = of_others;
}

bool FairQueue::put(Job& job, const Share& share) {
  auto& lane = lanes_[share.known ? known : others];
  if (lane.waiting.size() >= lane.bounds.lane) return false;
  std::string network(share.network ? share.network->bytes() : std::string_view());
  auto& count = lane.of_network[network];
  if (count >= lane.bounds.network) return false;
  ++count;
  lane.waiting.push_back({std::move(network), std::move(job)});
  return true;
}

bool FairQueue::empty() const { return lanes_[known].waiting.empty() && lanes_[others].waiting.empty(); }

FairQueue::Job FairQueue::take() {
  if (lanes_[next_].waiting.empty()) next_ = 1 - next_;
  auto& lane = lanes_[next_];
  next_ = 1 - next_;
  auto first = std::move(lane.waiting.front());
  lane.waiting.pop_front();
  const auto count = lane.of_network.find(first.network);
  if (--count->second == 0) lane.of_network.erase(count);
  return std::move(first.job);
}

}  // namespace valise::core
