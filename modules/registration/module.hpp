// The room's inside: one object a shard.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/hourly_count.hpp"
#include "core/account_change.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "net/timer_wheel.hpp"

namespace valise::modules::registration {

inline constexpr std::string_view ns_register = "jabber:iq:register";
inline constexpr std::string_view ns_pars = "urn:xmpp:pars:0";

// What the configuration says about one host.
struct HostRules {
  bool enabled = false;          // strangers may make accounts
  bool change_password = false;  // people may change their own password
  bool remove = false;           // people may remove their account
};

// Of an account: what its owner asked for lately.
struct Recent final : core::Part {
  bool under_way = false;   // a new password is being made
  bool leaving = false;     // the owner's removal is on its way to the store
  unsigned being_kept = 0;  // new passwords on their way to the store, an administrator's too: the last word is theirs
  HourlyCount passwords;
};

// XEP-0077 §7: errors carry the old code as well (XEP-0086).
[[nodiscard]] core::StanzaError refusal(core::StanzaError::Type type, std::string_view condition, core::Text text);
// core::too_short, with the old code.
[[nodiscard]] std::optional<core::StanzaError> short_password(const core::Shard& shard, std::string_view host,
                                                              std::string_view password);

class RegistrationModule final : public core::Module, public core::Registration, public core::StrangerRequests {
 public:
  explicit RegistrationModule(core::Shard& shard);
  void start(core::Registrar& registrar) override;
  void configure(const config::Snapshot& snapshot) override;
  [[nodiscard]] core::Features features(const std::string& host) const override;
  [[nodiscard]] std::string stream_features_before_login(const std::string& host) const override;

  // Registration
  void set_keys(core::Account& account, std::vector<storage::ScramKey> keys, core::audit::Record record,
                std::uint64_t keep, std::move_only_function<void(Result<>)> done) override;
  void remove(core::Account& account, core::audit::Record record, std::move_only_function<void(Result<>)> removed,
              std::move_only_function<void(bool)> wiped) override;
  // StrangerRequests
  [[nodiscard]] bool take(xml::Element iq, core::Stranger& stranger) override;

 private:
  using Keys = Result<std::vector<storage::ScramKey>>;
  using Wiped = std::move_only_function<void(bool)>;

  [[nodiscard]] const HostRules& rules(std::string_view host) const;
  // The keys of a prepared password, made in the kernel's pool: it costs some 15 ms a hash. False: there is no room for
  // it (Shard::compute), `then` is not called.
  [[nodiscard]] bool make_keys(const core::Share& share, std::string password,
                               std::move_only_function<void(Keys)> then);

  // strangers.cpp: before log-in
  using Answer = std::function<void(const std::optional<core::StanzaError>& refused)>;
  struct Newcomer {
    core::Jid jid;
    std::string invitation;  // id; empty: registration is open
    core::Share share;
    Ref<const core::audit::Origin> origin;
    Answer answer;  // from any shard
  };
  [[nodiscard]] bool is_open(const std::string& host) const;
  void show_invitation(const std::string& iq_id, std::string_view token, core::Stranger& stranger);
  void make_account(const std::string& iq_id, xml::Element query, core::Stranger& stranger);
  void make_invited(Newcomer newcomer, std::string password);
  void put_account(const Newcomer& newcomer, std::vector<storage::ScramKey> keys);

  // owner.cpp: behind log-in
  void get(core::IqRequest request);
  void set(core::IqRequest request);
  // The asker's own session, if it is the server of his account that he asks; otherwise answers, null.
  [[nodiscard]] core::Session* own_session(core::IqRequest& request);
  void change_password(core::IqRequest request, core::Session& session);
  void with_new_keys(core::IqRequest request, const core::Jid& jid, std::uint64_t session_id, Keys keys);
  void remove_own(core::IqRequest request, core::Session& session);

  // removal.cpp
  void end_and_tell(const core::Jid& jid, Wiped wiped);
  void tell_contacts(const core::Jid& jid, Wiped wiped);
  void wipe(const core::Jid& jid, Wiped wiped);
  void leave_groups(const core::Jid& jid, Wiped wiped);
  void erase(const core::Jid& jid, Wiped wiped);
  void later(const core::Jid& jid, Wiped& wiped);
  void resume();  // what an earlier run left
  void try_again();

  core::Shard& shard_;
  unsigned slot_ = 0;
  std::unordered_map<std::string, HostRules> hosts_;
  std::uint32_t passwords_per_hour_ = 0;
  bool password_ends_sessions_ = true;
  std::vector<core::Jid> unfinished_;  // removals that wait for the timer
  bool resumed_ = true;                // false: the accounts that an earlier run left are not known yet
  net::Timer retry_;
};

}  // namespace valise::modules::registration
