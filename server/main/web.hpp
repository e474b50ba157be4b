// What browsers reach of one shard: its HTTP server, and who is let in there.
#pragma once

#include "config/snapshot.hpp"
#include "core/shard.hpp"
#include "http/server.hpp"
#include "stream/web_streams.hpp"

namespace valise {

class Web final : private http::Doorkeeper {
 public:
  Web(stream::StreamHost& streams, stream::BoshDirectory& bosh, stream::TlsHolder& tls,
      Ref<const http::Settings> settings);
  [[nodiscard]] Result<> add_routes() { return streams_.add_routes(server_.router()); }
  [[nodiscard]] http::Server& server() noexcept { return server_; }

 private:
  bool admit(const std::string& address) override;
  void left(const std::string& address) override;

  core::Shard& shard_;
  stream::Gate& gate_;
  stream::WebStreams streams_;
  http::Server server_;
};

[[nodiscard]] Ref<const http::Settings> make_http_settings(const config::Snapshot& config);
[[nodiscard]] Ref<const stream::WebSettings> make_web_settings(const config::Snapshot& config);

}  // namespace valise
