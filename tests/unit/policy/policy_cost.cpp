// What a decision costs on this machine: native rules, Lua functions, failures.
#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <string>
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

void measure(const std::string& what, const std::string& source, int rounds, Verdict expected) {
  auto set = PolicySet::load(source, "cost.lua");
  if (!set) {
    fmt::print("{}: {}\n", what, set.error().message());
    return;
  }
  auto facts = message();
  std::vector<double> runs;
  for (int run = 0; run < 7; ++run) {
    const auto begin = cpu_ns();
    for (int i = 0; i < rounds; ++i) {
      ++facts.now_ms;
      if ((*set)->decide(facts).verdict != expected) fmt::print("unexpected verdict\n"), i = rounds;
    }
    runs.push_back((cpu_ns() - begin) / rounds);
  }
  std::ranges::sort(runs);
  fmt::print("{:<58} {:>10.0f} ns (best {:.0f})\n", what, runs[3], runs[0]);
}

std::string hundred(const std::string& matcher) {
  return "local many = {} for i = 1, 1000 do many[i] = 'u' .. i .. '@example.org' end\nfor i = 1, 100 do rule{ name = "
         "'r' .. i, match = " +
         matcher + ", action = Deny('forbidden') } end";
}

std::string function(const std::string& body) {
  return "rule{ name = 'f', match = function(m) " + body + " end, action = Deny('forbidden') }";
}

}  // namespace

int main() {
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
  measure("1 rule: From{10,000 accounts}",
          "local many = {} for i = 1, 10000 do many[i] = 'u' .. i .. '@example.org' end rule{ name = 'r', match = "
          "From{accounts = many}, action = Drop() }",
          200'000, Verdict::allow);
  measure("1 rule: 10,000 patterns",
          "local many = {} for i = 1, 5000 do many[i] = 'bot' .. i .. '-*@example.org' many[5000 + i] = '*@d' .. i .. "
          "'.example' end rule{ name = 'r', match = From(many), action = Drop() }",
          200'000, Verdict::allow);
  measure("100 rules: a ministry's: direction, group, hours, holiday",
          "group{ name = 'g', domain = '*.interior.example' }\n" +
              hundred("Direction('out') * FromGroup('g') * -Hours('08:00-19:00') * -Holiday('fr')"),
          100'000, Verdict::allow);
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
  return 0;
}
