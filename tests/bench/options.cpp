#include "options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <string_view>

namespace valise::bench {

namespace {

struct Switch {
  std::string_view name, value, help;  // value empty: takes none
  std::function<bool(Options&, std::string_view)> apply;
};

template <class T>
bool parse(std::string_view text, T& value) {
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end && value >= 0;
}

template <class T>
bool parse_list(std::string_view text, std::vector<T>& values) {
  values.clear();
  while (true) {
    const auto comma = text.find(',');
    if (T value{}; parse(text.substr(0, comma), value))
      values.push_back(value);
    else
      return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

bool parse_accounts(Options& o, std::string_view text) {
  const auto first = text.find(','), second = text.find(',', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return false;
  o.prefix = text.substr(0, first);
  o.password = text.substr(second + 1);
  return parse(text.substr(first + 1, second - first - 1), o.accounts);
}

template <auto Member>
auto number() {
  return [](Options& o, std::string_view text) { return parse(text, o.*Member); };
}
template <auto Member>
auto flag() {
  return [](Options& o, std::string_view) { return o.*Member = true; };
}

const std::vector<Switch>& switches() {
  static const std::vector<Switch> all{
      {"--host", "ADDRESS", "the server's IPv4 address (127.0.0.1)",
       [](Options& o, std::string_view v) { return o.host = v, true; }},
      {"--port", "N", "its c2s port (5222)", number<&Options::port>()},
      {"--domain", "NAME", "the XMPP domain (localhost)",
       [](Options& o, std::string_view v) { return o.client.domain = v, true; }},
      {"--pids", "N,…", "the server's processes; their children are counted too",
       [](Options& o, std::string_view v) { return parse_list(v, o.pids); }},
      {"--allocations", "FILE", "chat: what libcount-allocations.so counts into for the server (see README.md)",
       [](Options& o, std::string_view v) { return o.allocations = v, true; }},
      {"--accounts", "PREFIX,COUNT,PASSWORD", "accounts PREFIX1 … PREFIXCOUNT (bench,100,bench-password)",
       parse_accounts},
      {"--register", "", "register the accounts in band first (XEP-0077)", flag<&Options::register_first>()},
      {"--salted-cache", "FILE", "keep SaltedPasswords between runs",
       [](Options& o, std::string_view v) { return o.salted_cache = v, true; }},
      {"--login", "classic|sasl2|fast|resume", "how clients log in (XEP-0388, with a token, resuming their session)",
       [](Options& o, std::string_view v) {
         o.client.login = v;
         return v == "classic" || v == "sasl2" || v == "fast" || v == "resume";
       }},
      {"--mechanism", "NAME", "SASL mechanism (auto: SCRAM-SHA-1 when offered, else the best)",
       [](Options& o, std::string_view v) { return o.client.mechanism = v, true; }},
      {"--direct-tls", "", "TLS from the first byte (XEP-0368)",
       [](Options& o, std::string_view) { return o.client.direct_tls = true; }},
      {"--relay", "THREADS", "the other side is tls-relay with so many threads: no XMPP",
       [](Options& o, std::string_view v) { return o.client.raw = true, parse(v, o.client.relay_ports); }},
      {"--json", "", "print one JSON object", flag<&Options::json>()},
      {"--count", "N", "login, reconnect, detached: sessions (1000)", number<&Options::count>()},
      {"--concurrency", "N", "connections being made at once (16)", number<&Options::concurrency>()},
      {"--presence", "", "login: with roster and presence", flag<&Options::presence>()},
      {"--resume", "", "reconnect: with TLS resumption", flag<&Options::resume>()},
      {"--sessions", "N,…", "idle: read memory at each of these counts (1000)",
       [](Options& o, std::string_view v) { return parse_list(v, o.steps); }},
      {"--quiet", "SECONDS", "idle: wait before memory is read at the last count (60)", number<&Options::quiet>()},
      {"--step-quiet", "SECONDS", "idle: the same at the counts before (60)", number<&Options::step_quiet>()},
      {"--pairs", "N", "chat: pairs (50)", number<&Options::pairs>()},
      {"--window", "N", "chat: messages under way per pair (4)", number<&Options::window>()},
      {"--rate", "N", "chat: messages a second in all; 0 is flat out (0)", number<&Options::rate>()},
      {"--warm-up", "SECONDS", "chat, presence: before measuring (3)", number<&Options::warm_up>()},
      {"--seconds", "SECONDS", "chat, presence: measured (10)", number<&Options::seconds>()},
      {"--publish-devices", "", "seed, chat, carbons, offline: publish OMEMO device lists and bundles",
       flag<&Options::publish_devices>()},
      {"--messages", "N", "offline: messages per account (50)", number<&Options::messages>()},
      {"--contacts", "N", "presence: contacts (100)", number<&Options::contacts>()},
      {"--rosters", "N,…", "rosters: contacts, a size each (10,100,1000)",
       [](Options& o, std::string_view v) { return parse_list(v, o.rosters); }},
      {"--turns", "N", "rosters: log-ins of each account (40)", number<&Options::turns>()},
  };
  return all;
}

}  // namespace

Account Options::account(std::size_t i) const { return {fmt::format("{}{}", prefix, i), password}; }

std::string usage() {
  std::string text =
      "valise-bench SCENARIO [options]\n\n"
      "  seed       registers the accounts; with --publish-devices also the devices of those that chat\n"
      "  login      full TLS 1.3 handshake, SCRAM, bind: CPU per log-in\n"
      "  reconnect  all sessions drop at once and return: time and CPU\n"
      "  idle       memory per quiet session with presence sent\n"
      "  detached   memory per session whose connection is gone (XEP-0198); with --login resume\n"
      "  chat       OMEMO-shaped messages between pairs: CPU per message, latency\n"
      "  carbons    the same with two sessions an account and XEP-0280: three copies a message\n"
      "  offline    messages to accounts that are away, then their log-in\n"
      "  presence   one account's presence to its contacts\n"
      "  rosters    log-in, roster and presence of accounts with few and with many contacts\n\n";
  for (const auto& s : switches()) text += fmt::format("  {:40} {}\n", fmt::format("{} {}", s.name, s.value), s.help);
  return text;
}

Result<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with("--")) {
      if (!options.scenario.empty()) return fail(ErrorCode::invalid, fmt::format("what is '{}'?", argument));
      options.scenario = argument;
      continue;
    }
    const auto found = std::ranges::find(switches(), argument, &Switch::name);
    if (found == switches().end()) return fail(ErrorCode::invalid, fmt::format("unknown option {}", argument));
    std::string_view value;
    if (!found->value.empty()) {
      if (++i == argc) return fail(ErrorCode::invalid, fmt::format("{} needs {}", argument, found->value));
      value = argv[i];
    }
    if (!found->apply(options, value))
      return fail(ErrorCode::invalid, fmt::format("{} {}: not {}", argument, value, found->value));
  }
  if (options.scenario.empty()) return fail(ErrorCode::invalid, "no scenario");
  if (options.client.relay_ports < 1 || options.concurrency < 1 || options.pairs < 1 || options.window < 1) {
    return fail(ErrorCode::invalid, "threads, concurrency, pairs and window are at least 1");
  }
  return options;
}

}  // namespace valise::bench
