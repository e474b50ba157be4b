// The room's inside: one object a shard. A host's invitations are kept by one of them, its keeper.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/invitations.hpp"
#include "core/shard.hpp"
#include "modules/commands/command.hpp"
#include "modules/invitations/book.hpp"
#include "net/timer_wheel.hpp"

namespace valise::modules::invitations {

inline constexpr std::string_view ns_invite = "urn:xmpp:invite";
inline constexpr std::string_view ns_tokens = "urn:xmpp:ibr-token:0";
// Rows of a host: an invitation, or that it is over, under its id, a use under "ID/account".
inline constexpr auto data_kind = storage::DataKind::invitation;
inline constexpr std::size_t most_open = 10'000;  // of a host
inline constexpr std::size_t most_groups = 8;

struct HostRules {
  bool enabled = false;
  bool by_people = false;  // theirs make accounts, too
  std::int64_t lifetime_ms = 0;
  std::size_t of_an_account = 0;  // open at once
};

class InvitationsModule final : public core::Module, public core::Invitations {
 public:
  explicit InvitationsModule(core::Shard& shard);
  void start(core::Registrar& registrar) override;
  void configure(const config::Snapshot& snapshot) override;
  [[nodiscard]] std::string stream_features_before_login(const std::string& host) const override;
  [[nodiscard]] const HostRules& rules(std::string_view host) const;

  // Invitations: on any shard; the keeper does it
  [[nodiscard]] bool enabled(std::string_view host) const override { return rules(host).enabled; }
  void look_up(std::string host, std::string_view token, std::function<void(std::optional<Invitation>)> then) override;
  void begin(std::string id, const core::Jid& account, std::function<void(Result<>)> then) override;
  [[nodiscard]] storage::Write use(std::string_view id, const core::Jid& account) const override;
  void finish(std::string id, const core::Jid& account, bool made) override;
  void use_for_contact(std::string_view token, const core::Jid& inviter, const core::Jid& contact,
                       std::function<void(bool)> then) override;
  void make(Invitation wish, std::int64_t lifetime_ms, Ref<const core::audit::Origin> by,
            std::function<void(Result<Made>)> then) override;
  void show(std::string host, std::string_view token, std::function<void(Result<Made>)> then) override;
  void list(std::string host, std::function<void(Result<std::vector<Invitation>>)> then) override;
  void revoke(std::string host, std::string id, Ref<const core::audit::Origin> by,
              std::function<void(Result<>)> then) override;

 private:
  struct Kept;
  using Found = std::function<void(InvitationsModule&, Kept*)>;  // null: the rows can't be read
  struct Kept {
    Book book;
    std::set<std::pair<std::string, std::string>> owed;  // id and account: the two are not contacts yet
    std::vector<Found> waiting;                          // for the rows
    bool loaded = false;
    bool loading = false;
    [[nodiscard]] bool owes(std::string_view id) const {
      return std::ranges::any_of(owed, [&](const auto& pair) { return pair.first == id; });
    }
  };

  void ask_for_inviter(const Invitation& invitation, std::function<void(Result<>)> then);
  [[nodiscard]] std::string web_url(const Invitation& invitation, std::string_view token) const;

  // keeper.cpp
  // Runs `work` where the host's invitations are kept, and what that makes of it here.
  void at_keeper(const std::string& host, Found work);
  template <class T>
  std::function<void(T)> back(std::function<void(T)> then) {
    return [home = &shard_, then = std::move(then)](T value) mutable {
      home->post([then, value = std::move(value)]() mutable { then(std::move(value)); });
    };
  }
  void load_all();
  void load(const std::string& host);
  void loaded(const std::string& host, std::vector<storage::AccountData> rows);
  void keep(Kept& kept, Invitation invitation, Ref<const core::audit::Origin> by, std::function<void(Result<>)> then);
  void drop(Kept& kept, const std::string& host, const std::string& id, std::optional<core::audit::Record> record,
            std::function<void(Result<>)> then);
  void sweep();
  void erase_rows(const std::string& host, std::vector<std::string> names);
  void used(const std::string& id, const core::Jid& account, bool last);
  // The inviter and who came by his invitation become contacts: both sides durable, then the use needs no more.
  void befriend(const Invitation& invitation, const core::Jid& account);
  void befriended(const Invitation& invitation, const core::Jid& account, bool durable);

  // ad_hoc.cpp
  void declare(commands::Commands& commands);
  void invite(commands::Execution execution);
  // What the administrator's rules allow, made for whoever asks.
  void make_for(commands::Execution execution, Invitation wish);
  void create_account(commands::Execution execution);

  core::Shard& shard_;
  std::unordered_map<std::string, HostRules> hosts_;
  std::unordered_map<std::string, Kept> kept_;  // of the hosts whose keeper this is
  net::Timer timer_;
};

}  // namespace valise::modules::invitations
