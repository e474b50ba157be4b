#pragma once

#include <string_view>
#include <vector>

#include "dialer.hpp"
#include "options.hpp"
#include "process_meter.hpp"
#include "report.hpp"

namespace valise::bench {

struct Stage {
  const Options& options;
  Town& town;
  ProcessMeter& meter;
  Report& report;
};

// Each returns false when a client failed or a message was lost, doubled or refused; town.failures has the texts.
using Scenario = bool (*)(Stage&);

bool run_seed(Stage& stage);
bool run_login(Stage& stage);
bool run_reconnect(Stage& stage);
bool run_idle(Stage& stage);
bool run_detached(Stage& stage);
bool run_chat(Stage& stage);
bool run_carbons(Stage& stage);
bool run_offline(Stage& stage);
bool run_presence(Stage& stage);
bool run_rosters(Stage& stage);

[[nodiscard]] std::vector<Client*> pointers(const std::vector<std::unique_ptr<Client>>& clients);

}  // namespace valise::bench
