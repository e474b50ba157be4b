// Private to modules/pep: one instance a shard, for the accounts whose home it is.
#pragma once

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
#include "modules/pep/part.hpp"

namespace valise::modules::pep {

// The right to change an account's nodes; its end lets the next change begin. May outlive the module.
class Turn {
 public:
  Turn(Pep& pep, std::weak_ptr<const bool> alive, core::Jid account)
      : pep_(&pep), alive_(std::move(alive)), account_(std::move(account)) {}
  Turn(Turn&& other) noexcept
      : pep_(std::exchange(other.pep_, nullptr)),
        alive_(std::move(other.alive_)),
        account_(std::move(other.account_)) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn();

 private:
  Pep* pep_;
  std::weak_ptr<const bool> alive_;
  core::Jid account_;
};

// What an owner wants to publish, after every check.
struct Publication {
  std::string node;
  NodeName name;
  std::string item_id;
  std::string payload;  // may be empty on nodes that deliver none
  std::optional<DeviceList> list;
  std::optional<Bundle> bundle;
  std::uint32_t device = 0;  // of the bundle
};

// Why something may not be published; `reason` is for the record, empty where the request was merely malformed.
struct Denial {
  core::StanzaError error;
  std::string reason;
  std::string rule;  // of the administrator, if one decided
};

// An event on its way to somebody who is not its owner.
struct Event {
  core::StanzaPtr stanza;
  std::string node;
};
// Why somebody gets it.
struct Interest {
  bool by_presence = false;            // contact: each resource that asked for the node (+notify)
  bool by_subscription = false;        // subscribed with the bare address
  std::vector<std::string> resources;  // subscribed with full addresses
};

class Pep final : public core::Module, public DeviceLists, public PepDiscovery {
 public:
  explicit Pep(core::Shard& shard) : shard_(shard), alive_(std::make_shared<const bool>(true)) {}

  void start(core::Registrar& registrar) override;
  void configure(const config::Snapshot& snapshot) override;

  // DeviceLists (devices.cpp)
  [[nodiscard]] std::optional<std::span<const std::uint32_t>> devices(const core::Account& account,
                                                                      OmemoVersion version) const override;
  void identity_key(const core::Account& account, OmemoVersion version, std::uint32_t device,
                    std::move_only_function<void(std::optional<omemo_keys::Key>)> then) override;

  // PepDiscovery (discovery.cpp)
  [[nodiscard]] bool is_visible(const core::Account& account, const core::Jid& requester) const override;
  void each_node(const core::Account& account, const core::Jid& requester,
                 const std::function<void(std::string_view, std::string_view)>& visit) const override;
  [[nodiscard]] std::optional<std::string> node_form(const core::Account& account, const core::Jid& requester,
                                                     std::string_view node) const override;
  void item_ids(const core::Account& account, std::string_view node,
                std::move_only_function<void(std::optional<std::vector<std::string>>)> then) override;

  // Called back by Turn and HeldEvent.
  void end_turn(const core::Jid& account);
  void release(const core::Jid& account, OmemoVersion version);

 private:
  using Change = std::move_only_function<void(core::Account&, core::IqRequest, Turn)>;
  using Committed = std::move_only_function<void(core::Account&, core::IqRequest&)>;
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
  [[nodiscard]] bool is_sealed(const core::Account& account) const;
  // Nothing: `who` may read the node. Private nodes of a sealed host are their owner's alone, whatever they say.
  [[nodiscard]] std::optional<core::StanzaError> refusal_for(const core::Account& account, std::string_view node,
                                                             const NodeConfig& config, const Requester& who) const;
  void not_found(core::IqRequest& request) const;

  // -- changes.cpp: their order and durability
  void in_turn(core::Account& account, core::IqRequest request, Change change);
  void drain(core::Account& account);
  void commit(core::Account& account, core::IqRequest request, std::vector<storage::Write> writes, Committed then);
  // Makes the node's configuration durable, then answers.
  void commit_config(core::Account& account, core::IqRequest request, std::string node, std::string answer = {},
                     std::move_only_function<void(core::Account&)> then = {});
  void save(const core::Account& account, std::string_view node, std::vector<storage::Write>& writes) const;
  void reload(core::Account& account);
  void expire_probes();

