// login: CPU of one full log-in. reconnect: everybody drops at once and returns, as after a network fault.
#include <algorithm>

#include "scenarios.hpp"

namespace valise::bench {

std::vector<Client*> pointers(const std::vector<std::unique_ptr<Client>>& clients) {
  std::vector<Client*> out;
  for (const auto& client : clients) out.push_back(client.get());
  return out;
}

namespace {

double mean_round_trips(const std::vector<Client*>& clients) {
  double all = 0;
  for (const auto* client : clients) all += client->round_trips();
  return clients.empty() ? 0 : all / static_cast<double>(clients.size());
}

std::vector<std::unique_ptr<Client>> make_clients(Stage& stage) {
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 1; i <= stage.options.count; ++i) {
    clients.push_back(stage.town.client(stage.options.account(i)));
    clients.back()->pair = i;
  }
  return clients;
}

// A server that does not know the log-in that is asked for: no fault, only nothing to measure.
bool not_offered(Stage& stage, const std::vector<Client*>& clients) {
  if (std::ranges::all_of(clients, &Client::logs_in_as_asked)) return false;
  stage.report.set("not_offered", stage.options.client.login + " log-in");
  hang_up(stage.town, clients);
  return true;
}

constexpr Nanos login_timeout = 600 * second_ns;

}  // namespace

bool run_login(Stage& stage) {
  const auto clients = make_clients(stage);
  const auto all = pointers(clients);
  const auto goal = stage.options.presence ? Goal::available : Goal::bound;
  // The first round fills the cache of SaltedPasswords and whatever the server caches.
  if (!dial(stage.town, all, goal, stage.options.concurrency, login_timeout)) return false;
  if (not_offered(stage, all)) return true;
  hang_up(stage.town, all);
  stage.report.set("pbkdf2_in_warm_up", static_cast<double>(stage.town.salted.computed()));

  const auto begin = stage.meter.sample();
  if (!dial(stage.town, all, goal, stage.options.concurrency, login_timeout)) return false;
  const auto end = stage.meter.sample();
  stage.report.set("round_trips", mean_round_trips(all));
  stage.report.set_cost(between(begin, end), static_cast<double>(all.size()), "server_cpu_ms_per_login", 1e3);
  hang_up(stage.town, all);
  return stage.town.failed == 0;
}

bool run_reconnect(Stage& stage) {
  const auto clients = make_clients(stage);
  const auto all = pointers(clients);
  if (!dial(stage.town, all, Goal::available, stage.options.concurrency, login_timeout)) return false;
  if (not_offered(stage, all)) return true;
  stage.town.loop.run(now_ns() + 2 * second_ns, [] { return false; });

  const auto begin = stage.meter.sample();
  for (auto* client : all) client->close(false);
  std::size_t retries = 0;
  if (!dial(stage.town, all, Goal::available, all.size(), login_timeout, &retries)) return false;
  const auto end = stage.meter.sample();
  stage.report.set("retries", static_cast<double>(retries));
  std::size_t resumed = 0, sessions = 0;
  for (const auto* client : all) {
    resumed += client->resumed_tls() ? 1 : 0;
    sessions += client->resumed_session() ? 1 : 0;
  }
  stage.report.set("round_trips", mean_round_trips(all));
  stage.report.set("sessions_resumed", static_cast<double>(sessions));
  stage.report.set("tls_resumed", static_cast<double>(resumed));
  stage.report.set_cost(between(begin, end), static_cast<double>(all.size()), "server_cpu_ms_per_return", 1e3);
  hang_up(stage.town, all);
  return stage.town.failed == 0;
}

}  // namespace valise::bench
