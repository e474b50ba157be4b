// Private to modules/pep: one instance a shard, for the accounts whose home it is.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/module.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/pep/access.hpp"
#include "modules/pep/devices.hpp"
#include "modules/pep/discovery.hpp"
#include "modules/pep/nodes.hpp"
#include "modules/pep/own_changes.hpp"
#include "modules/pep/part.hpp"

namespace valise::modules::pep {

// What somebody wants to publish, after every check.
struct Publication {
  std::string node;
  NodeName name;
  bool has_item = true;  // false: a signal (§4.3)
  std::string item_id;
  std::string payload;  // may be empty on nodes that deliver none
  std::optional<DeviceList> list;
  std::optional<Bundle> bundle;
  std::uint32_t device = 0;          // of the bundle
  std::optional<NodeConfig> fresh;   // of a node that is to be made for it
  std::vector<std::string> expired;  // items whose time is over
  bool needs_approval = false;       // the administrator's rules want a new device to wait
};

// Why something may not be published; `reason` is for the record, empty where the request was merely malformed.
struct Denial {
  core::StanzaError error;
  std::string reason;
  std::string rule;  // of the administrator, if one decided
};

// What is told to everybody who may know.
struct News {
  std::string event;        // <event/>
  std::string addresses{};  // XEP-0033, only for those who see the owner's presence (XEP-0163 §4.3.1)
  bool to_pending = false;  // also to those whose subscription was not approved yet
};

// An event on its way to somebody who is not its owner.
struct Event {
  core::StanzaPtr stanza;
  core::StanzaPtr addressed;  // the same with News::addresses
  std::string node;
};
// Why somebody gets it.
struct Interest {
  bool by_presence = false;            // contact: each resource that asked for the node (+notify)
  bool by_subscription = false;        // subscribed with the bare address
  std::vector<std::string> resources;  // subscribed with full addresses
};

// Subscriptions that a change of the node brought or ended: address and new state.
using Changed = std::vector<std::pair<std::string, std::string_view>>;

class Pep final : public core::Module, public DeviceLists, public PepDiscovery, public PepOwnChanges {
 public:
  explicit Pep(core::Shard& shard) : shard_(shard), alive_(std::make_shared<const bool>(true)) {}

  void start(core::Registrar& registrar) override;
  void configure(const config::Snapshot& snapshot) override;
  [[nodiscard]] core::Features features(const std::string& host) const override;

  // DeviceLists (devices.cpp)
  [[nodiscard]] std::optional<std::span<const std::uint32_t>> devices(const core::Account& account,
                                                                      OmemoVersion version) const override;
  [[nodiscard]] Item list_item(const core::Account& account, OmemoVersion version) const override;
  void identity_key(const core::Account& account, OmemoVersion version, std::uint32_t device,
                    std::move_only_function<void(std::optional<omemo_keys::Key>)> then) override;
  [[nodiscard]] const omemo_keys::Key* known_identity(const core::Account& account, OmemoVersion version,
                                                      std::uint32_t device) const override;
  [[nodiscard]] bool is_settled(const core::Account& account) const override;
  [[nodiscard]] bool when_settled(core::Account& account, std::move_only_function<void()> then) override;

  // PepDiscovery (discovery.cpp)
  [[nodiscard]] bool is_visible(const core::Account& account, const core::Jid& requester) const override;
  void each_node(const core::Account& account, const core::Jid& requester,
                 const std::function<void(std::string_view, std::string_view)>& visit) const override;
  [[nodiscard]] std::optional<std::string> node_form(const core::Account& account, const core::Jid& requester,
                                                     std::string_view node) const override;
  [[nodiscard]] bool may_read(const core::Account& account, const core::Jid& requester,
                              std::string_view node) const override;
  void item_ids(const core::Account& account, std::string_view node,
                std::move_only_function<void(std::optional<std::vector<std::string>>)> then) override;

  // PepOwnChanges (own_changes.cpp)
  void follow(std::string_view node, Follow follow) override;
  void follow_keys(Follow follow) override { keys_follower_ = std::move(follow); }
  void change(core::Account& account, core::Jid publisher, std::size_t bytes,
              std::move_only_function<void(core::Account&, AnswerChanges)> make,
              std::move_only_function<void(std::expected<void, core::StanzaError>)> done) override;
  [[nodiscard]] std::uint32_t keeps(const core::Account& account, std::string_view node) const override;

  // Called back by Turn and HeldEvent.
  void end_turn(const core::Jid& account);
  void release(const core::Jid& account, OmemoVersion version);

