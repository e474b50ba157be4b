// tls-relay PORT THREADS CERTIFICATE KEY [coalesce]
//
// What no messenger server can beat on this machine: TLS in, TLS out, nothing between. Thread i listens on PORT + i.
// A client's first line "P<number>\n" names its pair; whatever either side of a pair sends goes to the other, one
// record for one record, or with `coalesce` all that came in one turn of the loop as one record.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

struct Peer {
  int fd = -1;
  SSL* ssl = nullptr;
  Peer* other = nullptr;
  std::string pair;    // the number, once its line has come
  std::string unsent;  // what the socket did not take, or what this turn has gathered
  std::string early;   // what came before the other side of the pair had said its line
  bool dirty = false;  // is in the turn's list
  bool waits_for_room = false;
};

constexpr std::size_t early_limit = 65'536;

class Relay {
 public:
  Relay(SSL_CTX* context, int port, bool coalesce) : context_(context), coalesce_(coalesce) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 || listen(listener_, 4096) < 0) {
      std::perror("tls-relay: listen");
      std::exit(1);
    }
    set(EPOLL_CTL_ADD, listener_, nullptr, EPOLLIN);
  }

  void run() {
    std::array<epoll_event, 256> events;
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        auto* peer = static_cast<Peer*>(events[i].data.ptr);
        if (!peer)
          accept_all();
        else if (peer->fd >= 0)
          serve(*peer, events[i].events);
      }
      for (auto* peer : dirty_) {
        peer->dirty = false;
        flush(*peer);
      }
      dirty_.clear();
      dead_.clear();  // only now: events of this turn may still have named them
    }
  }

 private:
  void set(int operation, int fd, Peer* peer, std::uint32_t wanted) {
    epoll_event event{.events = wanted, .data = {.ptr = peer}};
    epoll_ctl(epoll_, operation, fd, &event);
  }

  void accept_all() {
    int fd;
    while ((fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto& peer = peers_[fd] = std::make_unique<Peer>();
      peer->fd = fd;
      peer->ssl = SSL_new(context_);
      SSL_set_fd(peer->ssl, fd);
      SSL_set_accept_state(peer->ssl);
      set(EPOLL_CTL_ADD, fd, peer.get(), EPOLLIN);
    }
  }

  void drop(Peer& peer) {
    if (peer.other) peer.other->other = nullptr;
    peer.other = nullptr;
    if (const auto found = waiting_.find(peer.pair); found != waiting_.end() && found->second == &peer)
      waiting_.erase(found);
    SSL_free(peer.ssl);
    close(peer.fd);
    dead_.push_back(std::move(peers_[peer.fd]));
    peers_.erase(peer.fd);
    peer.fd = -1;
  }

  void serve(Peer& peer, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) flush(peer);
    static thread_local std::array<char, 16384> buffer;
    do {
      std::size_t count = 0;
      const int done = SSL_read_ex(peer.ssl, buffer.data(), buffer.size(), &count);
      if (done != 1) {
        if (SSL_get_error(peer.ssl, done) != SSL_ERROR_WANT_READ) drop(peer);
        return;
      }
      forward(peer, {buffer.data(), count});
    } while (peer.fd >= 0 && SSL_has_pending(peer.ssl) == 1);
  }

  void forward(Peer& peer, std::string_view bytes) {
    if (peer.pair.empty()) {
      const auto end = bytes.find('\n');
      if (end == std::string_view::npos) return drop(peer);
      peer.pair = bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
      if (const auto found = waiting_.find(peer.pair); found != waiting_.end()) {
        peer.other = found->second;
        peer.other->other = &peer;
        waiting_.erase(found);
        if (!peer.other->early.empty()) pass_on(peer, std::exchange(peer.other->early, {}));
      } else {
        waiting_[peer.pair] = &peer;
      }
    }
    if (bytes.empty()) return;
    if (peer.other)
      pass_on(*peer.other, bytes);
    else if (peer.early.size() < early_limit)
      peer.early.append(bytes);
    else
      drop(peer);
  }

  void pass_on(Peer& to, std::string_view bytes) {
    to.unsent.append(bytes);
    if (!coalesce_) return flush(to);
    if (!std::exchange(to.dirty, true)) dirty_.push_back(&to);
  }

  void flush(Peer& peer) {
    if (peer.fd < 0) return;
    std::size_t sent = 0, count = 0;
    while (sent < peer.unsent.size() &&
           SSL_write_ex(peer.ssl, peer.unsent.data() + sent, peer.unsent.size() - sent, &count) == 1) {
      sent += count;
    }
    peer.unsent.erase(0, sent);
    if (peer.waits_for_room == peer.unsent.empty()) {
      peer.waits_for_room = !peer.unsent.empty();
      set(EPOLL_CTL_MOD, peer.fd, &peer, peer.waits_for_room ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
    if (peer.unsent.empty() && peer.unsent.capacity() > 4096) std::string().swap(peer.unsent);
  }

  SSL_CTX* context_;
  bool coalesce_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  int listener_ = -1;
  std::unordered_map<int, std::unique_ptr<Peer>> peers_;
  std::unordered_map<std::string, Peer*> waiting_;
  std::vector<Peer*> dirty_;
  std::vector<std::unique_ptr<Peer>> dead_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "tls-relay PORT THREADS CERTIFICATE KEY [coalesce]\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);

  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context, 1);
  if (SSL_CTX_use_certificate_chain_file(context, argv[3]) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, argv[4], SSL_FILETYPE_PEM) != 1) {
    std::fprintf(stderr, "tls-relay: cannot load the certificate or its key\n");
    return 1;
  }
  const int port = std::atoi(argv[1]), threads = std::atoi(argv[2]);
  const bool coalesce = argc > 5 && std::string_view(argv[5]) == "coalesce";
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([=] { Relay(context, port + i, coalesce).run(); });
  }
}
