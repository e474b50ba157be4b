// What a decision costs on this machine: native rules, Lua functions, failures. With --json what `./dev bench policy`
// shows.
#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy_set.hpp"

namespace {

using namespace valise::policy;

double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

Facts message() {
  Facts facts;
  facts.from = {"alice@example.org", "example.org", "phone"};
  facts.to = {"bob@example.org", "example.org", ""};
  facts.type = "chat";
  facts.size = 900;
  facts.sealed = true;
  facts.keys = 3;
  facts.ip = *IpAddress::parse("192.0.2.7");
  facts.minute_of_week = 630;
  return facts;
}

// The median and the best of some runs in nanoseconds; nothing if it is not decided so.
struct Cost {
  double median = 0, best = 0;
};
std::optional<Cost> cost(const std::string& source, int rounds, Verdict expected) {
  auto set = PolicySet::load(source, "cost.lua");
  if (!set) {
    fmt::print(stderr, "{}\n", set.error().message());
    return std::nullopt;
  }
  auto facts = message();
  std::vector<double> runs;
  for (int run = 0; run < 7; ++run) {
    const auto begin = cpu_ns();
    for (int i = 0; i < rounds; ++i) {
      ++facts.now_ms;
      if ((*set)->decide(facts).verdict != expected) return std::nullopt;
    }
    runs.push_back((cpu_ns() - begin) / rounds);
  }
  std::ranges::sort(runs);
  return Cost{runs[3], runs[0]};
}

void measure(const std::string& what, const std::string& source, int rounds, Verdict expected) {
  if (const auto taken = cost(source, rounds, expected)) {
    fmt::print("{:<58} {:>10.0f} ns (best {:.0f})\n", what, taken->median, taken->best);
  } else {
    fmt::print("{:<58} failed\n", what);
  }
}

std::string hundred(const std::string& matcher) {
  return "local many = {} for i = 1, 1000 do many[i] = 'u' .. i .. '@example.org' end\nfor i = 1, 100 do rule{ name = "
         "'r' .. i, match = " +
         matcher + ", action = Deny('forbidden') } end";
}

std::string function(const std::string& body) {
  return "rule{ name = 'f', match = function(m) " + body + " end, action = Deny('forbidden') }";
}

// None of them matches, so that each looks at as much as it can: they are of its own people.
std::string of_a_ministry() {
  return "group{ name = 'g', domain = 'example.org' }\n" +
         hundred("Direction('out') * FromGroup('g') * -Hours('08:00-19:00') * -Holiday('fr')");
}

std::string accounts(int count) {
  return fmt::format(
      "local many = {{}} for i = 1, {} do many[i] = 'u' .. i .. '@example.org' end rule{{ name = 'r', match = "
      "From{{accounts = many}}, action = Drop() }}",
      count);
}

std::string patterns(int count) {
  return fmt::format(
      "local many = {{}} for i = 1, {0} do many[i] = 'bot' .. i .. '-*@example.org' many[{0} + i] = '*@d' .. i .. "
      "'.example' end rule{{ name = 'r', match = From(many), action = Drop() }}",
      count / 2);
}

void measure_all() {
  measure("stock policy", std::string(PolicySet::stock()), 200'000, Verdict::allow);
  measure("100 rules: Kind of another event", hundred("Kind('iq')"), 200'000, Verdict::allow);
  measure("100 rules: Kind * Size", hundred("Kind('message') * Size('>', 100000)"), 200'000, Verdict::allow);
  measure("100 rules: From{1,000 accounts} * Kind", hundred("From{accounts = many} * Kind('message')"), 100'000,
          Verdict::allow);
  measure("100 rules: From{domain} * -To * Kind",
          hundred("From{domain='guests.example'} * -To('help@example.org') * Kind('message')"), 100'000,
          Verdict::allow);
  measure("100 rules: To{'*-bot@*'} pattern", hundred("To('*-bot@*')"), 100'000, Verdict::allow);
  measure("100 rules: Network of 3", hundred("Network{'10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'}"), 100'000,
          Verdict::allow);
  measure("100 rules: From{10,000 accounts}, one set each",
          "local many = {} for i = 1, 10000 do many[i] = 'u' .. i .. '@example.org' end for i = 1, 100 do rule{ name = "
          "'r' .. "
          "i, match = From{accounts = many}, action = Drop() } end",
          20'000, Verdict::allow);
  measure("1 rule: From{10,000 accounts}", accounts(10'000), 200'000, Verdict::allow);
  measure("1 rule: 10,000 patterns", patterns(10'000), 200'000, Verdict::allow);
  measure("100 rules: a ministry's: direction, group, hours, holiday", of_a_ministry(), 100'000, Verdict::allow);
  measure("100 rules: Contact, Subscription, Child", hundred("-Contact() * Subscription('both') * Child('x', 'urn:x')"),
          100'000, Verdict::allow);
  measure("100 rules in a chain behind a Jump",
          "local all = { name = 'c' } for i = 1, 100 do all[i] = rule{ name = 'r' .. i, match = Size('>', 100000), "
          "action = "
          "Drop() } end chain(all) rule{ name = 'j', match = Kind('message'), action = Jump('c') }",
          100'000, Verdict::allow);
  measure("1 memory: Remembers and Remember",
          "local m = memory{ name = 'm' } rule{ name = 'a', match = Remembers(m, 'from') * Kind('iq'), action = Drop() "
          "} rule{ "
          "name = 'b', match = Always(), action = Remember(m, 'from') }",
          200'000, Verdict::allow);
  measure("1 function: memory add and get",
          "local m = memory{ name = 'm' } rule{ name = 'f', match = function(m2) return m:add(m2.from) < 0 or "
          "m:get('x') ~= nil "
          "end, action = Drop() }",
          200'000, Verdict::allow);
  measure("1 Rate", "rule{ name = 'r', match = Rate{ per = 'from', rate = 1e6, burst = 1e6 }, action = Drop() }",
          200'000, Verdict::allow);
  measure("1 function: return false", function("return false"), 200'000, Verdict::allow);
  measure("1 function: kind and size", function("return m.kind == 'message' and m.size > 100000"), 200'000,
          Verdict::allow);
  measure("1 function: match on an address", function("return m.from:match('^[^@]+@guests%.example$') ~= nil"), 100'000,
          Verdict::allow);
  measure("1 function: a global table",
          "t = {} rule{ name = 'f', match = function(m) return t[m.from] == true end, action = Drop() }", 200'000,
          Verdict::allow);
  measure("1 function that overruns: while true", function("while true do end"), 200, Verdict::deny);
  measure("1 function that overruns: s = s .. s", function("local s = m.from while true do s = s .. s end"), 200,
          Verdict::deny);
  measure("1 function that overruns: a pattern bomb",
          function("return ('a'):rep(30):find(('a?'):rep(30) .. ('a'):rep(31))"), 200, Verdict::deny);
}

// False: a decision was not what it should be.
bool print_json() {
  struct Figure {
    const char* name;
    std::string source;
  };
  const std::string many = "local many = {} for i = 1, 10000 do many[i] = 'u' .. i .. '@example.org' end ";
  const Figure hundreds[] = {
      {"a ministry's", of_a_ministry()},
      {"kind and size", hundred("Kind('message') * Size('>', 100000)")},
      {"accounts", hundred("From{accounts = many} * Kind('message')")},
      {"domain", hundred("From{domain='guests.example'} * -To('help@example.org') * Kind('message')")},
      {"pattern", hundred("To('*-bot@*')")},
      {"networks", hundred("Network{'10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'}")},
      {"contacts", hundred("-Contact() * Subscription('both') * Child('x', 'urn:x')")},
      {"large sets",
       many + "for i = 1, 100 do rule{ name = 'r' .. i, match = From{accounts = many}, action = Drop() } end"}};
  double usual = 0, dearest = 0;
  for (const auto& [name, source] : hundreds) {
    const auto taken = cost(source, 50'000, Verdict::allow);
    if (!taken) return false;
    if (usual == 0) usual = taken->best;
    dearest = std::max(dearest, taken->best);
  }
  const auto function_cost = cost(function("return m.kind == 'message' and m.size > 100000"), 200'000, Verdict::allow);
  const auto few = cost(accounts(10), 500'000, Verdict::allow);
  const auto set = cost(accounts(10'000), 500'000, Verdict::allow);
  const auto few_patterns = cost(patterns(10), 500'000, Verdict::allow);
  const auto many_patterns = cost(patterns(10'000), 500'000, Verdict::allow);
  if (!function_cost || !few || !set || !few_patterns || !many_patterns) return false;
  fmt::print(
      "{{\"result\": \"ok\", \"us_100_rules\": {:.3f}, \"us_100_dearest\": {:.3f}, \"us_function\": {:.3f}, "
      "\"set_growth\": {:.2f}, \"pattern_growth\": {:.2f}}}\n",
      usual / 1'000, dearest / 1'000, function_cost->best / 1'000, set->best / few->best,
      many_patterns->best / few_patterns->best);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--json") return print_json() ? 0 : 1;
  measure_all();
  return 0;
}
