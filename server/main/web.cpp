#include "main/web.hpp"

#include "config/options.hpp"
#include "core/jid/domain.hpp"

namespace valise {
namespace options = config::options;

Web::Web(core::Shard& shard, stream::Gate& gate, stream::TlsHolder& tls, Ref<const http::Settings> settings)
    : shard_(shard),
      gate_(gate),
      server_(
          shard.loop(), *this, [&tls] { return tls.get()->new_session({}, net::Speaks::http).release(); },
          std::move(settings)) {}

// docs/security.md §3: at 80 % of limits.memory nobody is let in.
bool Web::admit(const std::string& address) {
  return !shard_.kernel().memory_is(core::MemoryState::high) &&
         gate_.admit(address, shard_.settings(), shard_.loop().now_ms(),
                     shard_.kernel().stats.unauthenticated.load(std::memory_order_relaxed));
}

void Web::left(const std::string& address) { gate_.left(address, shard_.loop().now_ms()); }

Ref<const http::Settings> make_http_settings(const config::Snapshot& config) {
  auto settings = make_ref<http::Settings>();
  for (const auto& network : config.get(options::http_proxies)) (void)settings->proxies.add(network);  // it was checked
  settings->proxy_field = config.get(options::http_proxy_field) == config::ProxyField::forwarded
                              ? http::ProxyField::forwarded
                              : http::ProxyField::x_forwarded_for;
  const auto allow = [&](const std::string& origin) {
    if (auto parsed = http::parse_origin(origin)) settings->origins.insert(std::move(*parsed));
  };
  for (const auto& host : config.hosts()) {
    allow("https://" + core::ascii_domain(host));
    allow(config.get(options::http_url, host));
    for (const auto& origin : config.get(options::http_origins, host)) {
      if (origin == "*") settings->origins.insert(origin);
      allow(origin);
    }
  }
  settings->tls_timeout_ms = config.get(options::timeouts_tls) * 1000;
  settings->request_timeout_ms = config.get(options::timeouts_stanza_before_login) * 1000;
  settings->queue_bytes = static_cast<std::size_t>(config.get(options::limits_queue));
  return settings;
}

}  // namespace valise
