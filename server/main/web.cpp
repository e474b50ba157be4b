#include "main/web.hpp"

#include "config/options.hpp"
#include "core/jid/domain.hpp"

namespace valise {
namespace options = config::options;
namespace {

std::vector<std::string> allowed_origins(const config::Snapshot& config, const std::string& host) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& origin) {
    auto parsed = origin == "*" ? std::optional(origin) : http::parse_origin(origin);
    if (parsed) out.push_back(std::move(*parsed));
  };
  add("https://" + core::ascii_domain(host));
  add(config.get(options::http_url, host));
  for (const auto& origin : config.get(options::http_origins, host)) add(origin);
  return out;
}

}  // namespace

Web::Web(stream::StreamHost& streams, stream::BoshDirectory& bosh, stream::TlsHolder& tls,
         Ref<const http::Settings> settings)
    : shard_(streams.shard()),
      gate_(streams.gate()),
      streams_(streams, bosh),
      server_(
          shard_.loop(), *this, [&tls] { return tls.get()->new_session({}, net::Speaks::http).release(); },
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
  for (const auto& host : config.hosts()) {
    for (auto& origin : allowed_origins(config, host)) settings->origins.insert(std::move(origin));
  }
  settings->tls_timeout_ms = config.get(options::timeouts_tls) * 1000;
  settings->request_timeout_ms = config.get(options::timeouts_stanza_before_login) * 1000;
  settings->queue_bytes = static_cast<std::size_t>(config.get(options::limits_queue));
  return settings;
}

Ref<const stream::WebSettings> make_web_settings(const config::Snapshot& config) {
  auto settings = make_ref<stream::WebSettings>();
  for (const auto& host : config.hosts()) settings->origins.emplace(host, allowed_origins(config, host));
  settings->bosh_wait_s = static_cast<unsigned>(config.get(options::timeouts_bosh_wait));
  settings->bosh_inactivity_s = static_cast<unsigned>(config.get(options::timeouts_bosh_inactivity));
  settings->bosh_pause_s = static_cast<unsigned>(config.get(options::timeouts_bosh_pause));
  return settings;
}

}  // namespace valise
