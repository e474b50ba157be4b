// The clients of each account, in memory with it; for the files of this room only.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/client.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"

namespace valise::modules::clients {

inline constexpr std::string_view ns_cam = "urn:xmpp:cam:0";

// By the user agent's id. Memory is ahead of the store only while a unit is under way.
struct Known final : core::Part {
  struct Entry {
    core::Client client;
    std::int64_t written_ms = 0;  // its last_ms in the store
  };
  std::map<std::string, Entry> by_agent;
};

// Of a session that has lost its connection once.
struct Seen final : core::Part {
  std::int64_t last_ms = 0;  // UTC: the connection's end or, where there is another one, the resumption
  bool cut = false;
};

struct Rules {
  bool tokens = true;
  bool names = true;
  std::int64_t lifetime_ms = 0, rotation_ms = 0, keep_ms = 0;
  std::size_t most = 0;
};

class ClientsModule final : public core::Module, public core::Clients {
 public:
  explicit ClientsModule(core::Shard& shard) : shard_(shard) {}
  void start(core::Registrar& registrar) override;
  void configure(const config::Snapshot& snapshot) override;

  // core::Clients
  [[nodiscard]] bool gives_tokens() const override { return rules_.tokens; }
  void logged_in(core::Account& account, core::ClientLogin login,
                 std::move_only_function<void(Result<std::optional<core::GivenToken>>)> done) override;
  [[nodiscard]] std::vector<storage::Write> keys_changed(core::Account& account, std::uint64_t from,
                                                         std::uint64_t to) override;
  [[nodiscard]] std::vector<core::ClientLine> clients(const core::Account& account) const override;
  void revoke(core::Account& account, const std::string& id, core::audit::Record record,
              std::move_only_function<void(Result<bool>)> done) override;
  void on_revoked(Revoked listener) override { revoked_.push_back(std::move(listener)); }

 private:
  [[nodiscard]] Known& known(core::Account& account) const { return account.ensure_part<Known>(slot_); }
  // logins.cpp
  void forget(core::Account& account, const std::string& newcomer, std::vector<storage::Write>& writes);
  [[nodiscard]] core::GivenToken give(core::Account& account, core::Client& client, std::string_view mechanism) const;
  void seen(core::Session& session);
  void moved(core::Session& session, bool cut);
  void closed(core::Session& session);
  void write(core::Account& account, Known::Entry& entry);
  // requests.cpp: XEP-0494
  [[nodiscard]] core::ClientLine line_of(const core::Account& account, const core::Client& client) const;
  [[nodiscard]] core::ClientLine line_of(const core::Session& session) const;
  void list(core::IqRequest request);
  void revoke(core::IqRequest request);
  [[nodiscard]] std::string opaque(const core::Account& account, std::string_view what, std::string_view id) const;

  core::Shard& shard_;
  unsigned slot_ = 0, session_slot_ = 0;
  Rules rules_;
  std::vector<Revoked> revoked_;
};

}  // namespace valise::modules::clients
