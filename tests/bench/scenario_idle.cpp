// idle: what a session that says nothing costs in memory, at one or several counts of sessions. detached: what it costs
// when its connection is gone.
#include <fmt/format.h>

#include <algorithm>

#include "scenarios.hpp"

namespace valise::bench {

bool run_idle(Stage& stage) {
  auto steps = stage.options.steps;
  std::ranges::sort(steps);
  const auto before = stage.meter.memory();
  if (!before) {
    stage.town.failure(before.error().text);
    return false;
  }
  stage.report.set("pss_empty_mib", before->pss / 1024);
  stage.report.set("rss_empty_mib", before->rss / 1024);

  std::vector<std::unique_ptr<Client>> clients;
  for (const std::size_t sessions : steps) {
    std::vector<Client*> added;
    while (clients.size() < sessions) {
      clients.push_back(stage.town.client(stage.options.account(clients.size() + 1)));
      clients.back()->pair = clients.size();
      added.push_back(clients.back().get());
    }
    if (!dial(stage.town, added, Goal::available, stage.options.concurrency, 1800 * second_ns)) return false;
    const auto begin = stage.meter.sample();
    const auto wait = sessions == steps.back() ? stage.options.quiet : stage.options.step_quiet;
    stage.town.loop.run(now_ns() + wait * second_ns, [] { return false; });
    const auto quiet = between(begin, stage.meter.sample());
    const auto memory = stage.meter.memory();
    if (!memory) {
      stage.town.failure(memory.error().text);
      return false;
    }
    const auto count = static_cast<double>(sessions);
    const auto key = [&](const char* name) { return fmt::format("{}_{}", name, sessions); };
    stage.report.set(key("kib_per_session"), (memory->pss - before->pss) / count);
    stage.report.set(key("rss_mib"), memory->rss / 1024);
    stage.report.set(key("idle_server_cores"), quiet.seconds > 0 ? quiet.server / quiet.seconds : 0);
    if (sessions == steps.back()) {
      stage.report.set("sessions", count);
      stage.report.set("kib_per_session", (memory->pss - before->pss) / count);
    }
  }
  const bool steady = stage.town.failed == 0;  // nobody was thrown out while idle
  hang_up(stage.town, pointers(clients));
  return steady;
}

// They come and go in waves, so that what a connection took serves the next one: sessions without a connection pile up
// over hours.
bool run_detached(Stage& stage) {
  const auto before = stage.meter.memory();
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 1; i <= stage.options.count; ++i) {
    clients.push_back(stage.town.client(stage.options.account(i)));
    clients.back()->pair = i;
  }
  const auto all = pointers(clients);
  constexpr std::size_t wave = 50;
  for (std::size_t i = 0; i < all.size(); i += wave) {
    const std::vector<Client*> some(all.begin() + static_cast<std::ptrdiff_t>(i),
                                    all.begin() + static_cast<std::ptrdiff_t>(std::min(i + wave, all.size())));
    if (!dial(stage.town, some, Goal::available, stage.options.concurrency, 600 * second_ns)) return false;
    for (auto* client : some) client->close(false);
    stage.town.loop.run(now_ns() + second_ns / 5, [] { return false; });
  }
  stage.town.loop.run(now_ns() + stage.options.quiet * second_ns, [] { return false; });
  const auto memory = stage.meter.memory();
  if (!before || !memory) {
    stage.town.failure((before ? memory : before).error().text);
    return false;
  }
  stage.report.set("detached", static_cast<double>(all.size()));
  stage.report.set("kib_per_detached_session", (memory->pss - before->pss) / static_cast<double>(all.size()));
  return stage.town.failed == 0;
}

}  // namespace valise::bench
