#include "core/web_address.hpp"

#include <fmt/core.h>

#include "config/options.hpp"
#include "core/jid/domain.hpp"

namespace valise::core {

namespace options = config::options;

std::string web_address(const config::Snapshot& config, const std::string& host) {
  auto url = config.get(options::http_url, host);
  if (!url.empty()) return url;
  const auto name = ascii_domain(host);
  url = "https://" + (name.find(':') == std::string::npos ? name : '[' + name + ']');
  const auto& addresses = config.get(options::listen_https);
  if (addresses.empty() || !config.get(options::http_proxies).empty()) return url;
  const auto port = addresses.front().substr(addresses.front().rfind(':'));
  return port == ":443" ? url : url + port;
}

void needs_web_listener(const config::Snapshot& config, const config::Option<bool>& enabled,
                        config::Findings& findings) {
  if (!config.get(options::listen_https).empty() || !config.get(options::listen_http).empty()) return;
  for (const auto& host : config.hosts()) {
    if (!config.get(enabled, host)) continue;
    findings.error(enabled, host,
                   fmt::format("{}: there is no web listener; set listen.https or listen.http", enabled.name));
  }
}

std::string name_in_web_address(const std::string& address) {
  auto name = address.substr(address.find("//") + 2);
  if (name.starts_with('[')) return name.substr(1, name.find(']') - 1);
  return name.substr(0, name.find(':'));
}

}  // namespace valise::core
