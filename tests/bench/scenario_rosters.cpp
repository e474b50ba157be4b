// rosters: log-in, roster and presence of accounts with few and with many contacts. What a contact costs must not
// depend on how many there are.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "friends.hpp"
#include "scenarios.hpp"

namespace valise::bench {

namespace {

constexpr std::size_t accounts_a_size = 1;  // making their rosters takes some servers long
constexpr std::size_t most_a_turn = 8;
constexpr Nanos quiet = second_ns / 20;
constexpr Nanos login_timeout = 600 * second_ns;

// The accounts that own rosters of one size.
struct Size {
  std::size_t contacts;
  std::vector<std::unique_ptr<Client>> owners;
  Nanos cpu = 0;
  std::size_t logins = 0;
  [[nodiscard]] double cpu_us() const { return static_cast<double>(cpu) / 1e3 / static_cast<double>(logins); }
};

// The last accounts, so that rosters of other scenarios' accounts stay as they are.
std::vector<Size> make_sizes(Stage& stage, std::vector<std::size_t> counts) {
  const auto largest = counts.back();
  auto number = stage.options.accounts - largest - accounts_a_size * counts.size();
  std::vector<Size> sizes;
  for (const auto count : counts) {
    Size& size = sizes.emplace_back();
    size.contacts = count;
    while (size.owners.size() < accounts_a_size) {
      size.owners.push_back(stage.town.client(stage.options.account(++number)));
    }
  }
  return sizes;
}

bool make_rosters(Stage& stage, const std::vector<Size>& sizes) {
  const auto largest = sizes.back().contacts;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < largest; ++i) {
    clients.push_back(stage.town.client(stage.options.account(stage.options.accounts - largest + 1 + i)));
  }
  const auto contacts = pointers(clients);
  std::vector<Client*> all = contacts;
  for (const auto& size : sizes) std::ranges::copy(pointers(size.owners), std::back_inserter(all));
  // Not available: nobody is to be told anything meanwhile.
  if (!dial(stage.town, all, Goal::bound, stage.options.concurrency, login_timeout)) return false;
  for (const auto& size : sizes) {
    const auto first = contacts.begin();
    const std::vector<Client*> some(first, first + static_cast<std::ptrdiff_t>(size.contacts));
    if (!befriend(stage.town, pointers(size.owners), some)) return false;
  }
  hang_up(stage.town, all);
  return stage.town.failed == 0;
}

// One log-in of each account of a size, measured until the server has answered all of it; then they leave.
bool log_in(Stage& stage, Size& size, bool counts) {
  const auto owners = pointers(size.owners);
  const auto begin = stage.meter.sample();
  if (!dial(stage.town, owners, Goal::available, owners.size(), login_timeout)) return false;
  const auto end = stage.meter.sample();
  for (const auto* owner : owners) {
    if (owner->roster_items() == size.contacts) continue;
    stage.town.failure(fmt::format("a roster of {} came with {} contacts", size.contacts, owner->roster_items()));
  }
  if (counts) {
    size.cpu += end.server - begin.server;
    size.logins += owners.size();
  }
  for (auto* owner : owners) owner->close(true);
  stage.town.loop.run(now_ns() + quiet, [] { return false; });  // the server's work on their leaving is not measured
  return stage.town.failed == 0;
}

}  // namespace

bool run_rosters(Stage& stage) {
  auto counts = stage.options.rosters;
  std::ranges::sort(counts);
  if (counts.empty() || counts.front() < 1 ||
      stage.options.accounts < counts.back() + accounts_a_size * counts.size()) {
    stage.town.failure("too few accounts for such rosters");
    return false;
  }
  auto sizes = make_sizes(stage, counts);
  if (!make_rosters(stage, sizes)) return false;
  // By turns, so that a drift of the machine meets all sizes. The first turn fills what a server caches. What few
  // contacts cost is lost in the noise of a log-in: smaller rosters log in more often.
  for (std::size_t turn = 0; turn <= stage.options.turns; ++turn) {
    for (auto& size : sizes) {
      const auto times = std::min<std::size_t>(most_a_turn, sizes.back().contacts / size.contacts);
      for (std::size_t time = 0; time < times; ++time) {
        if (!log_in(stage, size, turn > 0)) return false;
      }
    }
  }
  const auto& least = sizes.front();
  std::vector<double> slopes;  // µs a contact, between the least roster and each larger one
  for (const auto& size : sizes) {
    stage.report.set(fmt::format("server_cpu_ms_per_login_{}", size.contacts), size.cpu_us() / 1e3);
    if (size.contacts == least.contacts) continue;
    const auto more = static_cast<double>(size.contacts - least.contacts);
    slopes.push_back((size.cpu_us() - least.cpu_us()) / more);
    stage.report.set(fmt::format("server_cpu_us_per_contact_{}", size.contacts), slopes.back());
  }
  if (slopes.size() > 1 && slopes.front() > 0) stage.report.set("contact_growth", slopes.back() / slopes.front());
  return stage.town.failed == 0;
}

}  // namespace valise::bench
