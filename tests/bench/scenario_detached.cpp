// detached: what a session costs in memory whose connection is gone and that can be resumed (XEP-0198 §5).
#include <algorithm>

#include "scenarios.hpp"

namespace valise::bench {

namespace {
constexpr std::size_t tried = 20;  // sessions that must be there to be resumed at the end
// So many are connected at once: what their connections took is used by the next ones, and is none of what stays.
constexpr std::size_t wave = 100;
}  // namespace

// Needs ClientSettings::manage; stage.options.count sessions.
bool run_detached(Stage& stage) {
  const auto& options = stage.options;
  stage.town.settings.manage = true;
  const auto before = stage.meter.memory();
  if (!before) {
    stage.town.failure(before.error().text);
    return false;
  }
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 1; i <= options.count; ++i) clients.push_back(stage.town.client(options.account(i)));
  const auto all = pointers(clients);
  for (auto begin = all.begin(); begin != all.end();) {
    const auto end = begin + std::min<std::ptrdiff_t>(wave, all.end() - begin);
    const std::vector<Client*> some(begin, end);
    if (!dial(stage.town, some, Goal::available, options.concurrency, 1800 * second_ns)) return false;
    if (!std::ranges::all_of(some, &Client::managed)) {
      stage.report.set("not_offered", std::string("XEP-0198"));
      hang_up(stage.town, some);
      return true;
    }
    // A client that was quiet for a second has acknowledged what it got: what waits for that is not the session's
    // price.
    for (auto* client : some) client->acknowledge();
    const auto settled = [&] {
      return std::ranges::all_of(some, [](auto* one) { return one->unacknowledged() == 0; });
    };
    if (!stage.town.loop.run(now_ns() + 60 * second_ns, settled)) {
      stage.town.failure("stanzas were not acknowledged");
      return false;
    }
    for (auto* client : some) client->close(false);
    begin = end;
  }
  stage.town.loop.run(now_ns() + options.quiet * second_ns, [] { return false; });
  const auto memory = stage.meter.memory();
  if (!memory) {
    stage.town.failure(memory.error().text);
    return false;
  }
  stage.report.set("sessions", static_cast<double>(all.size()));
  stage.report.set("kib_per_detached", (memory->pss - before->pss) / static_cast<double>(all.size()));

  // A server that has thrown them away would look best.
  const std::vector<Client*> some(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(tried, all.size())));
  if (!dial(stage.town, some, Goal::available, options.concurrency, 60 * second_ns)) return false;
  const auto resumed = std::ranges::count_if(some, &Client::resumed_session);
  stage.report.set("sessions_resumed", static_cast<double>(resumed));
  if (resumed != std::ssize(some)) stage.town.failure("detached sessions were not there to be resumed");
  hang_up(stage.town, some);
  return stage.town.failed == 0;
}

}  // namespace valise::bench
