#include "selftest/entry.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace valise::ctl::selftest {
namespace {

struct FreeAddress {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

// 0: connected; else errno.
int connected(int socket, const addrinfo& to, const Patience& patience) {
  if (::connect(socket, to.ai_addr, to.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd ready{.fd = socket, .events = POLLOUT, .revents = 0};
  if (::poll(&ready, 1, static_cast<int>(patience.left().count())) != 1) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

int connect_once(const Entry& entry, const Patience& patience) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(entry.address.c_str(), std::to_string(entry.port).c_str(), &hints, &found) != 0) return EINVAL;
  const std::unique_ptr<addrinfo, FreeAddress> list(found);
  const int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return errno;
  const int error = connected(socket, *found, patience);
  ::close(socket);
  return error;
}

}  // namespace

std::optional<Entry> entry_of(std::string_view listener) {
  const auto colon = listener.rfind(':');
  if (colon == std::string_view::npos) return {};
  auto address = listener.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  const auto digits = listener.substr(colon + 1);
  std::uint16_t port = 0;
  const auto* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, port);
  if (address.empty() || digits.empty() || error != std::errc() || at != end || port == 0) return {};
  // All addresses: this machine's own.
  if (address == "*" || address == "0.0.0.0") address = "127.0.0.1";
  if (address == "::") address = "::1";
  return Entry{std::string(address), port};
}

std::string text_of(const Entry& entry) {
  const bool six = entry.address.contains(':');
  return (six ? "[" + entry.address + "]" : entry.address) + ":" + std::to_string(entry.port);
}

Outcome<Entry> reach(const std::vector<std::string>& listeners, const Patience& patience) {
  std::string failures;
  for (const auto& listener : listeners) {
    const auto entry = entry_of(listener);
    if (!entry) continue;
    const int error = connect_once(*entry, patience);
    if (error == 0) return *entry;
    if (auto lasts = patience.lasts(); !lasts) return std::unexpected(lasts.error());
    failures += (failures.empty() ? "" : "; ") + text_of(*entry) + ": " + std::strerror(error);
  }
  if (failures.empty()) {
    return trouble("no-listener", "listen.c2s names no address: clients with STARTTLS have no way in",
                   "set listen.c2s in the configuration (docs/options.md) and restart the server");
  }
  return trouble("no-connection", "nobody answers at " + failures,
                 "valisectl talks to the server, but clients cannot: look for a firewall or another network namespace "
                 "(ss -ltnp shows who listens)");
}

}  // namespace valise::ctl::selftest
