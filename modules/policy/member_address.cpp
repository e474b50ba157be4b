#include "modules/policy/member_address.hpp"

#include "base/log.hpp"
#include "core/jid/jid.hpp"

namespace valise::modules {

std::expected<std::string, std::string> member_address(std::string_view text) {
  const auto fault = [&](std::string_view what) {
    return std::unexpected("\"" + log::printable(text) + "\" " + std::string(what));
  };
  const auto jid = core::Jid::parse(text);
  if (!jid) return fault("is no address, such as name@example.org");
  if (!jid->is_bare()) return fault("names a device: a group has bare addresses, without what stands behind \"/\"");
  if (jid->bare() == jid->domain()) return fault("is a domain: the policy names those, group{ domain = … }");
  if (jid->bare().find('*') != std::string_view::npos) return fault("has a \"*\": patterns stand in the policy");
  return std::string(jid->bare());
}

}  // namespace valise::modules
