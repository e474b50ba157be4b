// One thread and everything that happens on it: its event loop, the accounts whose home it is, its instances of the
// modules, its part of the router. Other shards reach it by posting; nothing else crosses.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/account.hpp"
#include "core/again.hpp"
#include "core/hooks.hpp"
#include "core/iq.hpp"
#include "core/kernel.hpp"
#include "core/unit.hpp"
#include "net/loop.hpp"

namespace valise::core {

class Shard final : private net::TurnEnd {
 public:
  Shard(Kernel& kernel, unsigned index, Ref<const Settings> settings);
  ~Shard();
  // Creates the modules and orders the hooks. Errors: a cycle, a handler declared twice, or without a row in the table
  // of what passes (Kernel::has_row).
  [[nodiscard]] Result<> start_modules(const config::Snapshot& config);

  // ---- any thread
  void post(net::Task task) { loop_.post(std::move(task)); }
  [[nodiscard]] unsigned index() const noexcept { return index_; }

  // ---- this shard's thread only
  [[nodiscard]] net::Loop& loop() noexcept { return loop_; }
  [[nodiscard]] Kernel& kernel() noexcept { return kernel_; }
  [[nodiscard]] const Settings& settings() const noexcept { return *settings_; }
  [[nodiscard]] const HostSettings* host(std::string_view domain) const { return settings_->host(domain); }
  [[nodiscard]] const Hooks& hooks() const noexcept { return hooks_; }
  void reconfigure(Ref<const Settings> settings, const config::Snapshot& config);
  // Before the committer ends, when there are no sessions any more. Messages that wait to begin again do so here.
  void stop_modules();
  // What the modules add to <stream:features/> after log-in.
  [[nodiscard]] std::string stream_features(const std::string& host) const;
  [[nodiscard]] std::string stream_features_before_login(const std::string& host) const;
  // What the modules announce there beside their manifests. Not before all have read a new configuration.
  [[nodiscard]] Features features(const std::string& host) const;

  // Hands a task to another shard at the end of this turn, in one batch with all others; at once if it is this one.
  void post_to(unsigned shard, net::Task task);

  // -- accounts
  [[nodiscard]] Account* find_account(std::string_view bare);  // in memory, or null
  // Runs `then` with the account in memory (its `exists` says whether there is one), now if it is loaded. Call on the
  // home shard. A store that is away: null.
  void with_account(const Jid& bare, std::move_only_function<void(Account*)> then);
  // The same from any shard: runs on the account's home shard.
  void on_home(const Jid& bare, std::move_only_function<void(Shard&, Account*)> then);
  // A unit has made the account's `state` durable: what is in memory follows, and a gone or disabled account loses its
  // sessions. Gone is for ever: what comes later changes nothing.
  void account_changed(const Jid& bare, storage::AccountState state);
  // Reads the row of an account that is in memory again; then `then`. A store that is away changes nothing.
  void refresh_account(const Jid& bare, std::move_only_function<void()> then);

  // -- sessions: called by the stream
  // RFC 6120 §7: adds the session. One resource twice: the older stream ends with <conflict/>.
  void open_session(Session& session);
  void close_session(Session& session);
  // XEP-0198 §5: it has no connection any more; it has one again, and all that it missed.
  void session_detached(Session& session);
  void session_resumed(Session& session);
  // A stanza of one of our clients, `from` stamped. `ack_number`: its number in the session's stream (XEP-0198), or 0.
  void from_session(Session& session, StanzaPtr stanza, std::uint64_t ack_number = 0);

  // -- the passage of a stanza, for the modules that carry out a part of it
  // What one of the account's sessions sends to others, behind what that session sent before (RFC 6120 §10.1).
  void leave(Account& account, Flow flow);
  // On to its address, through the stages of the recipient; what can't be reached is refused.
  void send_on(Flow flow);
  // It does not go on: a record of the denial, the error to its sender, and it is handled.
  void refuse(Flow flow, Verdict refusal);
  // It is handled for good (XEP-0198): all that it changes is durable.
  void handled(const Ack& ack, const Jid& sender);
  void handled(const Flow& flow) { handled(flow.ack, flow.stanza->from); }
  // For what waits for nobody: submits its record and takes its ack, which follows when that is durable. False: it
  // can't be recorded now and must not go on; the sender was told.
  [[nodiscard]] bool record_passing(Flow& flow, audit::Kind kind);
  // Whether the recipient's wishes and rules let a presence in that is sent to many. A denial leaves no record: what
  // was sent is recorded, not who of many got it.
  [[nodiscard]] bool lets_in(Flow& copy, Account& recipient);

