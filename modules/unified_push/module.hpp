// The room's inside: one object a shard. An account's endpoints are with it on its home shard.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "core/services.hpp"
#include "core/shard.hpp"
#include "http/router.hpp"
#include "modules/unified_push/endpoint.hpp"

namespace valise::modules::unified_push {

// Of an account, by id (bytes). Memory is ahead of the store only while a unit is under way.
struct Endpoints final : core::Part {
  std::unordered_map<std::string, Endpoint> by_id;
  unsigned asked = 0;  // pushes that its devices have not answered yet
};

struct Rules {
  bool enabled = false;
  std::size_t most = 0;
  std::int64_t lifetime_ms = 0;
  std::int64_t per_minute = 0;
};

class UnifiedPush final : public core::Module {
 public:
  explicit UnifiedPush(core::Shard& shard) : shard_(shard) {}
  void start(core::Registrar& registrar) override;
  void configure(const config::Snapshot& snapshot) override;
  [[nodiscard]] core::Features features(const std::string& host) const override;

 private:
  [[nodiscard]] Endpoints& endpoints(core::Account& account) const { return account.ensure_part<Endpoints>(slot_); }
  [[nodiscard]] const Rules& rules_of(std::string_view host) const;

  // ---- requests.cpp: the distributor
  void register_(core::IqRequest request);
  void revoked(core::Account& account, std::string_view agent, std::string_view resource);
  // Nobody waits for it.
  void forget(core::Account& account, const std::vector<std::string>& ids);

  // ---- posts.cpp: applications' servers
  void on_http(http::Exchange exchange);
  // On the account's home shard.
  void at_home(core::Account* account, const std::string& id, http::Exchange exchange);
  void relay(core::Account& account, const std::string& id, Endpoint& endpoint, http::Exchange exchange);
  void answered(const core::Jid& jid, const std::string& id, const core::StanzaPtr& answer, http::Exchange exchange);
  [[nodiscard]] bool may_push(Endpoint& endpoint, const Rules& rules) const;

  core::Shard& shard_;
  unsigned slot_ = 0;
  std::unordered_map<std::string, Rules> rules_;       // by host
  std::unordered_map<std::string, std::string> urls_;  // by host: what stands before the word
};
inline constexpr std::string_view path = "/push/";

}  // namespace valise::modules::unified_push
