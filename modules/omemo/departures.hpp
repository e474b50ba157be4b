// docs/sealed.md 3.7-8, 3.7-9, D4: whether the device that a message names as its sender is one of its account's. What
// is in memory is compared at once. A message whose device is not known yet waits, and with it what its session sends
// behind it, until the publications that came before it are durable and, if need be, the published key was read.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/fifo.hpp"
#include "core/flow.hpp"
#include "core/shard.hpp"
#include "modules/omemo/devices.hpp"
#include "modules/omemo/texts.hpp"

namespace valise::modules::omemo {

class Departures final {
 public:
  // `decide`: what becomes of a message whose device does not fit, where that is enforced; null: it goes on.
  using Decide = std::function<core::Verdict(core::Flow&, Reason)>;
  Departures(core::Shard& shard, Decide decide) : shard_(shard), decide_(std::move(decide)) {}
  // For core::Registrar::departures: true if the flow was taken.
  [[nodiscard]] bool take(core::Session& session, core::Flow& flow, const DeviceChecks& checks);

 private:
  // What is known of a claim's published key once it was read; nothing in it: there is none.
  using Read = std::array<std::optional<std::optional<omemo_keys::Key>>, 2>;
  struct Finding {
    bool unlisted = false;
    std::optional<Reason> kept_out{};  // it is unlisted because somebody decided so
    bool without_keys = false;
    bool other_identity = false;
    std::optional<std::size_t> unread;  // the claim whose key has to be read first
    [[nodiscard]] bool is_good() const noexcept { return !unlisted && !without_keys && !other_identity && !unread; }
  };
  struct Held {
    std::uint64_t number = 0;
    core::Flow flow;
    Claims claims;
    DeviceChecks checks;
    bool settled = false;  // all publications that came before it are durable, or failed
    Read read;
    Finding finding;
    std::size_t bytes = 0;
  };
  // What one session has sent and may not leave yet, in its order. It may outlive the session.
  struct Line {
    core::Jid account;
    Fifo<std::unique_ptr<Held>> waiting;
  };

  [[nodiscard]] std::optional<Reason> kept_out(const core::Account& account, std::uint32_t device) const;
  [[nodiscard]] Finding look(const core::Account& account, const Claims& claims, const DeviceChecks& checks,
                             const Read& read) const;
  void hold(core::Session& session, core::Flow& flow, const Claims& claims, const DeviceChecks& checks);
  void advance(std::uint64_t session);
  [[nodiscard]] bool has_to_wait(std::uint64_t session, const core::Jid& account, Held& head);
  void go_on(std::uint64_t session, std::uint64_t number);
  [[nodiscard]] Held* head_of(std::uint64_t session, std::uint64_t number);

  [[nodiscard]] core::Verdict carry_out(core::Flow& flow, Check check, Reason reason) const;

  core::Shard& shard_;
  const Decide decide_;
  DeviceLists* lists_ = nullptr;                   // looked up when first wanted: modules/pep starts later
  const DeviceGate* gate_ = nullptr;               // likewise
  std::unordered_map<std::uint64_t, Line> lines_;  // by session
  core::TextMap<std::size_t> bytes_;               // of all lines, by account
  std::uint64_t last_number_ = 0;
};

// Keeps the reason for the record of a message that is delivered all the same.
void note(core::Flow& flow, Reason reason);

}  // namespace valise::modules::omemo
