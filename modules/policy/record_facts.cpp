#include "modules/policy/record_facts.hpp"

namespace valise::modules {
namespace {

policy::Party party(std::string_view bare, std::string_view resource) {
  return {bare, bare.substr(bare.find('@') + 1), resource};
}

// "192.0.2.1:5", "[2001:db8::1]:5", or without a port.
std::string_view host_of(std::string_view source) {
  if (source.starts_with('[')) return source.substr(1, source.find(']') - 1);
  const auto colon = source.find(':');
  return colon == source.rfind(':') ? source.substr(0, colon) : source;
}

}  // namespace

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
  facts.from = party(view.from, view.resource);
  facts.to = party(view.to, {});
  facts.host = view.from.empty() ? facts.to.domain : facts.from.domain;
  facts.payload = view.reason;
  facts.size = view.size;
  if (const auto ip = policy::IpAddress::parse(host_of(view.source))) facts.ip = *ip;
  facts.mechanism = view.mechanism;
  facts.tls = view.tls.starts_with("TLSv") ? view.tls.substr(4) : view.tls;
  return facts;
}

}  // namespace valise::modules
