#include "net/transport.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace valise::net {
namespace {

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int fd) : fd_(fd) {}
  IoStatus handshake() override { return IoStatus::ok; }
  IoResult read(char* buffer, std::size_t size) override {
    const auto got = ::recv(fd_, buffer, size, 0);
    if (got > 0) return {IoStatus::ok, static_cast<std::size_t>(got)};
    if (got == 0) return {IoStatus::closed};
    return {errno == EAGAIN || errno == EINTR ? IoStatus::want_read : IoStatus::failed};
  }
  IoResult write(const char* bytes, std::size_t size) override {
    const auto sent = ::send(fd_, bytes, size, MSG_NOSIGNAL);
    if (sent >= 0) return {IoStatus::ok, static_cast<std::size_t>(sent)};
    return {errno == EAGAIN || errno == EINTR ? IoStatus::want_write : IoStatus::failed};
  }
  bool has_buffered() const override { return false; }
  void shutdown() override {}

 private:
  int fd_;
};

class OpensslTransport final : public Transport {
 public:
  static constexpr std::size_t idle = 14 * 1024;  // without a record of each direction
  OpensslTransport(SSL* ssl, int fd) : ssl_(ssl) { SSL_set_fd(ssl_, fd); }
  ~OpensslTransport() override { SSL_free(ssl_); }

  IoStatus handshake() override {
    ERR_clear_error();
    const int done = SSL_accept(ssl_);
    return done == 1 ? IoStatus::ok : status(done);
  }
  // Until our Finished is sent: signature and key exchange come before it. Then a client may still show a certificate.
  bool handshake_is_long() const override {
    char finished = 0;
    return SSL_get_finished(ssl_, &finished, sizeof finished) == 0 || SSL_get_verify_mode(ssl_) != SSL_VERIFY_NONE;
  }
  IoResult read(char* buffer, std::size_t size) override {
    ERR_clear_error();
    std::size_t got = 0;
    const int done = SSL_read_ex(ssl_, buffer, size, &got);
    if (done == 1) return {IoStatus::ok, got};
    const auto why = status(done);
    // A refused renegotiation (net/tls/context.cpp, on_alert) ends the session without the peer's goodbye.
    const bool cut = why == IoStatus::want_read && (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
    return {cut ? IoStatus::closed : why};
  }
  IoResult write(const char* bytes, std::size_t size) override {
    ERR_clear_error();
    std::size_t sent = 0;
    const int done = SSL_write_ex(ssl_, bytes, size, &sent);
    return done == 1 ? IoResult{IoStatus::ok, sent} : IoResult{status(done)};
  }
  bool has_buffered() const override { return SSL_has_pending(ssl_) == 1; }
  void shutdown() override {
    if (failed_ || SSL_in_init(ssl_)) return;
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
  }
  std::size_t memory() const noexcept override { return SSL_in_init(ssl_) ? handshake_memory : idle; }
  SSL* ssl() noexcept override { return ssl_; }
  std::string last_error() const override { return error_; }

 private:
  IoStatus status(int outcome) {
    switch (SSL_get_error(ssl_, outcome)) {
      case SSL_ERROR_WANT_READ:
        return IoStatus::want_read;
      case SSL_ERROR_WANT_WRITE:
        return IoStatus::want_write;
      case SSL_ERROR_ZERO_RETURN:
        return IoStatus::closed;
      case SSL_ERROR_SYSCALL:
        failed_ = true;
        return errno == 0 || ERR_peek_error() == 0 ? IoStatus::closed : IoStatus::failed;
      default:
        break;
    }
    failed_ = true;
    char text[160];
    ERR_error_string_n(ERR_peek_error(), text, sizeof text);
    error_ = text;
    return IoStatus::failed;
  }

  SSL* ssl_;
  bool failed_ = false;
  std::string error_;
};

}  // namespace

std::unique_ptr<Transport> plain_transport(int fd) { return std::make_unique<PlainTransport>(fd); }
std::unique_ptr<Transport> tls_transport(SSL* ssl, int fd) { return std::make_unique<OpensslTransport>(ssl, fd); }

}  // namespace valise::net
