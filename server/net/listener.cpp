#include "net/listener.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/log.hpp"

namespace valise::net {
namespace {

constexpr int backlog = 1024;
constexpr int accepts_a_turn = 64;

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

Result<Address> parse_endpoint(std::string_view endpoint) {
  const auto bad = [&] {
    return fail(ErrorCode::invalid,
                "\"" + std::string(endpoint) + "\" is no address like \"127.0.0.1:5222\" or \"[::1]:5222\"");
  };
  const auto colon = endpoint.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::uint16_t port = 0;
  const auto digits = endpoint.substr(colon + 1);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return bad();
  auto host = std::string(endpoint.substr(0, colon));
  if (host == "*") host = "0.0.0.0";
  Address address;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.length = sizeof *v6;
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6->sin6_addr) != 1) return bad();
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.length = sizeof *v4;
    if (host == "*") host = "0.0.0.0";
    if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) != 1) return bad();
  }
  return address;
}

std::pair<std::string, std::uint16_t> describe(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
      inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    }
    return {text, ntohs(v6->sin6_port)};
  }
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
  inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
  return {text, ntohs(v4->sin_port)};
}

// -1 with errno.
int bound_socket(const Address& address, bool shared) {
  const int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (address.storage.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

}  // namespace

Result<std::vector<int>> bind_sockets(std::string_view endpoint, unsigned count) {
  auto address = parse_endpoint(endpoint);
  if (!address) return std::unexpected(address.error());
  std::vector<int> sockets;
  const auto failed = [&] {
    const std::string why = std::strerror(errno);
    for (const int fd : sockets) ::close(fd);
    return fail(ErrorCode::unavailable, "cannot listen on " + std::string(endpoint) + ": " + why);
  };
  const int probe = bound_socket(*address, false);
  if (probe < 0) return failed();
  ::close(probe);
  while (sockets.size() < count) {
    const int fd = bound_socket(*address, true);
    if (fd < 0) return failed();
    sockets.push_back(fd);
    getsockname(fd, reinterpret_cast<sockaddr*>(&address->storage), &address->length);  // the port, if any would do
  }
  return sockets;
}

std::string local_endpoint(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  const auto [address, port] = describe(storage);
  return storage.ss_family == AF_INET6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

Listener::Listener(Loop& loop, int fd, Callback accepted)
    : loop_(loop),
      fd_(fd),
      accepted_(std::move(accepted)),
      retry_([](void* self) { (void)static_cast<Listener*>(self)->start(); }, this) {}

Listener::~Listener() { stop(); }

Result<> Listener::start() {
  if (::listen(fd_, backlog) != 0) {
    return fail(ErrorCode::unavailable, "cannot listen on " + local_endpoint(fd_) + ": " + std::strerror(errno));
  }
  return loop_.watch(fd_, EPOLLIN, *this);
}

void Listener::stop() {
  if (fd_ < 0) return;
  retry_.cancel();
  loop_.unwatch(fd_, *this);
  ::close(fd_);
  fd_ = -1;
}

// The listener would spin on a full descriptor table: it rests for a second.
void Listener::out_of_descriptors() {
  log::warning("net", "no descriptors left: new connections wait");
  loop_.unwatch(fd_, *this);
  loop_.timers().arm(retry_, loop_.now_ms(), 1000);
}

void Listener::on_io(std::uint32_t) {
  for (int i = 0; i < accepts_a_turn; ++i) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) out_of_descriptors();
      return;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto [address, port] = describe(peer);
    accepted_({fd, std::move(address), port});
  }
}

}  // namespace valise::net
