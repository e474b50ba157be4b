// presence: one account with many online contacts changes its presence; each change goes to every contact.
#include <fmt/format.h>

#include "friends.hpp"
#include "scenarios.hpp"

namespace valise::bench {

bool run_presence(Stage& stage) {
  const auto& options = stage.options;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i <= options.contacts; ++i) clients.push_back(stage.town.client(options.account(i + 1)));
  const auto all = pointers(clients);
  if (!dial(stage.town, all, Goal::available, options.concurrency, 600 * second_ns)) return false;
  Client& hub = *all.front();
  const std::vector<Client*> contacts(all.begin() + 1, all.end());
  if (!befriend(stage.town, {&hub}, contacts)) return false;

  std::uint64_t delivered = 0, rounds = 0, doubled = 0;
  std::size_t in_round = 0;
  Nanos round_start = 0;
  std::vector<Nanos> latencies;
  std::vector<std::uint64_t> seen(contacts.size(), 0);
  const auto change = [&] {
    ++rounds;
    in_round = 0;
    round_start = now_ns();
    hub.send(fmt::format("<presence>{}</presence>", rounds % 2 == 0 ? "<show>away</show>" : ""));
  };
  bool running = true;
  const auto from_hub = hub.bare_jid();
  for (std::size_t i = 0; i < contacts.size(); ++i) {
    contacts[i]->on_stanza = [&, i](Client&, std::string_view element) {
      if (element_name(element) != "presence" || !attribute(element, "from").starts_with(from_hub)) return;
      if (!attribute(element, "type").empty() || rounds == 0) return;
      doubled += seen[i] == rounds ? 1 : 0;
      if (std::exchange(seen[i], rounds) == rounds) return;
      ++delivered;
      latencies.push_back(now_ns() - round_start);
      if (++in_round == contacts.size() && running) change();
    };
  }
  // What the subscriptions have set off must be over before the first counted change.
  stage.town.loop.run(now_ns() + 2 * second_ns, [] { return false; });
  const auto broken = [&] { return stage.town.failed > 0; };
  change();
  stage.town.loop.run(now_ns() + options.warm_up * second_ns, broken);
  latencies.clear();
  const auto before = delivered;
  const auto begin = stage.meter.sample();
  stage.town.loop.run(now_ns() + options.seconds * second_ns, broken);
  const auto end = stage.meter.sample();
  const auto deliveries = static_cast<double>(delivered - before);
  running = false;
  stage.town.loop.run(now_ns() + 10 * second_ns, [&] { return in_round == contacts.size(); });

  stage.report.set_cost(between(begin, end), deliveries, "server_cpu_us_per_delivery", 1e6);
  stage.report.set("contacts", static_cast<double>(contacts.size()));
  stage.report.set_latency(latencies);
  stage.report.set("lost", static_cast<double>(contacts.size() - in_round));
  stage.report.set("doubled", static_cast<double>(doubled));
  hang_up(stage.town, all);
  return in_round == contacts.size() && doubled == 0 && stage.town.failed == 0;
}

}  // namespace valise::bench
