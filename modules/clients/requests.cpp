// XEP-0494: the list, and taking access back; for the owner and, through core::Clients, for administrators.
#include <algorithm>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "core/account_change.hpp"
#include "modules/clients/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::clients {
namespace {

using core::StanzaError;

const StanzaError no_id{.type = StanzaError::Type::modify, .condition = "bad-request"};
const StanzaError no_such_client{.type = StanzaError::Type::cancel,
                                 .condition = "item-not-found",
                                 .text = {"This client is not known.", "Ce client n’est pas connu."}};
// §3.2.
const StanzaError knows_password{
    .type = StanzaError::Type::cancel,
    .condition = "service-unavailable",
    .text = {"The client was logged out, but it knows the password: only a new password keeps it out.",
             "Le client a été déconnecté, mais il connaît le mot de passe : seul un nouveau mot de passe l’exclut."},
    .application = "<password-reset-required xmlns='urn:xmpp:cam:0'/>"};

bool is_live(const std::optional<core::auth::Token>& token, const core::Account& account, std::int64_t now) {
  return token && token->expires_ms > now && token->credentials == account.credentials;
}

std::string time(std::int64_t ms) { return format_utc(ms / 1000 * 1'000'000'000); }

std::string_view truth(bool value) { return value ? "true" : "false"; }

void add_session(core::ClientLine& line, const core::Session& session) {
  using enum core::ClientLine::State;
  if (line.state != connected) line.state = session.stream.connected() ? connected : cut;
  line.resources.emplace_back(session.jid.resource());
  line.addresses.push_back(session.peer_address);
}

}  // namespace

// Neither the user agent's id, which is nobody else's business (XEP-0388 §2.3), nor a session's number.
std::string ClientsModule::opaque(const core::Account& account, std::string_view what, std::string_view id) const {
  std::string input(what);
  for (const auto part : {account.jid.bare(), id}) input.append(1, '\0').append(part);
  const auto bytes = crypto::hmac(crypto::Hash::sha256, shard_.kernel().client_secret, input);
  return crypto::hex_encode(std::string_view(bytes).substr(0, 8));
}

core::ClientLine ClientsModule::line_of(const core::Account& account, const core::Client& client) const {
  const auto now = utc_now_ms();
  core::ClientLine line{.id = opaque(account, "client", client.agent),
                        .session = true,
                        .resources = {},
                        .addresses = {},
                        .first_ms = client.first_ms,
                        .last_ms = client.last_ms,
                        .password = client.password == account.credentials,
                        .token = is_live(client.current, account, now) || is_live(client.fresh, account, now),
                        .certificate = client.certificate,
                        .software = client.software,
                        .device = client.device};
  for (const auto* session : account.sessions) {
    if (session->client == client.agent) add_session(line, *session);
  }
  return line;
}

core::ClientLine ClientsModule::line_of(const core::Session& session) const {
  const bool certificate = session.mechanism == "EXTERNAL";
  const auto* seen_then = session.part<Seen>(session_slot_);
  core::ClientLine line{.id = opaque(session.account, "session", std::to_string(session.id)),
                        .session = true,
                        .resources = {},
                        .addresses = {},
                        .first_ms = session.since_ms,
                        .last_ms = seen_then == nullptr ? session.since_ms : seen_then->last_ms,
                        .password = !certificate,
                        .certificate = certificate,
                        .software = {},
                        .device = {}};
  add_session(line, session);
  return line;
}

// What has said which client it is, then the sessions of those that have not.
std::vector<core::ClientLine> ClientsModule::clients(const core::Account& account) const {
  std::vector<core::ClientLine> lines;
  for (const auto& [agent, entry] : account.part_or_empty<Known>(slot_).by_agent) {
    lines.push_back(line_of(account, entry.client));
  }
  for (const auto* session : account.sessions) {
    if (session->client.empty()) lines.push_back(line_of(*session));
  }
  return lines;
}

void ClientsModule::list(core::IqRequest request) {
  if (!request.from_owner()) return request.error(core::service_unavailable);
  std::string out;
  xml::Writer writer(out);
  writer.open("clients", ns_cam);
  for (const auto& line : clients(*request.account())) {
    writer.open("client")
        .attribute("connected", truth(line.state != core::ClientLine::State::away))  // §3.1: a cut one counts
        .attribute("id", line.id)
        .attribute("type", line.session ? "session" : "access");
    writer.element("first-seen", {}, time(line.first_ms)).element("last-seen", {}, time(line.last_ms));
    writer.open("auth");
    if (line.password) writer.element("password");
    if (line.token) writer.element("fast");
    if (line.certificate) writer.element("certificate", "urn:valise:clients");
    writer.close();
    writer.open("permission").attribute("status", "unrestricted").close();  // every session may do everything
    if (!line.software.empty() || !line.device.empty()) {
      writer.open("user-agent");
      if (!line.software.empty()) writer.element("software", {}, line.software);
      if (!line.device.empty()) writer.element("device", {}, line.device);
      writer.close();
    }
    writer.close();
  }
  writer.close();
  request.result(std::move(out));
}

void ClientsModule::revoke(core::IqRequest request) {
  if (!request.from_owner()) return request.error(core::service_unavailable);
  const std::string id(request.payload().attribute_or_empty("id"));
  if (id.empty()) return request.error(no_id);
  auto record = core::about_account(request.account()->jid, "client-revoked", request.origin());
  auto& account = *request.account();
  revoke(account, id, std::move(record), [request = std::move(request)](Result<bool> done) mutable {
    if (!done) return request.error(done.error().code == ErrorCode::not_found ? no_such_client : core::store_away);
    if (*done) return request.error(knows_password);
    request.result();
  });
}

void ClientsModule::revoke(core::Account& account, const std::string& id, core::audit::Record record,
                           std::move_only_function<void(Result<bool>)> done) {
  auto unit = std::make_unique<core::Unit>();
  unit->record = std::move(record);
  std::string agent;
  std::uint64_t session_id = 0;
  std::string resource;
  bool still = false;
  for (auto& [its, entry] : known(account).by_agent) {
    if (opaque(account, "client", its) != id) continue;
    agent = its;
    auto& client = entry.client;
    client.current.reset();
    client.fresh.reset();
    still = client.password == account.credentials || client.certificate;
    if (still) {
      unit->writes.emplace_back(
          storage::PutAccountData{account.jid.str(), storage::DataKind::client, {agent, core::encode(client)}});
    } else {
      unit->writes.emplace_back(storage::RemoveAccountData{account.jid.str(), storage::DataKind::client, agent});
    }
    break;
  }
  if (agent.empty()) {
    for (const auto* session : account.sessions) {
      if (session->client.empty() && opaque(account, "session", std::to_string(session->id)) == id) {
        session_id = session->id;
        resource = session->jid.resource();
      }
    }
    if (session_id == 0) return done(fail(ErrorCode::not_found, "no such client"));
    still = true;
  } else if (!still) {
    known(account).by_agent.erase(agent);
  }
  unit->done = [this, jid = account.jid, agent, session_id, resource, still,
                done = std::move(done)](core::Unit& finished) mutable {
    if (!finished.outcome) return done(std::unexpected(finished.outcome.error()));
    done(still);
    auto* changed = shard_.find_account(jid.bare());
    if (changed == nullptr) return;
    const auto sessions = changed->sessions;
    for (auto* session : sessions) {
      if (std::ranges::find(changed->sessions, session) == changed->sessions.end()) continue;
      const bool meant = agent.empty() ? session->id == session_id : session->client == agent;
      if (meant) session->stream.end("not-authorized", "the client's access was taken back");
    }
    for (const auto& listener : revoked_) listener(*changed, agent, resource);
  };
  shard_.commit_in_order(account, std::move(unit), sizeof(core::Unit));
}

}  // namespace valise::modules::clients
