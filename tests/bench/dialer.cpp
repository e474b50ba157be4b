#include "dialer.hpp"

#include <algorithm>
#include <deque>
#include <utility>

namespace valise::bench {

void Town::failure(const std::string& why) {
  if (++failed <= 5) failures.push_back(why);
}

std::unique_ptr<Client> Town::client(Account account, std::string resource) {
  return std::make_unique<Client>(network, settings, salted, std::move(account), std::move(resource));
}

bool dial(Town& town, const std::vector<Client*>& clients, Goal goal, std::size_t concurrency, Nanos timeout,
          std::size_t* retries) {
  constexpr Nanos retry_after = second_ns / 2;
  std::size_t next = 0, under_way = 0, ready = 0;
  bool broken = false;
  std::deque<std::pair<Nanos, Client*>> again;
  const auto fails = [&](Client&, const std::string& why) {
    broken = true;
    town.failure(why);
  };
  for (auto* client : clients) {
    client->on_ready = [&](Client& arrived) {
      --under_way, ++ready;
      arrived.on_failed = fails;
    };
    client->on_failed = [&](Client& failed, const std::string& why) {
      if (retries == nullptr) return fails(failed, why);
      ++*retries;
      again.emplace_back(now_ns() + retry_after, &failed);
    };
  }
  // Connecting happens in tick(), never inside a handler: a handler may run while its client is being closed.
  const auto tick = [&](Nanos now) {
    while (next < clients.size() && under_way < concurrency && !broken) {
      ++under_way;
      clients[next++]->connect(goal);
    }
    for (; !again.empty() && again.front().first <= now; again.pop_front()) again.front().second->connect(goal);
    return again.empty() ? now + second_ns : again.front().first;
  };
  const bool done = town.loop.run(now_ns() + timeout, [&] { return broken || ready == clients.size(); }, tick);
  if (!done) town.failure(std::to_string(clients.size() - ready) + " clients were not ready in time");
  for (auto* client : clients) {
    client->on_ready = {};
    client->on_failed = [&town](Client&, const std::string& why) { town.failure(why); };
  }
  return done && !broken;
}

bool register_accounts(Town& town, const std::vector<Account>& accounts, std::size_t concurrency) {
  struct Desk {
    std::unique_ptr<Client> client;
    std::size_t account = 0;
    bool reconnect = true, waiting = false, retried = false;
  };
  std::vector<Desk> desks(std::min(concurrency, accounts.size()));
  std::size_t next = 0, made = 0;
  bool broken = false;
  const auto take = [&](Desk& desk) {
    desk.waiting = next < accounts.size();
    desk.retried = false;
    if (desk.waiting) desk.account = next++;
    return desk.waiting;
  };
  for (auto& desk : desks) {
    desk.client = town.client({"register", ""});
    take(desk);
    desk.client->on_ready = [&](Client& client) { client.register_account(accounts[desk.account]); };
    desk.client->on_answer = [&](Client& client, std::string_view element) {
      const bool conflict = element.find("<conflict") != std::string_view::npos;
      if (attribute(element, "type") == "result" || conflict) {
        ++made;
        if (take(desk)) client.register_account(accounts[desk.account]);
      } else if (!desk.retried) {  // a server may allow one registration a stream
        desk.retried = desk.reconnect = true;
      } else {
        broken = true;
        town.failure("registration refused: " + std::string(element.substr(0, 300)));
      }
    };
    desk.client->on_failed = [&](Client&, const std::string& why) {
      if (desk.waiting && desk.retried) {
        broken = true;
        town.failure("registration: " + why);
      }
      desk.retried = true;
      desk.reconnect = desk.waiting;
    };
  }
  const auto tick = [&](Nanos now) {
    for (auto& desk : desks) {
      if (std::exchange(desk.reconnect, false)) desk.client->connect(Goal::registers);
    }
    return now + second_ns;
  };
  const Nanos timeout = 60 * second_ns + static_cast<Nanos>(accounts.size()) * second_ns / 5;
  const bool done = town.loop.run(now_ns() + timeout, [&] { return broken || made == accounts.size(); }, tick);
  if (!done) town.failure("registration took too long");
  for (auto& desk : desks) desk.client->close(true);
  return done && !broken;
}

void hang_up(Town& town, const std::vector<Client*>& clients, bool polite) {
  for (auto* client : clients) client->close(polite);
  // Nothing tells a client when the server has finished its unavailable presences: a second of quiet is not part of
  // any measurement.
  town.loop.run(now_ns() + second_ns, [] { return false; });
}

}  // namespace valise::bench
