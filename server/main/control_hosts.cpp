#include "main/control_hosts.hpp"

#include "main/app.hpp"

namespace valise {

Result<> known_host(App& app, std::string_view host) {
  if (app.config()->has_host(host)) return {};
  return fail(ErrorCode::not_found, "this server has no host \"" + std::string(host) + "\"");
}

Result<std::vector<std::string>> hosts_asked_for(App& app, const std::string& host) {
  if (host.empty()) return app.config()->hosts();
  if (auto known = known_host(app, host); !known) return std::unexpected(known.error());
  return std::vector<std::string>{host};
}

}  // namespace valise
