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

// They come and go in waves, so that what a connection took serves the next one, as sessions without a connection pile
// up over hours; each has acknowledged what it was sent. What the server takes once is there after the first half.
bool run_detached(Stage& stage) {
  constexpr std::size_t wave = 100;
  constexpr Nanos settled = 2 * second_ns;  // <r/> goes after a second
  std::vector<std::unique_ptr<Client>> clients;
  const auto come_and_go_up_to = [&](std::size_t count) {
    while (clients.size() < count) {
      std::vector<Client*> some;
      while (some.size() < wave && clients.size() < count) {
        clients.push_back(stage.town.client(stage.options.account(clients.size() + 1)));
        clients.back()->pair = clients.size();
        some.push_back(clients.back().get());
      }
      if (!dial(stage.town, some, Goal::available, stage.options.concurrency, 600 * second_ns)) return false;
      stage.town.loop.run(now_ns() + settled, [] { return false; });
      for (auto* client : some) client->close(false);
      stage.town.loop.run(now_ns() + second_ns / 5, [] { return false; });
    }
    stage.town.loop.run(now_ns() + stage.options.quiet * second_ns, [] { return false; });
    return true;
  };
  const auto half = stage.options.count / 2, count = stage.options.count;
  if (!come_and_go_up_to(half)) return false;
  const auto before = stage.meter.memory();
  if (!come_and_go_up_to(count)) return false;
  const auto after = stage.meter.memory();
  if (!before || !after) {
    stage.town.failure((before ? after : before).error().text);
    return false;
  }
  stage.report.set("detached", static_cast<double>(count));
  stage.report.set("kib_per_detached_session", (after->pss - before->pss) / static_cast<double>(count - half));
  return stage.town.failed == 0;
}

}  // namespace valise::bench
