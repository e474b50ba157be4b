// What browsers reach of one shard: its HTTP server, and who is let in there.
#pragma once

#include "config/snapshot.hpp"
#include "core/shard.hpp"
#include "http/server.hpp"
#include "stream/host.hpp"

namespace valise {

class Web final : private http::Doorkeeper {
 public:
  Web(core::Shard& shard, stream::Gate& gate, stream::TlsHolder& tls, Ref<const http::Settings> settings);
  [[nodiscard]] http::Server& server() noexcept { return server_; }

 private:
  bool admit(const std::string& address) override;
  void left(const std::string& address) override;

  core::Shard& shard_;
  stream::Gate& gate_;
  http::Server server_;
};

[[nodiscard]] Ref<const http::Settings> make_http_settings(const config::Snapshot& config);

}  // namespace valise
