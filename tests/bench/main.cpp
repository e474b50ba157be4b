// valise-bench: drives any XMPP server by address, measures it by its process ids. See README.md beside this file.
#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>

#include "scenarios.hpp"

namespace {

using namespace valise;
using namespace valise::bench;

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

struct Entry {
  std::string_view name;
  Scenario run;
};
constexpr std::array<Entry, 10> scenarios{{{"seed", run_seed},
                                           {"login", run_login},
                                           {"reconnect", run_reconnect},
                                           {"idle", run_idle},
                                           {"detached", run_detached},
                                           {"chat", run_chat},
                                           {"carbons", run_carbons},
                                           {"offline", run_offline},
                                           {"presence", run_presence},
                                           {"rosters", run_rosters}}};

int run(const Options& options) {
  const auto entry = std::ranges::find(scenarios, options.scenario, &Entry::name);
  if (entry == scenarios.end()) {
    fmt::print(stderr, "unknown scenario {}\n\n{}", options.scenario, usage());
    return 2;
  }
  Town town(options.host, options.port, options.resume);
  town.settings = options.client;
  if (!options.salted_cache.empty()) town.salted.load(options.salted_cache);
  ProcessMeter meter(options.pids, options.allocations);
  Report report;
  report.set("scenario", options.scenario);

  Stage stage{options, town, meter, report};
  bool good = true;
  if (options.register_first || options.scenario == "seed") {
    std::vector<Account> accounts;
    for (std::size_t i = 1; i <= options.accounts; ++i) accounts.push_back(options.account(i));
    good = register_accounts(town, accounts, options.concurrency);
    report.set("accounts", static_cast<double>(accounts.size()));
  }
  good = good && entry->run(stage);
  if (!options.salted_cache.empty()) town.salted.save(options.salted_cache);

  report.set("result", std::string(good ? "ok" : "failed"));
  for (const auto& text : town.failures) report.set("failure", text);
  fmt::print("{}\n", options.json ? report.json() : report.text());
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to the socket without MSG_NOSIGNAL
  raise_descriptor_limit();
  const auto options = parse_options(argc, argv);
  if (!options) {
    fmt::print(stderr, "{}\n\n{}", options.error().text, usage());
    return 2;
  }
  try {
    return run(*options);
  } catch (const std::exception& error) {  // no epoll, a bad address: start-up only
    fmt::print(stderr, "valise-bench: {}\n", error.what());
    return 1;
  }
}
