// What goes by itself: probes of compliance testers after ten minutes, bundles of devices that no list names after
// seven days, subscriptions of devices with their sessions.
#include <algorithm>
#include <limits>

#include "base/clock.hpp"
#include "modules/pep/module.hpp"

namespace valise::modules::pep {
namespace {

constexpr std::int64_t sweep_every_ms = 60'000;
constexpr std::int64_t keep_unlisted_ms = 7LL * 24 * 3600 * 1000;
constexpr std::size_t small_change = 256;  // bytes that a change of ours is taken for

// Devices that a list names, in either version: a client takes both down, or none. One that waits for approval keeps
// its keys, too.
bool is_listed(const PepPart& part, const DeviceGate* gate, const core::Account& account, std::uint32_t device) {
  if (gate != nullptr && gate->standing(account, device) == DeviceGate::Standing::waiting) return true;
  return std::ranges::any_of(part.lists, [device](const auto& list) {
    return list && std::ranges::find(list->ids, device) != list->ids.end();
  });
}

}  // namespace

void Pep::sweep() {
  shard_.loop().timers().arm(sweep_timer_, steady_ms(), sweep_every_ms);
  const auto now = utc_now_ms();
  std::vector<core::Account*> accounts;
  for (const auto& [jid, account] : shard_.accounts()) {
    if (account->part<PepPart>(account_slot_) != nullptr) accounts.push_back(account.get());
  }
  for (auto* account : accounts) {
    find_old_probes(*account);
    if (part(*account).bundles_due_ms <= now) remove_unlisted(*account);
  }
  expire_probes();
}

// ---- probes: of this process; those that outlived a restart are found when their account is loaded

void Pep::find_old_probes(core::Account& account) {
  auto& state = part(account);
  if (!std::exchange(state.has_old_probes, false)) return;
  for (const auto& [node, probe] : state.nodes) {
    if (classify(node).kind != NodeKind::probe) continue;
    const auto left =
        std::clamp<std::int64_t>(probe.config.created_ms + probe_life_ms - utc_now_ms(), 0, probe_life_ms);
    probes_.push_back({shard_.loop().now_ms() + left, probe.config.created_ms, account.jid, node});
  }
  expire_probes();
}

void Pep::expire_probes() {
  const auto now = shard_.loop().now_ms();
  const auto due = std::ranges::partition(probes_, [now](const Probe& probe) { return probe.expires_ms > now; });
  const std::vector<Probe> old(due.begin(), due.end());
  probes_.erase(due.begin(), due.end());
  for (const auto& probe : old) {
    shard_.with_account(
        probe.account, [this, node = probe.node, created_ms = probe.created_ms](core::Account* account) {
          if (account == nullptr || !account->exists) return;
          const auto* state = find(*account, node);
          if (state == nullptr || state->config.created_ms != created_ms) return;
          part(*account).nodes.erase(node);
          commit(*account, {.writes = {storage::RemovePepNode{account->jid.str(), node}}}, [](core::Account&, bool) {});
        });
  }
}

// ---- bundles that no list names

// Notes which they are since when, and removes those whose time has come.
void Pep::note_unlisted(core::Account& account) {
  const std::string node(bundle_node(OmemoVersion::omemo_2, 0));
  if (find(account, node) == nullptr) return mark_unlisted(account, {});
  read_behind(
      account,
      [owner = account.jid.str(), node](storage::Reader& reader) {
        return reader.pep_item_names(owner, node, max_omemo_bundles);
      },
      [this, jid = account.jid](Result<std::vector<storage::PepItemName>> names) {
        auto* owner = shard_.find_account(jid.full());
        if (!names || owner == nullptr) return;
        std::vector<std::uint32_t> devices;
        for (const auto& name : *names) {
          if (const auto device = parse_device_id(name.id)) devices.push_back(*device);
        }
        mark_unlisted(*owner, devices);
      });
}

void Pep::mark_unlisted(core::Account& account, const std::vector<std::uint32_t>& omemo_2_bundles) {
  in_turn(account, small_change, true, [this, omemo_2_bundles](core::Account& owner, Turn) {
    auto& state = part(owner);
    const auto now = utc_now_ms();
    std::vector<std::string> changed;
    for (auto& [node, bundles] : state.nodes) {
      const auto name = classify(node);
      if (name.kind != NodeKind::bundle) continue;
      std::map<std::uint32_t, std::int64_t> unlisted;
      const auto devices = name.version == OmemoVersion::omemo_2 ? omemo_2_bundles : std::vector{name.device};
      for (const auto device : devices) {
        if (is_listed(state, gate_, owner, device)) continue;
        const auto known = bundles.config.unlisted.find(device);
        unlisted.emplace(device, known == bundles.config.unlisted.end() ? now : known->second);
      }
      if (unlisted == bundles.config.unlisted) continue;
      bundles.config.unlisted = std::move(unlisted);
      changed.push_back(node);
    }
    for (const auto& node : changed) commit_config(owner, node, std::nullopt, [](core::Account&, bool) {});
    remove_unlisted(owner);
  });
}

void Pep::remove_unlisted(core::Account& account) {
  auto& state = part(account);
  const auto now = utc_now_ms();
  std::vector<std::pair<std::string, std::uint32_t>> due;
  state.bundles_due_ms = std::numeric_limits<std::int64_t>::max();
  for (const auto& [node, bundles] : state.nodes) {
    for (const auto& [device, since_ms] : bundles.config.unlisted) {
      if (since_ms + keep_unlisted_ms <= now) {
        due.emplace_back(node, device);
      } else {
        state.bundles_due_ms = std::min(state.bundles_due_ms, since_ms + keep_unlisted_ms);
      }
    }
  }
  for (const auto& [node, device] : due) {
    in_turn(account, small_change, true,
            [this, node = node, device = device](core::Account& owner, Turn) { remove_bundle(owner, node, device); });
  }
}

void Pep::remove_bundle(core::Account& account, const std::string& node, std::uint32_t device) {
  auto* state = find(account, node);
  if (state == nullptr || state->config.unlisted.erase(device) == 0) return;
  if (is_listed(part(account), gate_, account, device)) return;
  const auto version = classify(node).version;
  part(account).identities.erase({version, device});
  auto config = state->config;
  std::vector<storage::Write> writes;
  std::string event;
  if (version == OmemoVersion::legacy) {
    part(account).nodes.erase(node);
    writes.emplace_back(storage::RemovePepNode{account.jid.str(), node});
    if (config.notify_delete) event = node_event("delete", node);
  } else {
    state->unsaved = true;
    save(account, node, writes);
    writes.emplace_back(storage::RemovePepItem{account.jid.str(), node, std::to_string(device)});
    if (config.notify_retract) event = retract_event(node, std::to_string(device));
  }
  commit(
      account, {.writes = std::move(writes)},
      [this, node, config = std::move(config), event = std::move(event)](core::Account& owner, bool durable) mutable {
        if (durable && !event.empty()) tell_with(owner, node, config, {.event = std::move(event)});
      });
}

// ---- subscriptions with a full address: they are one session's and end with it (§13.5). What a restart or a bound
// left over ends with the next event.

void Pep::remember_subscription(const core::Jid& owner, const core::Jid& subscriber, const std::string& node) {
  const auto home = shard_.kernel().home_index(subscriber.bare());
  auto* there = shard_.kernel().shards[home].get();
  shard_.post_to(home, [there, owner, subscriber, node] {
    auto* account = there->find_account(subscriber.bare());
    auto* session = account == nullptr ? nullptr : account->find(subscriber.resource());
    auto* pep = there->service<Pep>();
    if (session == nullptr || pep == nullptr) return;
    auto& mine = session->ensure_part<PepSession>(pep->session_slot_).subscribed;
    if (mine.size() < max_own_subscribed) mine.emplace(owner.str(), node);
  });
}

void Pep::session_ends(core::Session& session) {
  const auto* mine = session.part<PepSession>(session_slot_);
  if (mine == nullptr) return;
  for (const auto& [owner, node] : mine->subscribed) {
    const auto home = shard_.kernel().home_index(owner);
    auto* there = shard_.kernel().shards[home].get();
    // Nobody is loaded for it.
    shard_.post_to(home, [there, owner = owner, node = node, jid = session.jid.str()] {
      auto* account = there->find_account(owner);
      auto* pep = there->service<Pep>();
      if (account != nullptr && account->exists && pep != nullptr) pep->drop_devices(*account, node, {jid});
    });
  }
}

void Pep::drop_devices(core::Account& account, const std::string& node, std::vector<std::string> jids) {
  in_turn(account, small_change, false, [this, node, jids = std::move(jids)](core::Account& owner, Turn) {
    auto* state = find(owner, node);
    if (state == nullptr) return;
    std::size_t gone = 0;
    for (const auto& jid : jids) gone += state->config.subscribers.erase(jid) + state->config.pending.erase(jid);
    if (gone != 0) commit_config(owner, node, std::nullopt, [](core::Account&, bool) {});
  });
}

}  // namespace valise::modules::pep
