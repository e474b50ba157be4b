// The room's inside: one object a shard.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/push/registration.hpp"

namespace valise::modules::push {

// Of an account, by row. Memory is ahead of the store only while a unit is under way.
struct Registrations final : core::Part {
  std::unordered_map<std::string, Registration> by_row;
};

struct Rules {
  bool enabled = true;
  bool sender = false;
  bool inactive = true;
  std::vector<std::string> services;  // empty: every one
  std::size_t most = 0;
  std::int64_t interval_ms = 0, retry_ms = 0;
  unsigned attempts = 0;
};

class PushModule;

// A notification on its way, or between two attempts; it outlives its account's stay in memory.
struct Errand {
  Errand(PushModule& module, core::Jid account_, std::string row_);
  PushModule& module;
  const core::Jid account;
  const std::string row;
  std::size_t missed = 0;
  core::Jid last_sender;
  unsigned failures = 0;  // in a row
  std::uint64_t run = 0;  // of the attempt: tells a late answer to an earlier errand of that name apart
  bool asking = false;    // the service has not answered yet
  bool wanted = false;    // there is something to tell
  net::Timer timer;       // armed: not before it fires
};

class PushModule final : public core::Module, public core::Arrivals {
 public:
  explicit PushModule(core::Shard& shard) : shard_(shard) {}
  void start(core::Registrar& registrar) override;
  void configure(const config::Snapshot& snapshot) override;
  [[nodiscard]] core::Features features(const std::string& host) const override;
  // core::Arrivals
  void arrived(core::Account& account, const core::Jid& sender, bool again) override;

 private:
  friend struct Errand;
  enum class Outcome : std::uint8_t { done, later, refused };

  [[nodiscard]] Registrations& registrations(core::Account& account) const {
    return account.ensure_part<Registrations>(slot_);
  }
  // ---- requests.cpp
  void enable(core::IqRequest request);
  void disable(core::IqRequest request);
  [[nodiscard]] const core::StanzaError* refusal_of(const core::Jid& service) const;
  [[nodiscard]] std::vector<storage::Write> make_room(core::Account& account, const std::string& newcomer);
  void revoked(core::Account& account, std::string_view agent, std::string_view resource);
  // Nobody waits for it.
  void forget(core::Account& account, const std::vector<std::string>& rows, std::string reason);

  // ---- push.cpp
  void back(core::Session& session);
  void detached(core::Session& session);

  // ---- errands.cpp
  void tell(core::Account& account, const std::string& row, const Registration& registration);
  void go(Errand& errand);
  void publish(Errand& errand, core::Account& account, const Registration& registration);
  void answered(const std::string& key, std::uint64_t run, Outcome outcome);
  void give_up(Errand& errand);
  void end(const Errand& errand);
  void end(const core::Jid& account, const std::string& row);

  core::Shard& shard_;
  unsigned slot_ = 0;
  Rules rules_;
  std::uint64_t runs_ = 0;
  std::unordered_map<std::string, std::unique_ptr<Errand>> errands_;  // by account and row
};

[[nodiscard]] bool is_of(const Registration& registration, const core::Session& session);
// The device has a session that shows its person what comes. `inactive`: one whose client nobody looks at does not.
[[nodiscard]] bool is_there(const Registration& registration, const core::Account& account, bool inactive);
}  // namespace valise::modules::push