  // -- routing of what the server makes itself
  // To wherever `to` lives: a session, all sessions of an account by RFC 6121 §8, a peer. A presence, which is always
  // in a person's name, passes the stages of its recipient; nothing else passes rules.
  void route(StanzaPtr stanza);
  // A message of the domain `host` to an account of ours, with those children (XML): from its recipient's stages on it
  // is one like any other, recorded, and stored if nobody is there. `done` (here): whether it became
  // durable, which a headline never does.
  void say(const std::string& host, std::string type, Jid to, std::string_view children,
           std::move_only_function<void(bool)> done);
  // A message that its sender sent earlier, or that the server makes, from any shard: to the stages of its recipient.
  // Nothing happens where the store is away; `written` is not called then.
  void enter(std::unique_ptr<Flow> flow);
  void route_error(const Stanza& original, const StanzaError& error, Language language);
  // Whether what others send may still wait for commits of the account. Half of limits.queue is theirs, so that there
  // is room for what the server owes its own client. Without commits under way, always.
  [[nodiscard]] bool has_room(const Account& account) const noexcept {
    return account.waiting_bytes() < settings_->queue_bytes / 2;
  }
  // Whether one more change of the account may wait that keeps so many bytes: changes have three quarters of
  // limits.queue, so that there is room for their answers. The first may be as large as a stanza may.
  [[nodiscard]] bool has_room_for_change(const Account& account, std::size_t bytes) const noexcept {
    const auto waiting = account.waiting_bytes();
    return waiting == 0 || waiting + bytes <= settings_->queue_bytes / 4 * 3;
  }
  // Whether contacts are not told that somebody is available: memory is short, and messages go first. The next
  // presence tells.
  [[nodiscard]] bool sheds_presence() const noexcept { return kernel_.memory_is(MemoryState::critical); }
  // To one session, in the order of its account's deliveries. Where limits.queue is full of what waits for the
  // account's commits, the session ends (RFC 6120 §4.9.3.17): it would miss something and not know.
  void deliver(Session& session, StanzaPtr stanza, std::string extra = {});
  // A request of the server to a client; `answer` gets the result or error stanza, or null after timeouts.answer or
  // when the session ends. It says nothing of the account, so it waits for no commit. False: the client owes as many
  // answers as it may (Requests::max); nothing was asked, and `answer` is not called.
  [[nodiscard]] bool request(Session& session, std::string payload, Requests::Answer answer,
                             std::string_view type = "get");

  // Bytes of messages that wait to begin again.
  [[nodiscard]] std::size_t bytes_to_begin_again() const noexcept { return again_.waiting_bytes(); }

  // -- storage
  // Submits the unit; its `done` runs here. With nothing to write `done` runs before this returns. False: the committer
  // takes no more, `done` has run and knows.
  bool commit(UnitPtr unit);
  // The same for a change of an account: its `done` has its place in the order of what the account gets, and the
  // account stays in memory until then. `bytes`: what `done` keeps until then, beside the unit. Without room for it
  // (see above) nothing is written, `done` has run and knows.
  void commit_in_order(Account& account, UnitPtr unit, std::size_t bytes);
  // Runs `job` on a database thread and `then` here with its result. What `then` owns is destroyed here, too.
  template <class Job, class Then>
  void read(Job job, Then then) {
    using Outcome = std::invoke_result_t<Job&, storage::Reader&>;
    struct Pair {
      Job job;
      Then then;
    };
    auto pair = std::make_shared<Pair>(Pair{std::move(job), std::move(then)});
    const bool taken =
        kernel_.readers != nullptr && kernel_.readers->submit([this, pair](storage::Reader* reader) mutable {
          auto outcome = reader == nullptr ? Outcome(unavailable()) : pair->job(*reader);
          post([pair = std::move(pair), outcome = std::move(outcome)]() mutable { pair->then(std::move(outcome)); });
        });
    if (!taken) pair->then(Outcome(unavailable()));
  }

  // Runs `job`, which takes nothing and touches nothing of a shard, on a working thread and `then` here with its
  // result. False: too much of that waits already, in all or for that network; neither runs.
  template <class Job, class Then>
  [[nodiscard]] bool compute(const Share& share, Job job, Then then) {
    if (kernel_.workers == nullptr) {
      post([job = std::move(job), then = std::move(then)]() mutable { then(job()); });
      return true;
    }
    return kernel_.workers->submit(share, [this, job = std::move(job), then = std::move(then)]() mutable {
      post([then = std::move(then), outcome = job()]() mutable { then(std::move(outcome)); });
    });
  }

