#include "core/again.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/shard.hpp"

namespace valise::core {
namespace {
using State = AgainLine::State;
}  // namespace

Again::~Again() { shard_.loop().cancel(*this); }

bool Again::has_share() const { return turn_ != shard_.loop().turn(); }
void Again::takes_share() { turn_ = shard_.loop().turn(); }

void Again::begin(Account& account, std::unique_ptr<Flow> flow) {
  if (finished_ || (account.again == nullptr && has_share())) {
    takes_share();
    flow->recipient = &account;
    return finished_ ? shard_.arrive_now(std::move(*flow)) : shard_.arrive(std::move(*flow));
  }
  const bool is_first = account.again == nullptr;
  if (is_first) account.again = std::make_unique<AgainLine>();
  auto& flows = account.again->flows;
  waiting_bytes_ += weight(*flow);
  // Another session of the account may end meanwhile, and what it was given is older than what still waits.
  const auto place =
      std::ranges::upper_bound(flows, flow->number, {}, [](const auto& waiting) { return waiting->number; });
  flows.insert(place, std::move(flow));
  if (!is_first) return;
  ++account.arriving;
  if (!account.has_waiting()) return its_turn(account);
  account.in_order([this, &account] { its_turn(account); });
}

void Again::its_turn(Account& account) {
  if (account.again->flows.empty()) return close(account);
  account.hold_order();
  account.again->state = State::ready;
  ready_.push_back(&account);
  shard_.loop().wait_for_share(*this);
}

void Again::on_share() {
  if (!ready_.empty() && has_share()) {
    auto& account = *ready_.front();
    ready_.pop_front();
    account.again->state = State::begins;
    begin_first(account);
    go_on(account);
  }
  if (!ready_.empty()) shard_.loop().wait_for_share(*this);
}

void Again::begin_first(Account& account) {
  auto& flows = account.again->flows;
  const auto flow = std::move(flows.front());
  flows.pop_front();
  waiting_bytes_ -= weight(*flow);
  takes_share();
  flow->recipient = &account;
  shard_.arrive_now(std::move(*flow));
}

// One has begun. That may have ended the line, too (begin_all).
void Again::go_on(Account& account) {
  auto* line = account.again.get();
  if (line == nullptr || line->state != State::begins) return;
  if (line->flows.empty()) return close(account);
  line->state = State::ready;
  ready_.push_front(&account);
  shard_.loop().wait_for_share(*this);
}

void Again::close(Account& account) {
  const bool is_held = account.again->state != State::behind;
  account.again.reset();
  --account.arriving;
  if (is_held) account.release_order();
}

void Again::in_order(Account& account, std::move_only_function<void()> deliver, std::size_t bytes) {
  auto* line = account.again.get();
  if (line == nullptr || line->state == State::behind) return account.in_order(std::move(deliver), bytes);
  if (!account.has_commits()) return deliver();
  if (line->state != State::begins) return account.in_order(std::move(deliver), bytes);  // begin_all
  line->state = State::commits;
  account.first_in_order(
      [this, &account, deliver = std::move(deliver)]() mutable {
        account.again->state = State::begins;
        deliver();
        go_on(account);
      },
      bytes);
}

// In the other states whoever is in the middle of something closes the line.
void Again::begin_all(Account& account) {
  while (account.again != nullptr && !account.again->flows.empty()) begin_first(account);
  if (account.again == nullptr || account.again->state != State::ready) return;
  std::erase(ready_, &account);
  close(account);
}

void Again::finish() {
  finished_ = true;
  std::vector<Account*> all;
  for (const auto& [jid, account] : shard_.accounts()) {
    if (account->again != nullptr) all.push_back(account.get());
  }
  for (auto* account : all) begin_all(*account);
}

}  // namespace valise::core
