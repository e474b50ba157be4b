#include "core/auth/external.hpp"

#include <algorithm>

namespace valise::core::auth {

std::vector<Jid> certificate_accounts(std::span<const std::string> names,
                                      const std::function<bool(std::string_view domain)>& served) {
  std::vector<Jid> out;
  for (const auto& name : names) {
    auto jid = Jid::parse(name);
    if (!jid || !jid->is_bare() || !jid->has_local() || !served(jid->domain())) continue;
    if (std::ranges::find(out, *jid) == out.end()) out.push_back(std::move(*jid));
  }
  return out;
}

bool has_account_of(std::span<const Jid> accounts, std::string_view host) {
  return std::ranges::any_of(accounts, [&](const Jid& one) { return one.domain() == host; });
}

Outcome<Jid> external_account(std::span<const Jid> accounts, std::string_view authzid, std::string_view host) {
  if (authzid.find('\0') != std::string_view::npos) return refuse(Condition::malformed_request, "NUL in the authzid");
  if (!has_account_of(accounts, host)) return refuse(Condition::not_authorized, "no account in the certificate");
  if (authzid.empty()) {
    if (accounts.size() > 1) return refuse(Condition::invalid_authzid, "several accounts and no authzid");
    return accounts.front();
  }
  const auto wanted = Jid::parse(authzid);
  if (!wanted || wanted->domain() != host || std::ranges::find(accounts, *wanted) == accounts.end()) {
    return refuse(Condition::invalid_authzid, "authzid is not in the certificate");
  }
  return *wanted;
}

}  // namespace valise::core::auth