 private:
  using Change = std::move_only_function<void(core::Account&, core::IqRequest, Turn)>;
  using Step = std::move_only_function<void(core::Account&, Turn)>;
  using Committed = std::move_only_function<void(core::Account&, core::IqRequest&)>;
  // Rows, and a record if there is one; `bytes`: what is kept in memory until they are durable.
  struct Rows {
    std::vector<storage::Write> writes;
    std::optional<core::audit::Record> record{};
    std::size_t bytes = 0;
  };
  friend struct HeldEvent;

  // -- pep.cpp: who asks what
  void get(core::IqRequest request);
  void set(core::IqRequest request);
  void owner_get(core::IqRequest request);
  void owner_set(core::IqRequest request);
  void connect_services();
  [[nodiscard]] PepPart& part(const core::Account& account) const { return *account.part<PepPart>(account_slot_); }
  [[nodiscard]] NodeState* find(const core::Account& account, std::string_view node) const;
  [[nodiscard]] Requester requester(const core::Account& account, const core::Jid& jid) const;
  [[nodiscard]] Requester requester_as(const core::Account& account, const core::Jid& jid,
                                       const storage::RosterItem* contact) const;
  [[nodiscard]] bool is_sealed(const core::Account& account) const;
  [[nodiscard]] core::Switches switches(const core::Account& account) const;
  // A node that exists and may: one that an earlier setting let in is not shown (docs/sealed.md 3.6).
  [[nodiscard]] NodeState* find_shown(const core::Account& account, std::string_view node) const;
  // Private nodes of a sealed host are their owner's alone, whatever they say.
  [[nodiscard]] bool is_owners_alone(const core::Account& account, std::string_view node) const;
  // Nothing: `who` may read the node.
  [[nodiscard]] std::optional<core::StanzaError> refusal_for(const core::Account& account, std::string_view node,
                                                             const NodeConfig& config, const Requester& who) const;
  void not_found(core::IqRequest& request) const;
  // Devices of which others see no keys (docs/sealed.md D13), and whether `node` is the bundle of one of them.
  [[nodiscard]] std::span<const std::uint32_t> kept_out(const core::Account& account) const;
  [[nodiscard]] bool is_kept_back(const core::Account& account, std::string_view node, const Requester& who) const;
  // In omemo:2, where all bundles are items of one node: the ids of theirs.
  [[nodiscard]] std::vector<std::string> hidden_items(const core::Account& account, std::string_view node,
                                                      const Requester& who) const;

  // -- changes.cpp: their order and durability
  void in_turn(core::Account& account, core::IqRequest request, Change change);
  // A change that nobody asked for. False: too much waits already, and it is forgotten.
  bool in_turn(core::Account& account, std::size_t bytes, bool own, Step step);
  [[nodiscard]] bool has_room(const core::Account& account, std::size_t bytes, bool own) const;
  void drain(core::Account& account);
  // `then` runs when it is known whether the rows are durable.
  void commit(core::Account& account, Rows rows, std::move_only_function<void(core::Account&, bool)> then);
  void commit(core::Account& account, core::IqRequest request, std::vector<storage::Write> writes, Committed then,
              std::optional<core::audit::Record> record = {});
  // Makes the node's configuration durable, then answers.
  void commit_config(core::Account& account, core::IqRequest request, std::string node, std::string answer = {},
                     std::move_only_function<void(core::Account&)> then = {});
  void commit_config(core::Account& account, const std::string& node, std::optional<core::audit::Record> record,
                     std::move_only_function<void(core::Account&, bool)> then);
  void save(const core::Account& account, std::string_view node, std::vector<storage::Write>& writes) const;
  void reload(core::Account& account);
  // Runs `job` on a database thread, behind all that is being committed for the account, and `then` here.
  template <class Job, class Then>
  void read_behind(core::Account& account, Job job, Then then) {
    account.in_order([this, job = std::move(job), then = std::move(then)]() mutable {
      shard_.read(std::move(job), std::move(then));
    });
  }

  // -- own_changes.cpp: what other rooms change, or add to a client's change
  // What is to be told, and what memory follows, once rows are durable.
  struct ListChange {
    OmemoVersion version;
    std::string item_id, payload;
    std::vector<std::uint32_t> ids;
  };
  struct Told {
    std::vector<std::pair<std::string, std::string>> events;  // by node
    std::vector<ListChange> lists;
    std::vector<std::pair<std::string, NodeConfig>> gone;  // nodes
  };
  void ask_follower(core::Account& account, NodeChange change, Turn turn,
                    std::move_only_function<void(core::Account*, OwnChangesOr)> then);
  // The same, and answers the request where there is nothing to go on with.
  void ask_follower(core::Account& account, core::IqRequest request, NodeChange change, Turn turn,
                    std::move_only_function<void(core::Account&, core::IqRequest, OwnChanges)> then);
  [[nodiscard]] NodeState* own_node(core::Account& account, const std::string& node, bool open);
  [[nodiscard]] std::expected<Told, core::StanzaError> carry_out(core::Account& account, OwnChanges& changes,
                                                                 std::string_view publisher,
                                                                 std::vector<storage::Write>& writes);
  void take_away(core::Account& account, const ItemChange& item, Told& told, std::vector<storage::Write>& writes);
  void own_changes_done(core::Account& account, Told told, OwnChanges& changes);
  void list_changed(core::Account& account, ListChange list, bool untold);