  // -- items.cpp
  void get_items(core::Account& account, core::IqRequest request, xml::Element items);
  // -- subscriptions.cpp
  void subscribe(core::Account& account, core::IqRequest request, xml::Element subscribe, Turn turn);
  void unsubscribe(core::Account& account, core::IqRequest request, xml::Element unsubscribe, Turn turn);
  void get_subscriptions(core::Account& account, core::IqRequest request, std::string_view node);
  void get_affiliations(core::Account& account, core::IqRequest request, std::string_view node);
  // -- publish.cpp
  void publish(core::Account& account, core::IqRequest request, Turn turn);
  [[nodiscard]] std::expected<Publication, Denial> read_publication(core::Account& account, xml::Element publish);
  [[nodiscard]] std::optional<Denial> check_payload(core::Account& account, Publication& wanted, xml::Element payload);
  [[nodiscard]] std::optional<Denial> check_omemo(core::Account& account, Publication& wanted, xml::Element payload);
  void keep_verified_labels(core::Account& account, DeviceList& list) const;
  [[nodiscard]] std::optional<core::StanzaError> prepare_node(core::Account& account, const std::string& node,
                                                              xml::Element options);
  void refuse(core::IqRequest& request, const Denial& denial);
  [[nodiscard]] std::optional<Denial> ask_rules(core::Account& account, const core::IqRequest& request,
                                                std::string_view node) const;
  void store_item(core::Account& account, core::IqRequest request, Publication wanted);
  void published(core::Account& account, core::IqRequest& request, Publication wanted);
  void retract(core::Account& account, core::IqRequest request, Turn turn);
  void retract_now(core::Account& account, core::IqRequest request, std::string node, std::string id, bool notify);
  [[nodiscard]] std::optional<core::StanzaError> no_room_for(const core::Account& account, std::string_view node) const;
  [[nodiscard]] bool may_create(const core::Account& account, std::string_view node) const;
  // -- owner.cpp
  void created(core::Account& account, const std::string& node, NodeConfig config);
  void create(core::Account& account, core::IqRequest request);
  void configure_node(core::Account& account, core::IqRequest request, xml::Element configure);
  void delete_node(core::Account& account, core::IqRequest request, std::string node);
  void purge_node(core::Account& account, core::IqRequest request, std::string node);
  void set_affiliations(core::Account& account, core::IqRequest request, xml::Element affiliations);
  // -- events.cpp
  void tell(core::Account& account, const std::string& node, std::string event);
  void tell_with(core::Account& account, const std::string& node, const NodeConfig& config, std::string event);
  void tell_list(core::Account& account, OmemoVersion version, const std::vector<std::uint32_t>& added);
  void hold(core::Account& account, OmemoVersion version, std::vector<std::uint32_t> missing);
  void tell_list_now(core::Account& account, OmemoVersion version);
  void bundle_came(core::Account& account, OmemoVersion version, std::uint32_t device);
  static void arrive(core::Shard& there, const std::string& bare, const Event& event, const Interest& interest);
  void deliver(core::Session& session, const core::StanzaPtr& event) const;
  [[nodiscard]] bool wants(const core::Session& session, std::string_view node) const;
  // -- last_items.cpp
  void offer(core::Session& session);
  void send_last(core::Account& owner, const core::Jid& target, const std::vector<std::string>& nodes, SendLast least);

  core::Shard& shard_;
  std::shared_ptr<const bool> alive_;
  unsigned account_slot_ = 0;
  unsigned session_slot_ = 0;
  bool connected_ = false;
  // Options.
  NodeLimits limits_;
  std::size_t max_nodes_ = 64;
  std::size_t max_item_bytes_ = 64 * 1024;
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
  net::Timer probe_sweep_{[](void* self) { static_cast<Pep*>(self)->expire_probes(); }, this};
};

// <event><items node='…'><item id='…'>payload</item></items></event>
[[nodiscard]] std::string item_event(std::string_view node, std::string_view item_id, std::string_view payload);

}  // namespace valise::modules::pep
