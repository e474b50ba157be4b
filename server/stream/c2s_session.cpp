// What follows log-in: the move to the account's home shard, resource binding (RFC 6120 §7), stanzas.
#include <algorithm>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "core/committer.hpp"
#include "core/namespaces.hpp"
#include "net/tls/session.hpp"
#include "stream/authenticate.hpp"
#include "stream/c2s.hpp"
#include "stream/denial.hpp"
#include "stream/host.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace {

constexpr std::size_t longest_resource = 128;        // bytes
constexpr std::size_t longest_sealed_resource = 64;  // bytes, where only sealed content passes
// Between two stanzas while the store can't keep pace: short, because a client's pings want their answers.
constexpr std::int64_t crowded_pause_ms = 50;

const core::StanzaError no_such_recipient{.type = core::StanzaError::Type::modify,
                                          .condition = "jid-malformed",
                                          .text = {"The address is not valid.", "L’adresse n’est pas valide."}};
const core::StanzaError too_large{
    .type = core::StanzaError::Type::modify,
    .condition = "policy-violation",
    .text = {"This is too large for this server.", "Ceci est trop volumineux pour ce serveur."}};
const core::StanzaError no_id{.type = core::StanzaError::Type::modify,
                              .condition = "bad-request",
                              .text = {"An iq needs an id.", "Un iq doit porter un id."}};
const core::StanzaError too_many_sessions{
    .type = core::StanzaError::Type::wait,
    .condition = "resource-constraint",
    .text = {"This account has too many sessions.", "Ce compte a trop de sessions ouvertes."}};
const core::StanzaError short_of_memory{
    .type = core::StanzaError::Type::wait,
    .condition = "resource-constraint",
    .text = {"The server is full; try again later.", "Le serveur est plein ; réessayez plus tard."}};
}  // namespace

// ---- the move

void C2s::move_home() {
  if (connection_.closed() || state_ != State::authenticated) return;  // it was ended in this turn
  login_.reset();                                                      // an idle session has no use for it
  auto& kernel = shard().kernel();
  const auto home = kernel.home_index(account_.bare());
  if (asked_) {
    (void)connection_.rest();
  } else {
    connection_.restart(shard().settings().limits);
    header_sent_ = false;
  }
  if (home == shard().index()) {
    moving_ = false;
    return arrive(*host_);
  }
  timer_.cancel();
  resume_.cancel();
  connection_.detach();
  auto self = host_->release(*this);
  auto* there = host_->sibling(home);
  shard().post_to(home, [there, self = std::move(self)]() mutable { there->adopt(std::move(self)); });
}

void C2s::arrive(StreamHost& host) {
  host_ = &host;
  login_.reset();  // not in login_succeeded, which it calls itself; a session keeps neither its 1 KiB nor its keys
  if (moving_) {
    moving_ = false;
    if (!connection_.attach(host.shard().loop())) return connection_.close_now(net::CloseReason::error);
    connection_.resume_reading();  // the timer that would have was left behind
  }
  begin_phase(shard().settings().login_timeout_ms - (shard().loop().now_ms() - opened_ms_));
  if (asked_) load_and_begin(false);
  connection_.go_on();
}

// ---- bind

bool C2s::bind(xml::Element iq) {
  const auto request = iq.child("bind", ns::bind);
  if (!request || iq.attribute_or_empty("type") != "set" || binding_) return false;
  const std::string id(iq.attribute_or_empty("id"));
  if (id.empty()) {  // RFC 6120 §8.2.3
    bind_error(id, no_id);
    return true;
  }
  auto wanted = request.child("resource", ns::bind).text();
  if (wanted.empty()) wanted = crypto::random_hex(8);  // RFC 6120 §7.6
  auto jid = account_.with_resource(wanted);
  if (!jid || jid->resource().size() > longest_resource) {  // RFC 6120 §7.7.2.1: what is no resource is mended
    jid = account_.with_resource(crypto::random_hex(8));
  } else if (may_be_prose(*jid)) {
    // The same one for the same wish: a client that comes again ends its older session.
    jid = account_.with_resource(generate_resource(shard().kernel().client_secret, account_, wanted, {}));
  }
  binding_ = true;
  load_and_bind(std::move(*jid), id, false);
  return true;
}

// docs/sealed.md D12: it stands in every address, and contacts are shown it. Blanks are one kind there (RFC 6122:
// NFKC).
bool C2s::may_be_prose(const core::Jid& jid) {
  const auto* host = shard().host(jid.domain());
  const bool sealed = host == nullptr || host->sealed;
  return sealed &&
         (jid.resource().size() > longest_sealed_resource || jid.resource().find(' ') != std::string_view::npos);
}

