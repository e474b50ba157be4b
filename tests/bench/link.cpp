#include "link.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace valise::bench {

namespace {

std::string tls_error() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "TLS: connection closed";
  const char* text = ERR_reason_error_string(code);
  return std::string("TLS: ") + (text ? text : "unknown error");
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  static_cast<Link*>(SSL_get_app_data(ssl))->keep_session(session);
  return 1;  // the link owns the reference now
}

}  // namespace

Network::Network(EventLoop& event_loop, const std::string& host, int port, bool resume)
    : loop(event_loop), tls(SSL_CTX_new(TLS_client_method())) {
  server.sin_family = AF_INET;
  server.sin_port = htons(static_cast<std::uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &server.sin_addr) != 1)
    throw std::invalid_argument("not an IPv4 address: " + host);
  loopback = (ntohl(server.sin_addr.s_addr) >> 24) == 127;

  SSL_CTX_set_min_proto_version(tls.get(), TLS1_3_VERSION);
  SSL_CTX_set_verify(tls.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(tls.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(tls.get(), 1);
  if (resume) {
    SSL_CTX_set_session_cache_mode(tls.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls.get(), &bench::keep_session);
  } else {
    SSL_CTX_set_session_cache_mode(tls.get(), SSL_SESS_CACHE_OFF);
  }
}

in_addr Network::next_source() noexcept {
  const in_addr source{.s_addr = htonl((127U << 24) + 2 + source_)};
  source_ = (source_ + 1) % 249;
  return source;
}

Link::~Link() { close(false); }

Result<> Link::connect(int port_offset) {
  close(false);
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return fail(ErrorCode::limit, std::string("socket: ") + std::strerror(errno));
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (network_.loopback) {
    setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr = network_.next_source();
    if (bind(fd_, reinterpret_cast<sockaddr*>(&source), sizeof source) < 0) {
      return fail(ErrorCode::unavailable, std::string("bind: ") + std::strerror(errno));
    }
  }
  sockaddr_in server = network_.server;
  server.sin_port = htons(static_cast<std::uint16_t>(ntohs(server.sin_port) + port_offset));
  ++network_.connection_attempts;
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&server), sizeof server) < 0 && errno != EINPROGRESS) {
    return fail(ErrorCode::unavailable, std::string("connect: ") + std::strerror(errno));
  }
  state_ = State::connecting;
  events_ = EPOLLOUT;
  network_.loop.watch(fd_, *this, events_);
  return {};
}

void Link::start_tls(const std::string& server_name, bool direct) {
  ssl_.reset(SSL_new(network_.tls.get()));
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_fd(ssl_.get(), fd_);
  SSL_set_tlsext_host_name(ssl_.get(), server_name.c_str());
  if (direct) {  // XEP-0368 §2: ALPN xmpp-client
    static constexpr std::array<unsigned char, 12> alpn{11, 'x', 'm', 'p', 'p', '-', 'c', 'l', 'i', 'e', 'n', 't'};
    SSL_set_alpn_protos(ssl_.get(), alpn.data(), alpn.size());
  }
  if (session_) SSL_set_session(ssl_.get(), session_.get());
  SSL_set_connect_state(ssl_.get());
  state_ = State::handshaking;
  handshake();
}

void Link::want(std::uint32_t events) {
  if (events == events_ || fd_ < 0) return;
  events_ = events;
  network_.loop.change(fd_, *this, events);
}

void Link::lost(const std::string& why) {
  if (fd_ < 0) return;
  close(false);
  owner_.on_lost(why);
}

void Link::close(bool polite) {
  if (fd_ < 0) return;
  if (polite && state_ == State::secure) SSL_shutdown(ssl_.get());
  // Without close_notify OpenSSL would throw the session away as broken.
  if (ssl_ && !polite) SSL_set_quiet_shutdown(ssl_.get(), 1), SSL_shutdown(ssl_.get());
  network_.loop.forget(fd_);
  ::close(fd_);
  fd_ = -1;
  ssl_.reset();
  state_ = State::closed;
  unsent_.clear();
}

void Link::on_events(std::uint32_t events) {
  if (fd_ < 0) return;
  if (state_ == State::connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return lost(std::string("connect: ") + std::strerror(error));
    state_ = State::plain;
    want(EPOLLIN);
    return owner_.on_connected();
  }
  if (state_ == State::handshaking) return handshake();
  if ((events & EPOLLOUT) != 0) flush();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  if (state_ == State::plain) return read_plain();
  if (state_ == State::secure) read_secure();
}

void Link::handshake() {
  const int done = SSL_do_handshake(ssl_.get());
  if (done == 1) {
    state_ = State::secure;
    want(EPOLLIN);
    owner_.on_secured();
    // With read-ahead the server's first records may be inside OpenSSL already: no event would announce them.
    if (state_ == State::secure && SSL_has_pending(ssl_.get()) == 1) read_secure();
    return;
  }
  switch (SSL_get_error(ssl_.get(), done)) {
    case SSL_ERROR_WANT_READ:
      return want(EPOLLIN);
    case SSL_ERROR_WANT_WRITE:
      return want(EPOLLOUT);
    default:
      return lost(tls_error());
  }
}

void Link::read_plain() {
  std::array<char, 4096> buffer;
  const auto count = recv(fd_, buffer.data(), buffer.size(), 0);
  if (count > 0) return owner_.on_bytes({buffer.data(), static_cast<std::size_t>(count)});
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  lost(count == 0 ? "closed by the server" : std::string("read: ") + std::strerror(errno));
}

void Link::read_secure() {
  static std::array<char, 16384> buffer;  // one thread; a link keeps no read buffer of its own
  do {
    std::size_t count = 0;
    const int done = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count);
    if (done != 1) {
      const int error = SSL_get_error(ssl_.get(), done);
      if (error == SSL_ERROR_WANT_READ) return;
      return lost(error == SSL_ERROR_ZERO_RETURN ? "closed by the server" : tls_error());
    }
    owner_.on_bytes({buffer.data(), count});
  } while (fd_ >= 0 && SSL_has_pending(ssl_.get()) == 1);
}

void Link::send(std::string_view bytes) {
  if (fd_ < 0) return;
  if (!unsent_.empty()) {
    unsent_.append(bytes);
    return;
  }
  if (state_ == State::plain) {
    const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count != static_cast<ssize_t>(bytes.size())) lost("could not write the stream header at once");
    return;
  }
  std::size_t count = 0;
  const int done = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
  if (done == 1 && count == bytes.size()) return;
  if (done != 1) {
    const int error = SSL_get_error(ssl_.get(), done);
    if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) return lost(tls_error());
  }
  unsent_.assign(bytes.substr(count));
  want(EPOLLIN | EPOLLOUT);
}

void Link::flush() {
  std::size_t written = 0;
  while (written < unsent_.size()) {
    std::size_t count = 0;
    const int done = SSL_write_ex(ssl_.get(), unsent_.data() + written, unsent_.size() - written, &count);
    if (done != 1) {
      const int error = SSL_get_error(ssl_.get(), done);
      if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) return lost(tls_error());
      break;
    }
    written += count;
  }
  unsent_.erase(0, written);
  if (unsent_.empty()) want(EPOLLIN);
}

}  // namespace valise::bench
