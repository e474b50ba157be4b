#include "modules/presence/presence.hpp"

#include "modules/presence/module.hpp"

namespace valise::modules {
namespace presence {

void PresenceModule::start(core::Registrar& registrar) {
  slot_ = registrar.session_part();
  registrar.outbound_presence([this](core::Session& session, core::Flow flow) { outbound(session, std::move(flow)); });
  registrar.inbound_presence([this](core::Flow flow) { inbound(std::move(flow)); });
  registrar.on_session(core::SessionEvent::closed, [this](core::Session& session) {
    // RFC 6121 §4.5.2: however it went, its contacts are told.
    became_unavailable(session, core::make_presence("unavailable", session.jid, core::Jid()), true);
  });
  shard_.publish<core::PresenceEvents>(*this);
  shard_.publish<DirectedPresence>(*this);
  shard_.publish<PresenceModule>(*this);
}

// Of a normalised JID, the domain is what follows the first '@'.
bool PresenceModule::is_here(std::string_view bare) const {
  const auto at = bare.find('@');
  return at != std::string_view::npos && shard_.host(bare.substr(at + 1)) != nullptr &&
         shard_.kernel().cluster->is_home(bare);
}

namespace {
std::unique_ptr<core::Module> make(core::Shard& shard) { return std::make_unique<PresenceModule>(shard); }
}  // namespace

}  // namespace presence

const core::Manifest& presence_manifest() {
  static const core::Manifest manifest{
      .name = "presence",
      .summary = "availability of resources, told to whoever may know",
      .implements = {{"RFC 6121 §4", "2011", core::Completeness::complete}},
      .make = &presence::make,
  };
  return manifest;
}

}  // namespace valise::modules