// `fresh`: the account's row was read again for this.
void C2s::load_and_bind(core::Jid jid, std::string iq_id, bool fresh) {
  shard().with_account(account_, [self = host_->token(*this), jid = std::move(jid), iq_id = std::move(iq_id),
                                  fresh](core::Account* account) mutable {
    if (auto* stream = self.get()) stream->finish_bind(account, std::move(jid), std::move(iq_id), fresh);
  });
}

// Room for one more of the account; one that is detached makes room (XEP-0198 §5).
bool C2s::has_place(core::Account& account, const core::Jid& jid) {
  const auto full = [&] { return account.sessions.size() >= shard().settings().max_sessions; };
  if (!full() || account.find(jid.resource()) != nullptr) return true;
  if (auto* oldest = Hibernation::oldest_of(account)) oldest->end({}, {});
  return !full();
}

void C2s::iq_error(const std::string& iq_id, const core::StanzaError& error) {
  std::string out;
  xml::Writer writer(out);
  writer.open("iq").attribute("type", "error");
  if (!iq_id.empty()) writer.attribute("id", iq_id);
  std::string inner;
  core::append_error(inner, error, language_);
  writer.raw(inner).close();
  connection_.send(out);
}

// RFC 6120 §7.7.3.
void C2s::bind_error(const std::string& iq_id, const core::StanzaError& error) {
  iq_error(iq_id, error);
  if (++bind_errors_ > shard().settings().bind_retries) stream_error("policy-violation", "too many failed binds");
}

void C2s::finish_bind(core::Account* account, core::Jid jid, std::string iq_id, bool fresh) {
  if (state_ != State::authenticated) return;
  // The password was changed between its check and now, or what is in memory is older than the change.
  const bool differs = account != nullptr && account->credentials != credentials_;
  if (differs && !fresh) {
    return shard().refresh_account(
        account_, [self = host_->token(*this), jid = std::move(jid), iq_id = std::move(iq_id)]() mutable {
          if (auto* stream = self.get()) stream->load_and_bind(std::move(jid), std::move(iq_id), true);
        });
  }
  binding_ = false;
  if (account == nullptr) {
    bind_error(iq_id, core::store_away);
  } else if (!account->exists || account->state != storage::AccountState::active) {
    return stream_error("not-authorized", "the account was disabled or removed");
  } else if (differs) {
    return stream_error("not-authorized", "the password was changed");
  } else if (auto refused = open_session(*account, jid)) {
    bind_error(iq_id, *refused);
  } else {
    std::string out;
    xml::Writer(out)
        .open("iq")
        .attribute("type", "result")
        .attribute("id", iq_id)
        .open("bind", ns::bind)
        .element("jid", {}, jid.full())
        .close()
        .close();
    connection_.send(out);
    arm(1000);
  }
  release_held();
}

// Of an account that may log in. Nothing: the session is open, and was sent nothing so far.
std::optional<core::StanzaError> C2s::open_session(core::Account& account, core::Jid jid) {
  if (!has_place(account, jid)) return too_many_sessions;
  if (shard().kernel().memory_is(core::MemoryState::high)) return short_of_memory;
  auto tags = tags_;
  const auto answer =
      ask_rules(shard(), connection_, core::RuleQuestion::Event::session, jid, mechanism_, language_, tags);
  if (answer.refusal) return answer.refusal->error;
  pace_ = answer.pace;
  auto& kernel = shard().kernel();
  live_ = std::make_unique<LiveSession>(*host_, kernel.next_session.fetch_add(1, std::memory_order_relaxed),
                                        std::move(jid), account, static_cast<Carrier&>(*this));
  auto& session = live_->session();
  session.since_ms = utc_now_ms();
  tags_ = std::move(tags);
  state_ = State::bound;
  shard().open_session(session);
  begin_session(session, {});
  return std::nullopt;
}

// What the client sent ahead, in order.
void C2s::release_held() {
  for (auto& held : std::exchange(held_, {})) (void)on_stanza(std::move(held));
}

