// XEP-0191: the manifest, and what the list does to stanzas. It is in memory with the account: a stanza asks no store.
#include "modules/blocking/blocking.hpp"

#include "config/options.hpp"
#include "modules/blocking/module.hpp"

namespace valise::modules {
namespace blocking {
namespace {

using core::StanzaError;

// §3.3.
const StanzaError blocked_by_you{.type = StanzaError::Type::cancel,
                                 .condition = "not-acceptable",
                                 .text = {"You have blocked this address.", "Vous avez bloqué cette adresse."},
                                 .application = "<blocked xmlns='urn:xmpp:blocking:errors'/>"};

Result<std::unique_ptr<core::Part>> load(storage::Reader& reader, const std::string& jid) {
  auto rows = reader.account_data(jid, storage::DataKind::blocked);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return nullptr;
  Blocklist::Addresses addresses;
  for (auto& row : *rows) addresses.insert(std::move(row.name));
  return std::make_unique<Blocklist>(std::move(addresses));
}

}  // namespace

void BlockingModule::start(core::Registrar& registrar) {
  using core::IqTarget;
  account_slot_ = registrar.account_part(load);
  session_slot_ = registrar.session_part();
  for (const auto kind : {core::Kind::message, core::Kind::presence, core::Kind::iq}) {
    registrar.at(core::Stage::validate, kind, [this](core::Flow& flow) { return outbound(flow); });
    registrar.at(core::Stage::blocking, kind, [this](core::Flow& flow) { return inbound(flow); },
                 {.before = {"omemo"}, .after = {}});
  }
  registrar.iq(IqTarget::account, "get", "blocklist", ns_blocking,
               [this](core::IqRequest request) { get(std::move(request)); });
  registrar.iq(IqTarget::account, "set", "block", ns_blocking,
               [this](core::IqRequest request) { set(std::move(request), true); });
  registrar.iq(IqTarget::account, "set", "unblock", ns_blocking,
               [this](core::IqRequest request) { set(std::move(request), false); });
  shard_.publish<core::Blocking>(*this);
}

void BlockingModule::configure(const config::Snapshot& snapshot) {
  max_blocked_ = static_cast<std::size_t>(snapshot.get(config::options::limits_blocked));
}

// §4, note: never one of the user's resources from another; and what the own server says is no communication.
bool BlockingModule::has_blocked(const core::Account& account, std::string_view jid) const {
  const auto bare = jid.substr(0, jid.find('/'));
  if (bare == account.jid.full() || bare == account.jid.domain()) return false;
  return blocked(account).matches(jid);
}

core::Verdict BlockingModule::outbound(core::Flow& flow) const {
  const auto& to = flow.stanza->to;
  if (flow.sender == nullptr || !to || !has_blocked(flow.sender->account, to->full())) return nullptr;
  return core::make_refusal(blocked_by_you, "blocked-by-sender");
}

// §3.3: to whoever is blocked the account is one that nobody has (RFC 6121 §8.5.1), in words and in time: presence is
// not answered, a message waits for its record and an iq does not.
core::Verdict BlockingModule::inbound(core::Flow& flow) const {
  if (!has_blocked(*flow.recipient, flow.stanza->from.full())) return nullptr;
  const bool silent = flow.stanza->kind == core::Kind::presence;
  auto refusal = core::make_refusal(core::service_unavailable, "blocked", silent);
  refusal->at_once = flow.stanza->kind != core::Kind::message;
  return refusal;
}

}  // namespace blocking

const core::Manifest& blocking_manifest() {
  static const core::Manifest manifest{
      .name = "blocking",
      .summary = "Lets people block addresses: neither hears from the other any more.",
      .implements = {{"XEP-0191", "1.3"}},
      .server_features = {blocking::ns_blocking},
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<blocking::BlockingModule>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
