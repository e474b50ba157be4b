// What PEP keeps of an account in memory: configurations, the (small) device lists, and the order of changes. Items
// stay in the store. Home shard only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fifo.hpp"
#include "core/account.hpp"
#include "modules/pep/nodes.hpp"
#include "net/timer_wheel.hpp"

namespace valise::modules::pep {

class Pep;

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

inline constexpr std::int64_t probe_life_ms = 600'000;

struct NodeState {
  NodeConfig config;
  bool unsaved = true;     // no unit with this configuration has become durable yet
  std::uint32_t told = 0;  // events sent: who read the store meanwhile holds something older
};
using Nodes = std::map<std::string, NodeState, std::less<>>;

struct CachedDeviceList {
  bool published = false;
  std::string item_id;
  std::string payload;
  std::int64_t published_ms = 0;  // UTC
  std::vector<std::uint32_t> ids;
  std::uint32_t changes = 0;
};

// The event of a device list that names a device without a bundle: it waits for the bundle, but not for long.
struct HeldEvent {
  HeldEvent(Pep& pep, core::Jid account, OmemoVersion version);
  Pep& pep;
  core::Jid account;
  OmemoVersion version;
  std::vector<std::uint32_t> missing;
  std::string event;
  net::Timer timer;
};

inline constexpr std::size_t max_known_identities = 128;  // of an account, in memory; the store knows the others

struct PepPart final : core::Part {
  Nodes nodes;
  std::array<std::unique_ptr<CachedDeviceList>, 2> lists;                        // by OmemoVersion; null: none
  std::map<std::pair<OmemoVersion, std::uint32_t>, omemo_keys::Key> identities;  // of bundles that were seen
  std::array<std::unique_ptr<HeldEvent>, 2> held;
  // Changes run one after the other up to their commit; what comes meanwhile waits.
  struct Waiting {
    std::size_t bytes;
    std::move_only_function<void(core::Account&, Turn)> change;
  };
  Fifo<Waiting> waiting;
  std::size_t bytes = 0;  // of changes that wait; limits.queue bounds it, and what is being committed
  bool busy = false;
  bool draining = false;
  // Memory changes before the commit. After one that failed the part is read anew once nothing is under way.
  unsigned committing = 0;
  bool stale = false;
  // When the first bundle that no list names has to go (ms UTC).
  std::int64_t bundles_due_ms = std::numeric_limits<std::int64_t>::max();
  bool has_old_probes = false;  // loaded with the account; the sweep has not seen them

  // Any other one makes room.
  void remember_identity(OmemoVersion version, std::uint32_t device, const omemo_keys::Key& key) {
    const std::pair known{version, device};
    if (identities.size() >= max_known_identities && !identities.contains(known)) identities.erase(identities.begin());
    identities[known] = key;
  }
  // Of a bundle node that goes or is emptied.
  void forget_identities(const NodeName& bundles) {
    std::erase_if(identities, [&bundles](const auto& known) {
      return known.first.first == bundles.version && (bundles.device == 0 || known.first.second == bundles.device);
    });
  }

  // To read, and to change.
  [[nodiscard]] const CachedDeviceList& known_list(OmemoVersion version) const {
    static const CachedDeviceList none;
    const auto& known = lists[static_cast<std::size_t>(version)];
    return known ? *known : none;
  }
  [[nodiscard]] CachedDeviceList& list(OmemoVersion version) {
    auto& known = lists[static_cast<std::size_t>(version)];
    if (!known) known = std::make_unique<CachedDeviceList>();
    return *known;
  }
};

inline constexpr std::size_t max_offered = 64;         // nodes that one session is offered
inline constexpr std::size_t max_own_subscribed = 64;  // of one session; others end with the next event

inline constexpr std::size_t max_asked = 256;  // requests shown to one session that wait for their answer

// What the owner was asked on one of his sessions, and has not answered there or elsewhere: nobody gets a second form
// shown by taking a request back and making it again, from whatever address.
class Unanswered {
 public:
  // False: that was asked, or too much was; then the next log-in shows it.
  [[nodiscard]] bool first(std::string_view node, std::string_view person) {
    return open_.size() < max_asked && open_.emplace(node, person).second;
  }
  void answered(const std::string& node, const std::string& person) { open_.erase({node, person}); }
  void forget(std::string_view node) {
    std::erase_if(open_, [node](const auto& asked) { return asked.first == node; });
  }

 private:
  std::set<std::pair<std::string, std::string>> open_;
};

// Of a session.
struct PepSession final : core::Part {
  Unanswered unanswered;
  std::set<std::string, std::less<>> offered;                // nodes whose last item was sent since it became available
  std::set<std::pair<std::string, std::string>> subscribed;  // owner and node, with the full address: ends with it
};

}  // namespace valise::modules::pep
