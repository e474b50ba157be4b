// offline: messages to accounts that are away; then these log in, and every message must come, once and in order.
#include <algorithm>

#include "device_lists.hpp"
#include "message_flow.hpp"
#include "scenarios.hpp"

namespace valise::bench {

namespace {

// Each sender writes all its messages, ten at a time with a fence behind them: an answered fence says that the server
// has taken the ten. False when that takes longer than `timeout`.
bool write_all(Town& town, MessageFlows& flows, const std::vector<Client*>& senders, std::size_t messages,
               Nanos timeout) {
  constexpr std::size_t batch = 10;
  std::size_t finished = 0;
  std::vector<std::size_t> written(senders.size(), 0);
  const auto write = [&](std::size_t flow) {
    for (std::size_t i = 0; i < batch && written[flow] < messages; ++i, ++written[flow]) flows.send(flow, now_ns());
    senders[flow]->fence();
  };
  for (std::size_t flow = 0; flow < senders.size(); ++flow) {
    senders[flow]->on_answer = [&, flow](Client&, std::string_view) {
      if (written[flow] < messages)
        write(flow);
      else
        ++finished;
    };
    write(flow);
  }
  const bool done = town.loop.run(now_ns() + timeout, [&] { return finished == senders.size() || town.failed > 0; });
  if (!done) town.failure("the server did not take all messages in time");
  for (auto* client : senders) client->on_answer = {};
  return done && town.failed == 0;
}

}  // namespace

bool run_offline(Stage& stage) {
  const auto& options = stage.options;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < options.pairs * 2; ++i)
    clients.push_back(stage.town.client(options.account(i + 1), "phone"));
  std::vector<Client*> senders, away;
  for (std::size_t i = 0; i < clients.size(); ++i) (i % 2 == 0 ? senders : away).push_back(clients[i].get());

  // Once there, then away: a message to an account that never logged in is another case, and its device is unknown.
  const auto all = pointers(clients);
  if (!dial(stage.town, all, Goal::available, options.concurrency, 600 * second_ns)) return false;
  if (options.publish_devices && !publish_devices(stage.town, all)) return false;
  hang_up(stage.town, away);

  MessageFlows flows(stage.town, options.messages);
  for (std::size_t i = 0; i < senders.size(); ++i) flows.add(*senders[i], {away[i]});
  const auto begin = stage.meter.sample();
  if (!write_all(stage.town, flows, senders, options.messages, 600 * second_ns)) return false;
  const auto stored = stage.meter.sample();
  if (!dial(stage.town, away, Goal::available, options.concurrency, 600 * second_ns)) return false;
  flows.drain();
  const auto end = stage.meter.sample();

  const auto messages = static_cast<double>(flows.sent());
  const auto fetch = between(stored, end);
  stage.report.set_cost(between(begin, stored), messages, "server_cpu_us_per_stored_message", 1e6);
  stage.report.set("fetch_seconds", fetch.seconds);
  stage.report.set("fetch_per_second", fetch.seconds > 0 ? messages / fetch.seconds : 0);
  stage.report.set("fetch_cpu_us_per_message", fetch.server * 1e6 / messages);  // with the log-ins
  flows.report(stage.report);
  hang_up(stage.town, all);
  return flows.missing() == 0 && flows.faults() == 0 && stage.town.failed == 0;
}

}  // namespace valise::bench