  // -- expiry.cpp: what goes by itself
  void sweep();
  void find_old_probes(core::Account& account);
  void expire_probes();
  void note_unlisted(core::Account& account);
  void mark_unlisted(core::Account& account, const std::vector<std::uint32_t>& omemo_2_bundles);
  void remove_unlisted(core::Account& account);
  void remove_bundle(core::Account& account, const std::string& node, std::uint32_t device);
  void remember_subscription(const core::Jid& owner, const core::Jid& subscriber, const std::string& node);
  void session_ends(core::Session& session);
  void drop_devices(core::Account& account, const std::string& node, std::vector<std::string> jids);

  // -- items.cpp
  void get_items(core::Account& account, core::IqRequest request, xml::Element items);
  // -- subscriptions.cpp
  void subscribe(core::Account& account, core::IqRequest request, xml::Element subscribe);
  void unsubscribe(core::Account& account, core::IqRequest request, xml::Element unsubscribe);
  void get_subscriptions(core::Account& account, core::IqRequest request, std::string_view node);
  void get_affiliations(core::Account& account, core::IqRequest request, std::string_view node);
  void subscribed(core::Account& account, const std::string& node, const core::Jid& jid);
  // -- approvals.cpp
  void ask_owner(core::Account& account, const std::string& node, const std::string& jid, core::Session* only);
  void ask_owner_again(core::Session& session);
  // What each session of the owner was asked.
  void each_unanswered(const core::Account& account, const std::function<void(Unanswered&)>& change) const;
  void answered(core::Session& session, core::Flow flow);
  void approve(core::Account& account, core::Flow flow, const std::string& node, const std::string& jid, bool allow);
  // -- people.cpp: whom the owner lets in
  void set_affiliations(core::Account& account, core::IqRequest request, xml::Element affiliations);
  void set_subscriptions(core::Account& account, core::IqRequest request, xml::Element subscriptions);
  [[nodiscard]] bool set_subscription(core::Account& account, const std::string& node, xml::Element wanted,
                                      NodeConfig& config, Changed& changed) const;
  [[nodiscard]] Changed recalculate(const core::Account& account, const std::string& node, NodeConfig& config) const;
  void tell_changed(core::Account& account, const std::string& node, const Changed& changed);
  void contact_changed(core::Account& account, std::string_view contact, const storage::RosterItem* before,
                       const storage::RosterItem* after);
  // -- publish.cpp
  void publish(core::Account& account, core::IqRequest request, Turn turn);
  [[nodiscard]] std::expected<NodeConfig, core::StanzaError> config_for(core::Account& account, const std::string& node,
                                                                        xml::Element options) const;
  void refuse(core::IqRequest& request, const Denial& denial);
  [[nodiscard]] std::optional<Denial> ask_rules(core::Account& account, const core::IqRequest& request,
                                                Publication& wanted) const;
  void check_identity(core::Account& account, core::IqRequest request, Publication wanted, Turn turn);
  void check_room(core::Account& account, core::IqRequest request, Publication wanted, Turn turn);
  void store_item(core::Account& account, core::IqRequest request, Publication wanted, Turn turn);
  void store_with(core::Account& account, core::IqRequest request, Publication wanted, OwnChanges changes);
  void published(core::Account& account, core::IqRequest& request, Publication wanted, bool untold);
  // -- payloads.cpp
  [[nodiscard]] std::expected<Publication, Denial> read_publication(core::Account& account, xml::Element publish,
                                                                    const NodeConfig& config);
  [[nodiscard]] std::optional<Denial> check_payload(core::Account& account, Publication& wanted, xml::Element payload,
                                                    const NodeConfig& config);
  [[nodiscard]] std::optional<Denial> check_omemo(core::Account& account, Publication& wanted, xml::Element payload);
  void keep_verified_labels(core::Account& account, DeviceList& list) const;
  // -- retract.cpp
  void retract(core::Account& account, core::IqRequest request, Turn turn);
  void retract_now(core::Account& account, core::IqRequest request, std::string node, std::string id, bool notify,
                   OwnChanges changes);
  void forget_item(core::Account& account, const std::string& node, std::string_view id);
  // -- owner.cpp
  [[nodiscard]] std::optional<core::StanzaError> no_room_for(const core::Account& account, std::string_view node) const;
  [[nodiscard]] bool may_create(const core::Account& account, std::string_view node) const;
  void created(core::Account& account, const std::string& node, NodeConfig config);
  void create(core::Account& account, core::IqRequest request);
  void configure_node(core::Account& account, core::IqRequest request, xml::Element configure);
  void delete_node(core::Account& account, core::IqRequest request, std::string node, OwnChanges changes);
  void purge_node(core::Account& account, core::IqRequest request, std::string node, OwnChanges changes);
  void forget_contents(core::Account& account, const NodeName& name);
  // -- events.cpp
  void tell(core::Account& account, const std::string& node, News news);
  void tell_with(core::Account& account, const std::string& node, const NodeConfig& config, News news);
  [[nodiscard]] std::map<std::string, Interest> interested(const core::Account& account, const std::string& node,
                                                           const NodeConfig& config, bool pending) const;
  // To one address: an event that is about it alone.
  void tell_one(core::Account& account, const NodeConfig& config, const core::Jid& to, std::string event);
  static void arrive(core::Shard& there, const std::string& bare, const Event& event, const Interest& interest);
  void deliver(core::Session& session, const core::StanzaPtr& event) const;
  [[nodiscard]] bool wants(const core::Session& session, std::string_view node) const;
  // -- device_events.cpp
  void tell_list(core::Account& account, OmemoVersion version, const std::vector<std::uint32_t>& added);
  void hold(core::Account& account, OmemoVersion version, std::vector<std::uint32_t> missing);
  void tell_list_now(core::Account& account, OmemoVersion version);
  void bundle_came(core::Account& account, OmemoVersion version, std::uint32_t device);
  // -- last_items.cpp
  void offer(core::Session& session);
  void offer_opened(const core::Jid& owner, const core::Jid& contact, std::vector<std::string> nodes);
  void send_last(core::Account& owner, const core::Jid& target, const std::vector<std::string>& nodes, SendLast least);

