#include "modules/policy/stanza_facts.hpp"

namespace valise::modules {
namespace {

std::string_view default_type(core::Kind kind) {
  return kind == core::Kind::message ? "normal" : kind == core::Kind::presence ? "available" : "";
}

}  // namespace

policy::Party party(const core::Jid& jid) { return {jid.bare(), jid.domain(), jid.resource()}; }

policy::Event event_of(const core::Stanza& stanza) {
  switch (stanza.kind) {
    case core::Kind::message:
      return policy::Event::message;
    case core::Kind::presence:
      return policy::exact_event(policy::Event::presence, stanza.type, {});
    case core::Kind::iq:
      return policy::Event::iq;
  }
  return policy::Event::message;
}

void fill_session(policy::Facts& facts, std::string_view address, std::string_view mechanism, std::string_view tls) {
  if (const auto ip = policy::IpAddress::parse(address)) facts.ip = *ip;
  facts.mechanism = mechanism;
  facts.tls = policy::tls_number(tls);
}

void fill_session(policy::Facts& facts, const core::Session& session) {
  fill_session(facts, session.peer_address, session.mechanism, session.tls_version);
}

void fill(policy::Facts& facts, const core::Stanza& stanza, const core::Jid* to, policy::Direction direction,
          core::Language language) {
  facts.event = event_of(stanza);
  facts.direction = direction;
  facts.from = party(stanza.from);
  if (to != nullptr) facts.to = party(*to);
  facts.host = direction == policy::Direction::in && to != nullptr ? to->domain() : stanza.from.domain();
  facts.type = stanza.type.empty() ? default_type(stanza.kind) : std::string_view(stanza.type);
  if (stanza.kind == core::Kind::iq) facts.payload = stanza.payload().ns();
  facts.size = stanza.size;
  facts.sealed = stanza.seal.form != core::Seal::Form::none;
  facts.omemo = !facts.sealed                                  ? policy::Omemo::none
                : stanza.seal.form == core::Seal::Form::legacy ? policy::Omemo::legacy
                                                               : policy::Omemo::v2;
  facts.sid = stanza.seal.sender_device;
  facts.keys = stanza.seal.keys;
  facts.prekeys = stanza.seal.prekeys;
  facts.sealed_length = stanza.seal.payload_bytes;
  if (stanza.label) facts.label = stanza.label->name;
  facts.language = core::tag_of(language);
}

}  // namespace valise::modules
