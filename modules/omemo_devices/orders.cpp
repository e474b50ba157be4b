// What administrators and people decide about a device: it is let in, or it stays out.
#include <algorithm>

#include "base/clock.hpp"
#include "modules/omemo_devices/module.hpp"

namespace valise::modules::omemo_devices {
namespace {

constexpr std::array<std::string_view, 2> version_names{"legacy", "omemo:2"};

std::unexpected<Error> no_such_device(std::uint32_t id) {
  return fail(ErrorCode::not_found, "this account has no device " + std::to_string(id));
}

void describe(core::audit::Record& record, const Device& device) {
  record.sender_device = device.id;
  record.identity = identity_hash(device);
}

std::string_view name_of(State state, bool listed) {
  switch (state) {
    case State::heard_of:
      return "heard-of";
    case State::let_in:
      return listed ? "listed" : "unlisted";
    case State::waiting:
      return "waiting";
    case State::revoked:
      return "revoked";
  }
  return "?";
}

}  // namespace

std::vector<DeviceLine> OmemoDevicesModule::devices(core::Account& account) {
  std::vector<DeviceLine> lines;
  look(account);
  const auto* mine = part(account);
  if (mine == nullptr) return lines;
  for (const auto& device : mine->known.all()) {
    const auto listed = lists_with(account, device.id);
    DeviceLine line{.id = device.id,
                    .state = name_of(device.state, listed[0] || listed[1]),
                    .versions = {},
                    .fingerprint = fingerprint(device),
                    .identity = identity_hash(device),
                    .first_ms = device.first_ms,
                    .seen_ms = device.seen_ms,
                    .resource = device.resource};
    for (std::size_t i = 0; i < listed.size(); ++i) {
      if (listed[i] || device.in[i].named) line.versions.emplace_back(version_names[i]);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

void OmemoDevicesModule::carry_out(core::Account& account, Order order, std::move_only_function<void(Result<>)> done) {
  if (changes_ == nullptr) return done(fail(ErrorCode::internal, "no device lists"));
  look(account);
  // What the order says of itself wins over PEP's "the store is away".
  auto refused = std::make_shared<Result<>>();
  changes_->change(
      account, account.jid, sizeof(pep::OwnChanges),
      [this, order = std::move(order), refused](core::Account& owner, pep::AnswerChanges answer) mutable {
        // Behind what is being committed: the lists that it edits are the durable ones.
        owner.in_order([this, &owner, order = std::move(order), refused, answer = std::move(answer)]() mutable {
          with_part(owner, [order = std::move(order), refused, answer = std::move(answer)](core::Account* now,
                                                                                           DevicesPart* mine) mutable {
            if (now == nullptr) return answer(std::unexpected(core::store_away));
            auto changes = order(*now, *mine);
            mine->kept_out = mine->known.kept_out();
            if (changes) return answer(std::move(*changes));
            *refused = std::unexpected(std::move(changes.error()));
            answer(std::unexpected(core::store_away));
          });
        });
      },
      [refused, done = std::move(done)](const std::expected<void, core::StanzaError>& outcome) mutable {
        if (outcome) return done({});
        if (!*refused) return done(std::move(*refused));
        done(fail(ErrorCode::unavailable, "the store is away or busy"));
      });
}

void OmemoDevicesModule::approve(core::Account& account, std::uint32_t id, core::audit::Record record,
                                 std::move_only_function<void(Result<>)> done) {
  carry_out(
      account,
      [this, id, record = std::move(record)](core::Account& owner,
                                             DevicesPart& mine) mutable -> Result<pep::OwnChanges> {
        auto* device = mine.known.find(id);
        if (device == nullptr) return no_such_device(id);
        if (!is_kept_out(device->state)) {
          return fail(ErrorCode::conflict, "device " + std::to_string(id) + " neither waits nor is revoked");
        }
        const auto before = *device;
        const auto into = mine.known.approve(*device);
        pep::OwnChanges changes;
        for (const auto version : {OmemoVersion::legacy, OmemoVersion::omemo_2}) {
          if (!into[static_cast<std::size_t>(version)]) continue;
          const auto list = lists_->devices(owner, version);
          if (list && list->size() >= rules_of(owner).rules.max_devices) {
            *device = before;
            return fail(ErrorCode::limit, "the account's list is full (omemo.max_devices); revoke a device first");
          }
          if (auto item = edited(owner, version, {}, {&id, 1})) changes.items.push_back(std::move(*item));
        }
        changes.writes.push_back(row_of(owner, *device));
        describe(record, *device);
        changes.record = std::move(record);
        guard(owner, changes, {});
        return changes;
      },
      std::move(done));
}

void OmemoDevicesModule::revoke(core::Account& account, std::uint32_t id, core::audit::Record record,
                                std::move_only_function<void(Result<>)> done) {
  carry_out(
      account,
      [this, id, record = std::move(record)](core::Account& owner,
                                             DevicesPart& mine) mutable -> Result<pep::OwnChanges> {
        auto* device = mine.known.find(id);
        if (device == nullptr) return no_such_device(id);
        if (device->state == State::revoked) {
          return fail(ErrorCode::conflict, "device " + std::to_string(id) + " is revoked already");
        }
        const auto revoked = std::ranges::count(mine.known.all(), State::revoked, &Device::state);
        if (static_cast<std::size_t>(revoked) >= max_revoked) {
          return fail(ErrorCode::limit, "this account has " + std::to_string(max_revoked) + " revoked devices");
        }
        mine.known.revoke(*device, lists_with(owner, id));
        pep::OwnChanges changes;
        for (const auto version : {OmemoVersion::legacy, OmemoVersion::omemo_2}) {
          if (auto item = edited(owner, version, {&id, 1}, {})) changes.items.push_back(std::move(*item));
          changes.items.push_back(
              {.node = pep::bundle_node(version, id), .id = std::to_string(id), .payload = std::nullopt});
        }
        changes.writes.push_back(row_of(owner, *device));
        describe(record, *device);
        changes.record = std::move(record);
        guard(owner, changes, {});
        return changes;
      },
      std::move(done));
}

}  // namespace valise::modules::omemo_devices
