#include "core/auth/plain.hpp"

#include "core/auth/password.hpp"

namespace valise::core::auth {

Outcome<Jid> login_account(std::string_view username, std::string_view authzid, std::string_view host) {
  if (username.empty()) return refuse(Condition::malformed_request, "empty user name");
  auto account = Jid::make(username, host);
  // No account can have such a name: the same answer as for any other unknown one would need a name to make it from,
  // and tells a guesser nothing.
  if (!account) return refuse(Condition::not_authorized, "user name is no local part");
  if (authzid.empty()) return std::move(*account);
  const auto other = Jid::parse(authzid);
  if (!other || *other != *account) return refuse(Condition::invalid_authzid, "authzid is another identity");
  return std::move(*account);
}

Outcome<PlainLogin> parse_plain(std::string_view message, std::string_view host) {
  // message = [authzid] NUL authcid NUL passwd
  const auto first = message.find('\0');
  const auto second = first == std::string_view::npos ? first : message.find('\0', first + 1);
  if (second == std::string_view::npos || message.find('\0', second + 1) != std::string_view::npos) {
    return refuse(Condition::malformed_request, "PLAIN needs exactly two NULs");
  }
  const auto authzid = message.substr(0, first);
  const auto username = message.substr(first + 1, second - first - 1);
  const auto password = message.substr(second + 1);
  if (password.empty() || password.size() > max_password) {
    return refuse(Condition::malformed_request, "password empty or too long");
  }
  auto account = login_account(username, authzid, host);
  if (!account) return std::unexpected(account.error());
  return PlainLogin{std::move(*account), std::string(password)};
}

}  // namespace valise::core::auth
