// One client's TCP connection: clear text first where STARTTLS asks for it, then TLS 1.3 by OpenSSL directly on the
// non-blocking socket. One send() is one TLS record and one write, as real clients do it.
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "event_loop.hpp"

namespace valise::bench {

struct SslFree {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};

// What all links of a run share: the loop, the server's address, the TLS context, the next source address.
class Network {
 public:
  // `host` is a numeric IPv4 address. Certificates are not verified: the generator measures, it holds no secret.
  // `resume`: keep TLS sessions so that a second connect() of a link resumes; otherwise every handshake is full.
  Network(EventLoop& event_loop, const std::string& host, int port, bool resume);

  // 127.0.0.2 … 127.0.0.250 in turn when the server is on the loopback: one address pair has only 28 k ports.
  [[nodiscard]] in_addr next_source() noexcept;

  EventLoop& loop;
  sockaddr_in server{};
  std::unique_ptr<SSL_CTX, SslFree> tls;
  bool loopback = false;
  int connection_attempts = 0;

 private:
  std::uint32_t source_ = 0;
};

class Link final : private Watcher {
 public:
  class Owner {
   public:
    virtual void on_connected() = 0;                    // TCP stands; say start_tls() or send clear text
    virtual void on_secured() = 0;                      // the TLS handshake is complete
    virtual void on_bytes(std::string_view bytes) = 0;  // valid during the call
    virtual void on_lost(const std::string& why) = 0;   // closed by the other side, or failed; the link is closed

   protected:
    ~Owner() = default;
  };

  Link(Network& network, Owner& owner) : network_(network), owner_(owner) {}
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // `port_offset` is added to the server's port (the relay has one port a thread).
  [[nodiscard]] Result<> connect(int port_offset = 0);
  void start_tls(const std::string& server_name, bool direct);
  void send(std::string_view bytes);
  // Politely (close_notify) or, for the scenarios that drop connections, without a word.
  void close(bool polite);
  [[nodiscard]] bool open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] bool resumed() const noexcept { return ssl_ && SSL_session_reused(ssl_.get()) == 1; }

  void keep_session(SSL_SESSION* session) noexcept { session_.reset(session); }

 private:
  enum class State : unsigned char { closed, connecting, plain, handshaking, secure };

  void on_events(std::uint32_t events) override;
  void handshake();
  void read_plain();
  void read_secure();
  void flush();
  void want(std::uint32_t events);
  void lost(const std::string& why);

  Network& network_;
  Owner& owner_;
  int fd_ = -1;
  State state_ = State::closed;
  std::uint32_t events_ = 0;
  std::unique_ptr<SSL, SslFree> ssl_;
  std::unique_ptr<SSL_SESSION, SslFree> session_;
  std::string unsent_;
};

}  // namespace valise::bench