// What a session knows of the connection that carries it, for rules and records.
void C2s::begin_session(core::Session& session, std::string_view reason) {
  const auto tls = net::describe(connection_.ssl());
  session.language = language_;
  session.peer_address = connection_.peer_address();
  session.peer_port = connection_.peer_port();
  session.tls_version = tls.version;
  session.tls_cipher = tls.cipher;
  session.mechanism = mechanism_;
  if (asked_) session.client = asked_->login->request.agent;
  session.tags = std::exchange(tags_, {});
  const auto session_name = std::to_string(session.id);
  const auto source = source_of(connection_);
  session.origin = make_ref<core::audit::Origin>(core::audit::Origin::Members{.jid = session.jid.bare(),
                                                                              .resource = session.jid.resource(),
                                                                              .session = session_name,
                                                                              .source = source,
                                                                              .tls = session.tls_version,
                                                                              .cipher = session.tls_cipher,
                                                                              .mechanism = session.mechanism});
  core::audit::Record record;
  record.kind = core::audit::Kind::login;
  record.origin = session.origin;
  record.reason = reason;
  shard().record(std::move(record));
}

void C2s::close_session() {
  if (!live_) return;
  live_->finish();
  host_->bury(std::move(live_));
  if (!asked_) return;
  for (auto* waiting : std::exchange(asked_->departures, {})) waiting->departed(false);
}

// Behind close_session(): what comes back looks for other sessions.
void C2s::give_back() {
  departures_.sent(connection_.sent());  // the kernel may have taken some in the very write that failed
  departures_.give_back();
}

// ---- stanzas

void C2s::stanza_from_client(xml::DocumentPtr document) {
  const auto root = document->root();
  if (root.ns() == ns::stream_management && stream_management(root)) return;
  const auto now = shard().loop().now_ms();
  auto pause = stanza_rate_.charge(now, 1, own_or(pace_.stanzas_per_second, shard().settings().stanzas_per_second),
                                   own_or(pace_.burst_stanzas, shard().settings().burst_stanzas));
  const auto* committer = shard().kernel().committer;
  if (committer != nullptr && committer->is_crowded()) pause = std::max(pause, crowded_pause_ms);
  pause_for(pause);
  const auto from = root.attribute("from");
  auto stanza = core::make_stanza(document);
  if (stanza && !*stanza) {
    const auto* nonza = shard().hooks().nonza(root.ns());
    if (nonza != nullptr && (*nonza)(live_->session(), root)) return;
    return stream_error("unsupported-stanza-type", "not a message, presence or iq");  // RFC 6120 §4.9.3.24
  }
  auto& session = live_->session();
  const auto ack_number = live_->received();
  if (from) {  // RFC 6120 §8.1.2.1: only one's own address
    const auto claimed = core::Jid::parse(*from);
    if (!claimed || (claimed->full() != session.jid.full() && claimed->full() != session.jid.bare())) {
      return stream_error("invalid-from", "the from address is not yours");
    }
  }
  if (!stanza) {
    core::Stanza original;
    original.kind = root.name() == "message" ? core::Kind::message
                    : root.name() == "iq"    ? core::Kind::iq
                                             : core::Kind::presence;
    original.id = root.attribute_or_empty("id");
    original.type = root.attribute_or_empty("type");
    original.from = session.jid;
    original.to = account_;
    live_->acknowledge(ack_number);
    if (original.type != "error" && original.type != "result") {
      shard().route_error(original, no_such_recipient, language_);
    }
    return;
  }
  // RFC 6121 §1.4: the session request of RFC 3921 means nothing any more and succeeds.
  if ((*stanza)->kind == core::Kind::iq && (*stanza)->type == "set" && (*stanza)->child("session", ns::session)) {
    const auto& id = (*stanza)->id;
    std::string refusal;
    if (id.empty()) core::append_error(refusal, no_id, language_);
    live_->deliver(core::make_iq(id.empty() ? "error" : "result", id, core::Jid(), session.jid, std::move(refusal)),
                   nullptr, {});
    return live_->acknowledge(ack_number);
  }
  (*stanza)->from = session.jid;
  if (!root.attribute(xml::xml_lang)) (*stanza)->lang = lang_;  // RFC 6120 §8.1.5
  shard().from_session(session, std::move(*stanza), ack_number);
}

// Above the soft limit: bounced by its id, and the stream goes on.
void C2s::on_oversized(const xml::OversizedStanza& oversized) {
  stanza_since_ms_ = 0;
  if (state_ != State::bound) return stream_error("policy-violation", "a stanza is too large");
  auto& session = live_->session();
  live_->acknowledge(live_->received());
  core::Stanza original;
  original.kind = oversized.name == "message" ? core::Kind::message
                  : oversized.name == "iq"    ? core::Kind::iq
                                              : core::Kind::presence;
  original.id = oversized.id;
  original.type = oversized.type;
  original.from = session.jid;
  auto to = core::Jid::parse(oversized.to);
  original.to = to ? *to : account_;
  if (original.type != "error" && original.type != "result") shard().route_error(original, too_large, language_);
}

}  // namespace valise::stream
