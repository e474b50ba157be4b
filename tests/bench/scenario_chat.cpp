// chat: pairs of accounts, one writes to the other's bare JID. At a rate it shows latency, flat out it shows cost.
// carbons: each account has two sessions with XEP-0280 on, so that a message makes three copies.
#include <algorithm>

#include "device_lists.hpp"
#include "message_flow.hpp"
#include "scenarios.hpp"

namespace valise::bench {

namespace {

enum class Carbons : std::uint8_t { enabled, not_offered, failed };

// A server that has no XEP-0280 answers as to any unknown iq (RFC 6120 §8.4); that is no fault, only nothing to
// measure.
Carbons enable_carbons(Town& town, const std::vector<Client*>& clients) {
  std::size_t answered = 0, unknown = 0;
  for (auto* client : clients) {
    client->on_answer = [&](Client&, std::string_view element) {
      ++answered;
      if (attribute(element, "type") == "result") return;
      if (element.find("<service-unavailable") != std::string_view::npos)
        ++unknown;
      else
        town.failure("carbons refused: " + std::string(element.substr(0, 300)));
    };
    client->request("set", "<enable xmlns='urn:xmpp:carbons:2'/>");
  }
  const bool done = town.loop.run(now_ns() + 30 * second_ns, [&] { return answered == clients.size(); });
  if (!done) town.failure("carbons: no answer");
  for (auto* client : clients) client->on_answer = {};
  if (!done || town.failed > 0) return Carbons::failed;
  if (unknown == clients.size()) return Carbons::not_offered;
  if (unknown > 0) town.failure("carbons: only some sessions may have them");
  return unknown == 0 ? Carbons::enabled : Carbons::failed;
}

bool converse(Stage& stage, MessageFlows& flows) {
  const auto& options = stage.options;
  auto& loop = stage.town.loop;
  const auto broken = [&] { return stage.town.failed > 0; };
  const auto tick = [&](Nanos now) { return options.rate > 0 ? flows.pace(now, options.rate) : now + second_ns; };

  if (options.client.manage) flows.ask_for_acknowledgements();
  if (options.rate == 0) flows.start();
  loop.run(now_ns() + options.warm_up * second_ns, broken, tick);
  flows.latencies().reserve(1'000'000);
  const auto arrived = flows.arrived(), copies = flows.copies();
  const auto begin = stage.meter.sample();
  flows.measure_from(begin.wall);
  loop.run(now_ns() + options.seconds * second_ns, broken, tick);
  const auto end = stage.meter.sample();
  const auto messages = static_cast<double>(flows.arrived() - arrived);
  const auto copies_measured = static_cast<double>(flows.copies() - copies);
  flows.drain();

  stage.report.set_cost(between(begin, end), messages, "server_cpu_us_per_message", 1e6);
  if (end.allocations > 0 && messages > 0) {
    stage.report.set("allocations_per_message", static_cast<double>(end.allocations - begin.allocations) / messages);
  }
  stage.report.set("copies_per_message", messages > 0 ? copies_measured / messages : 0);
  stage.report.set_latency(flows.latencies());
  flows.report(stage.report);
  return flows.missing() == 0 && flows.unacknowledged() == 0 && flows.faults() == 0 && stage.town.failed == 0;
}

bool run_pairs(Stage& stage, bool carbons) {
  const auto& options = stage.options;
  const std::size_t sessions = carbons ? 2 : 1;
  std::vector<std::unique_ptr<Client>> clients;  // account by account, `sessions` each
  for (std::size_t i = 0; i < options.pairs * 2; ++i) {
    for (std::size_t session = 0; session < sessions; ++session) {
      clients.push_back(stage.town.client(options.account(i + 1), session == 0 ? "phone" : "laptop"));
      clients.back()->pair = i / 2;
    }
  }
  const auto all = pointers(clients);
  if (!dial(stage.town, all, Goal::available, options.concurrency, 600 * second_ns)) return false;
  if (options.client.manage && !std::ranges::all_of(all, &Client::managed)) {
    stage.report.set("not_offered", std::string("XEP-0198"));
    hang_up(stage.town, all);
    return true;
  }
  if (const auto enabled = carbons ? enable_carbons(stage.town, all) : Carbons::enabled; enabled != Carbons::enabled) {
    if (enabled == Carbons::not_offered) stage.report.set("not_offered", std::string("XEP-0280"));
    hang_up(stage.town, all);
    return enabled == Carbons::not_offered;
  }
  if (options.publish_devices) {
    std::vector<Client*> phones;
    for (std::size_t i = 0; i < all.size(); i += sessions) phones.push_back(all[i]);
    if (!publish_devices(stage.town, phones)) return false;
  }

  MessageFlows flows(stage.town, options.window);
  for (std::size_t pair = 0; pair < options.pairs; ++pair) {
    auto* const* from = &all[pair * 2 * sessions];
    auto* const* to = from + sessions;
    std::vector<Client*> receivers(to, to + sessions);
    if (carbons) receivers.push_back(from[1]);
    flows.add(*from[0], receivers);
  }
  const bool good = converse(stage, flows);
  hang_up(stage.town, all);
  return good;
}

}  // namespace

// The accounts stand already (main registers them); what remains are the devices of those that chat.
bool run_seed(Stage& stage) {
  if (!stage.options.publish_devices) return true;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < stage.options.pairs * 2; ++i)
    clients.push_back(stage.town.client(stage.options.account(i + 1)));
  const auto all = pointers(clients);
  const bool good = dial(stage.town, all, Goal::available, stage.options.concurrency, 600 * second_ns) &&
                    publish_devices(stage.town, all);
  hang_up(stage.town, all);
  return good;
}

bool run_chat(Stage& stage) { return run_pairs(stage, false); }
bool run_carbons(Stage& stage) { return run_pairs(stage, true); }

}  // namespace valise::bench
