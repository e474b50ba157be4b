// What a feature declares and may do. A module is created once a shard; nothing of it is shared between shards, so it
// has no mutex. Its manifest is data: wiring, disco, options and documentation come from it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/registry.hpp"
#include "config/snapshot.hpp"
#include "core/flow.hpp"
#include "core/iq.hpp"
#include "storage/store.hpp"

namespace valise::config {
class Findings;
}

namespace valise::core {

class Shard;
class Registrar;

// What disco#info names (XEP-0030 §3.1). Views of what lasts.
struct Features {
  std::vector<std::string_view> server;   // of the domain
  std::vector<std::string_view> account;  // of a bare JID there
};

class Module {
 public:
  virtual ~Module() = default;
  // Names everything that it handles.
  virtual void start(Registrar& registrar) = 0;
  // Reads its options: at start and after each reload.
  virtual void configure(const config::Snapshot&) {}
  // The server ends and there are no sessions any more: hands what it still has to write to the committer.
  virtual void stop() {}
  // What disco#info says of the host and its accounts because of an option; what always holds stands in the manifest.
  // Asked once behind each `configure` of all modules.
  [[nodiscard]] virtual Features features(const std::string& /*host*/) const { return {}; }
  // XML for <stream:features/> after log-in that depends on the configuration; what does not stands in the manifest.
  [[nodiscard]] virtual std::string stream_features(const std::string& /*host*/) const { return {}; }
  // The same before log-in, inside TLS: beside STARTTLS nothing may stand (RFC 6120 §5.3.1).
  [[nodiscard]] virtual std::string stream_features_before_login(const std::string& /*host*/) const { return {}; }
};

enum class Completeness : std::uint8_t { complete, partial };
struct Specification {
  std::string_view document;  // "XEP-0199", "RFC 6121 §2"
  std::string_view version;
  Completeness completeness = Completeness::complete;
};

struct Identity {
  std::string_view category, type, name;
};

struct Manifest {
  std::string_view name;     // folder, option prefix, log component
  std::string_view summary;  // one sentence
  std::vector<Specification> implements{};
  std::vector<std::string_view> server_features{};   // disco#info of the domain
  std::vector<std::string_view> account_features{};  // disco#info of a bare JID
  std::vector<Identity> account_identities{};
  std::string_view stream_features{};  // XML added to <stream:features/> after log-in
  void (*options)(config::Registry&) = nullptr;
  // Before a configuration takes effect: what keeps the module from working with it, and what in it does nothing.
  void (*check)(const config::Snapshot&, config::Findings&) = nullptr;
  std::unique_ptr<Module> (*make)(Shard&) = nullptr;
};

// Orders a hook within its stage by module names; a cycle stops the start.
struct Order {
  std::vector<std::string_view> before;
  std::vector<std::string_view> after;
};

enum class SessionEvent : std::uint8_t {
  bound,   // the session exists; nothing was sent to it
  closed,  // it is about to go; still in Account::sessions
  // XEP-0198 §5. What changes with the connection (Session) may have changed behind `resumed`.
  detached,  // it lives without a connection: what it is sent waits
  resumed,   // it has one again, and was sent what waited
};

// Runs on a database thread: makes the module's part of an account that is being loaded.
using PartLoader = std::function<Result<std::unique_ptr<Part>>(storage::Reader&, const std::string& bare_jid)>;

using NonzaHandler = std::function<bool(Session&, xml::Element)>;
// Runs when the session is bound, before anything is sent to it: what it returns stands in <bound/> (XEP-0386 §3.2).
using BindHandler = std::function<std::string(Session&, xml::Element)>;
using OfferedOn = std::function<bool(const std::string& host)>;
// To be called once, with what stands in <bound/>; on the session's shard, at once or later.
using BoundAnswer = std::move_only_function<void(std::string)>;

class Registrar {
 public:
  virtual ~Registrar() = default;
  virtual void at(Stage stage, Kind kind, StanzaHook hook, Order order = {}) = 0;
  // `type`: "get", "set"; the payload's name and namespace. A name of "" matches every name in the namespace.
  virtual void iq(IqTarget target, std::string_view type, std::string_view name, std::string_view ns,
                  IqHandler handler) = 0;
  virtual void on_session(SessionEvent event, std::function<void(Session&)> handler) = 0;
  // Gives the module a place in every account (see Account::part); it is loaded with the account, if there is a loader
  // and it finds something: a null one is none.
  [[nodiscard]] virtual unsigned account_part(PartLoader loader = {}) = 0;
  [[nodiscard]] virtual unsigned session_part() = 0;
  // An element of a bound stream that is no stanza, by its namespace; it is not counted (XEP-0198 §4). False: there is
  // no such element.
  virtual void nonza(std::string_view ns, NonzaHandler handler) = 0;
  // What a client may ask for in the request that binds its session (XEP-0386 §3): the element `name`, or with "" each,
  // in `ns`. It is announced as `feature`, where `offered` does not say no.
  virtual void bind_feature(std::string_view feature, std::string_view name, std::string_view ns, BindHandler handler,
                            OfferedOn offered = {}) = 0;
  // What every <bound/> says, asked for or not. What the session is sent meanwhile reaches its client behind it. Who
  // takes long is left out.
  virtual void at_bind(std::function<void(Session&, BoundAnswer)> handler) = 0;
  // -- each of these has one owner
  // A presence of any type that one of our sessions sent, behind `policy_out`. The handler owns its record and its ack.
  virtual void outbound_presence(std::function<void(Session&, Flow)> handler) = 0;
  // A presence that arrived for a local account, which need not exist, behind `policy_in` and all that is being
  // committed for it. The handler owns its ack.
  virtual void inbound_presence(std::function<void(Flow)> handler) = 0;
  // A message of one of our sessions to its own account that is for a service of the account, not for a person to read:
  // `is_one` says so. It passes `policy_out` only; the handler owns its record and its ack.
  virtual void service_messages(std::function<bool(const Stanza&)> is_one,
                                std::function<void(Session&, Flow)> handler) = 0;
  // What one of our sessions sends to a person, behind `policy_out`: a message, or an iq that no handler answers. True:
  // it may not leave yet; the handler has taken the flow and gives it to Shard::leave or Shard::refuse in its time,
  // whether or not the session is still there.
  virtual void departures(std::function<bool(Session&, Flow&)> handler) = 0;
  // A message that no session takes now: makes the writes of its unit, or refuses. Flow::written tells of them. With
  // Flow::row the message has a row already, which is to wait again. No writes: an identical message waits already.
  virtual void offline_messages(std::function<Verdict(Flow&, std::vector<storage::Write>&)> handler) = 0;
  // A message with Flow::hold_until_ms: makes the write that holds it back, or refuses. No writes: an identical one is
  // held back already.
  virtual void held_messages(std::function<Verdict(Flow&, std::vector<storage::Write>&)> handler) = 0;
  // Told only while the account's Watchers count somebody.
  virtual void message_copies(MessageCopies& copies) = 0;
  virtual void arrivals(Arrivals& arrivals) = 0;
};

}  // namespace valise::core
