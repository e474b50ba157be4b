#include "modules/policy/record_facts.hpp"

namespace valise::modules {
// Who acted is kept as it stands in the log, so the record is read as one reads the log.
policy::Facts RecordFacts::of(const core::audit::Record& record) {
  json_.clear();
  core::audit::append_json(json_, record);
  core::audit::RecordView view;
  policy::Facts facts;
  facts.event = policy::Event::record;
  facts.direction = policy::Direction::out;
  facts.type = core::audit::name_of(record.kind);
  if (!reader_.read(json_, view)) return facts;  // the server wrote it: it never happens
  facts.from = policy::party_of(view.from, view.resource);
  facts.to = policy::party_of(view.to, {});
  facts.host = view.from.empty() ? facts.to.domain : facts.from.domain;
  facts.payload = view.reason;
  facts.size = view.size;
  facts.ip = policy::IpAddress::of_source(view.source);
  facts.mechanism = view.mechanism;
  facts.tls = policy::tls_number(view.tls);
  return facts;
}

}  // namespace valise::modules
