#include "modules/presence/presence.hpp"

#include <set>
#include <utility>

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
  shard_.publish<PresenceRepetition>(*this);
  shard_.publish<PresenceModule>(*this);
}

// Where content has to be sealed from now on, or a switch has been turned, those who come from now on see of a presence
// what may pass (docs/sealed.md 3.6).
void PresenceModule::configure(const config::Snapshot& snapshot) {
  const auto before = std::exchange(hosts_, {});
  std::set<std::string, std::less<>> closed;
  for (const auto& host : snapshot.hosts()) {
    const auto* settings = shard_.host(host);
    if (settings == nullptr) continue;
    const Passing now{settings->sealed, settings->switches};
    const auto was = before.find(host);
    if (now.sealed && was != before.end() && was->second != now) closed.insert(host);
    hosts_.emplace(host, now);
  }
  if (closed.empty()) return;
  const auto* sealed = shard_.service<core::SealedContent>();
  for (const auto& [jid, account] : shard_.accounts()) {
    if (!closed.contains(account->jid.domain())) continue;
    for (auto* session : account->sessions) {
      if (!session->presence) continue;
      auto kept = core::copy_of(*session->presence);
      // What waits long, or was made here, has no document any more, and the rules read one.
      if (!kept->document) kept->document = xml::parse_element("<presence>" + kept->children + "</presence>");
      (void)core::recheck(sealed, *kept);  // a presence is never refused
      session->presence = std::move(kept);
    }
  }
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
