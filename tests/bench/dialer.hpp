// Brings many clients to their goal with a bounded number under way, and registers accounts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client.hpp"

namespace valise::bench {

// Everything a scenario stands on.
struct Town {
  Town(const std::string& host, int port, bool resume) : network(loop, host, port, resume) {}

  EventLoop loop;
  Network network;
  ClientSettings settings;
  SaltedPasswords salted;
  std::vector<std::string> failures;  // the first few, as texts
  std::uint64_t failed = 0;

  void failure(const std::string& why);
  [[nodiscard]] std::unique_ptr<Client> client(Account account, std::string resource = "bench");
};

// Connects all; at most `concurrency` at once. False when one failed or `timeout` passed: failures say why.
// With `retries` one that fails tries again half a second later, as clients do, and is counted there.
[[nodiscard]] bool dial(Town& town, const std::vector<Client*>& clients, Goal goal, std::size_t concurrency,
                        Nanos timeout, std::size_t* retries = nullptr);

// XEP-0077 over `concurrency` streams. An account that exists already is left as it is and counted as made.
[[nodiscard]] bool register_accounts(Town& town, const std::vector<Account>& accounts, std::size_t concurrency);

// Closes politely and waits until the server has seen it, so that its work does not fall into the next measurement.
void hang_up(Town& town, const std::vector<Client*>& clients, bool polite = true);

}  // namespace valise::bench
