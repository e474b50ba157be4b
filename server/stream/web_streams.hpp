// The paths under which browsers begin client streams on one shard: WebSocket (RFC 7395), BOSH (XEP-0124).
#pragma once

#include <string>

#include "http/router.hpp"
#include "stream/bosh_wire.hpp"
#include "stream/host.hpp"

namespace valise::stream {

inline constexpr std::string_view websocket_path = "/xmpp-websocket";
inline constexpr std::string_view bosh_path = "/http-bind";

class WebStreams {
 public:
  WebStreams(StreamHost& host, BoshDirectory& directory);
  [[nodiscard]] Result<> add_routes(http::Router& router);

 private:
  void open_websocket(http::Exchange exchange);
  void take_bosh(http::Exchange exchange);
  void open_bosh(BoshBody body, http::Exchange exchange, std::string origin);
  [[nodiscard]] bool admit(const std::string& address);

  StreamHost& host_;
  BoshDirectory& directory_;
  BoshHost bosh_;
};

}  // namespace valise::stream
