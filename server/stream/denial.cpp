#include "stream/denial.hpp"

#include <fmt/core.h>

#include "net/tls/session.hpp"

namespace valise::stream {

std::string source_of(Wire& wire) {
  if (wire.peer_port() == 0) return wire.peer_address();
  const bool v6 = wire.peer_address().find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", wire.peer_address(), v6 ? "]" : "", wire.peer_port());
}

core::RuleAnswer ask_rules(core::Shard& shard, Wire& wire, core::RuleQuestion::Event event, const core::Jid& who,
                           std::string_view mechanism, core::Language language, std::vector<std::string>& tags) {
  auto* rules = shard.service<core::Rules>();
  if (rules == nullptr) return {};
  const auto tls = net::describe(wire.ssl());
  auto answer = rules->ask({.event = event,
                            .who = who,
                            .peer_address = wire.peer_address(),
                            .mechanism = mechanism,
                            .tls_version = tls.version,
                            .language = language},
                           tags);
  if (!answer.refusal) return answer;
  const auto source = source_of(wire);
  const bool stranger = event == core::RuleQuestion::Event::registration;  // nobody acts under that name yet
  core::audit::Record record;
  record.kind = core::audit::Kind::denied;
  record.verdict = core::audit::Outcome::refused;
  record.origin =
      make_ref<core::audit::Origin>(core::audit::Origin::Members{.jid = stranger ? std::string_view() : who.bare(),
                                                                 .resource = who.resource(),
                                                                 .source = source,
                                                                 .tls = tls.version,
                                                                 .cipher = tls.cipher,
                                                                 .mechanism = mechanism});
  if (stranger) record.recipient = who.bare();
  record.reason = answer.refusal->reason;
  record.rule = answer.refusal->rule;
  shard.record(std::move(record));
  shard.kernel().stats.refused.fetch_add(1, std::memory_order_relaxed);
  return answer;
}

}  // namespace valise::stream