  core::Shard& shard_;
  std::shared_ptr<const bool> alive_;
  // Reads of items under way, by who asked: each may bring max_answer.
  std::unordered_map<std::string, unsigned> reading_;
  std::map<std::string, Follow, std::less<>> followers_;  // by node
  Follow keys_follower_;                                  // of device lists and bundles; null: none
  const DeviceGate* gate_ = nullptr;                      // null: no device is kept out
  unsigned account_slot_ = 0;
  unsigned session_slot_ = 0;
  bool connected_ = false;
  // Options.
  NodeLimits limits_;
  std::size_t max_nodes_ = 64;
  std::size_t max_devices_ = 20;
  bool probe_nodes_ = true;
  // Compliance probes that were made here, for the sweep.
  struct Probe {
    std::int64_t expires_ms;
    std::int64_t created_ms;  // of the node: one made anew has its own entry
    core::Jid account;
    std::string node;
  };
  std::vector<Probe> probes_;
  net::Timer sweep_timer_{[](void* self) { static_cast<Pep*>(self)->sweep(); }, this};
};

// <event><items node='…'><item id='…' publisher='…'>payload</item></items></event>, with of it what the node delivers
// (XEP-0060 §4.3). `publisher`: any form of an address; its bare form is told.
[[nodiscard]] std::string item_event(const NodeConfig& config, std::string_view node, std::string_view item_id,
                                     std::string_view publisher, std::string_view payload);
// <event><NAME node='…'/></event>
[[nodiscard]] std::string node_event(std::string_view name, std::string_view node);
[[nodiscard]] std::string retract_event(std::string_view node, std::string_view item_id);
// <event><subscription node='…' jid='…' subscription='…'/></event> (§13.14)
[[nodiscard]] std::string subscription_event(std::string_view node, std::string_view jid, std::string_view state);
// What of a stored item may be shown where only sealed content passes: an earlier setting may have let in more
// (docs/sealed.md 3.6). False: nothing. OMEMO's own nodes are checked under every setting.
[[nodiscard]] bool keep_allowed(storage::PepItem& item, core::Switches switches);
[[nodiscard]] bool may_show_id(std::string_view node, std::string_view item_id, core::Switches switches);
// Whether a message is the owner's answer to a request for a subscription (§8.6).
[[nodiscard]] bool is_approval(const core::Stanza& message);
[[nodiscard]] std::string_view bare_of(std::string_view jid) noexcept;

}  // namespace valise::modules::pep