  // A record of something that is no stanza (log-in, denial …); nobody waits for it.
  void record(audit::Record record);
  // `listener` hears of each record of this shard when it goes to the committer.
  void on_record(std::function<void(const audit::Record&)> listener) { on_record_ = std::move(listener); }

  // Modules publish and find small interfaces by type.
  template <class Service>
  void publish(Service& service) {
    services_[&service_key<Service>] = &service;
  }
  template <class Service>
  [[nodiscard]] Service* service() const {
    const auto found = services_.find(&service_key<Service>);
    return found == services_.end() ? nullptr : static_cast<Service*>(found->second);
  }
  // By bare JID.
  using Accounts = std::unordered_map<std::string_view, std::unique_ptr<Account>>;
  [[nodiscard]] const Accounts& accounts() const { return accounts_; }

  // Those who watch the account's messages (XEP-0280), but for `receivers` (session ids), see one that arrived; `id`
  // and `extra` (stanza-id, delay) as in MessageCopies.
  void show_arrived(Account& account, const Stanza& message, std::span<const std::uint64_t> receivers, std::uint64_t id,
                    std::string_view extra);

 private:
  friend class Router;
  friend class Handover;
  friend class Again;
  template <class Service>
  static inline const char service_key = 0;
  static std::unexpected<Error> unavailable() { return fail(ErrorCode::unavailable, "the store is away or busy"); }

  void on_turn_end() override;
  void keep_nobody(const std::string& jid);
  void arrive_when_loaded(std::unique_ptr<Flow> flow);
  void sweep_accounts();

  Kernel& kernel_;
  const unsigned index_;
  Ref<const Settings> settings_;
  net::Loop loop_;
  Hooks hooks_;
  std::vector<std::unique_ptr<Module>> modules_;
  std::unordered_map<const void*, void*> services_;
  Accounts accounts_;  // the keys are the accounts' own
  std::unordered_map<std::string, std::vector<std::move_only_function<void(Account*)>>> loading_;
  std::deque<std::string> nobodies_;              // in accounts_, and without a row when they were read; oldest first
  std::size_t loading_bytes_ = 0;                 // of stanzas that wait for an account to be read
  std::vector<std::vector<net::Task>> outboxes_;  // by shard
  net::Timer sweep_;
  Again again_{*this};
  std::function<void(const audit::Record&)> on_record_;
  std::uint64_t delivered_ = 0;  // messages that were to be: Flow::number

  // router.cpp, delivery.cpp: the passage of stanzas
  Verdict run_stages(Flow& flow, Stage first, Stage last);
  void depart(Session& session, Flow flow);  // to others, once no module holds it
  // Goes on behind the account's commits; `line`: who waits so (Account::departing or arriving).
  void line_up(Account& account, std::uint32_t& line, Flow flow, void (Shard::*go_on)(Flow));
  void cross(Flow flow);   // to the recipient's home shard
  void arrive(Flow flow);  // on the recipient's home shard, account in memory
  void arrive_now(Flow flow);
  void arrive_message(Flow flow);
  void arrive_iq(Flow flow);
  void arrive_presence(Flow flow);
  void answer_locally(Flow flow, Session* session, IqTarget target);
  void send_iq_from_session(Session& session, Flow flow);
  void hold(Flow flow);
  void commit_message(Flow flow, std::vector<Session*> targets, std::vector<storage::Write> writes, bool stored);
  void pass_message(Flow flow, const std::vector<Session*>& targets);
  [[nodiscard]] std::string stamp(const Flow& flow) const;
  void no_room(Flow flow);      // too much waits for the recipient's commits
  void begin_again(Flow flow);  // no session took it: as if it arrived now, or soon
  void to_server(Flow flow);
  [[nodiscard]] bool is_service_message(const Session& session, const Stanza& stanza) const;
  bool take_answer(Session& session, const StanzaPtr& stanza);
  void complete_at_once(Unit& unit);
  // copies.cpp: who else sees a message (XEP-0280)
  void show_sender(Unit& unit, Flow& flow);  // his other sessions, once the unit is complete
  void show_sender(const Flow& flow);        // the same of a message that waits for no unit
  void show_sent(const StanzaPtr& message, std::uint64_t id, std::string extra);
  void show_in_order(Account& account, StanzaPtr message, const std::vector<Session*>& receivers);
  [[nodiscard]] bool is_watched(const Account& account, const Stanza& message) const;
};

}  // namespace valise::core
