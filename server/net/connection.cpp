#include "net/connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <utility>
#include <vector>

#include "base/release.hpp"
#include "net/handshakes.hpp"

namespace valise::net {
namespace {

// Read and write buffers belong to the thread, not to the connection.
constexpr std::size_t read_size = 4'096;  // what a loop parses of one before others have their turn
constexpr int reads_a_turn = 4;           // of small pieces; then it waits for its share
constexpr std::size_t little = 1'024;
constexpr int dropped_at_once = 16'384;
thread_local std::array<char, dropped_at_once> read_buffer;

constexpr std::size_t pooled_buffers = 128;
constexpr std::size_t pooled_capacity = 65'536;
constexpr std::size_t pooled_bytes = 1'048'576;  // in all: a flood's large buffers do not stay
thread_local std::vector<std::string> buffer_pool;
thread_local std::size_t in_pool = 0;  // bytes

// Of a queue that does not leave: what it has beyond its bytes, and when that is too much or too little.
constexpr std::size_t spare_of(std::size_t bytes) { return bytes / 8 + 4'096; }
constexpr std::size_t least_spare_of(std::size_t bytes) { return bytes / 32; }
constexpr std::size_t most_spare_of(std::size_t bytes) { return bytes / 4 + 8'192; }

}  // namespace

Connection::Connection(Loop& loop, ConnectionHandler& handler, int fd, std::string peer_address,
                       std::uint16_t peer_port)
    : loop_(&loop),
      handler_(&handler),
      fd_(fd),
      peer_port_(peer_port),
      transport_(plain_transport(fd)),
      peer_address_(std::move(peer_address)),
      linger_(
          [](void* self) {
            auto* ends = static_cast<Connection*>(self);
            if (ends->drops()) ends->drop_input();
            ends->close_now(CloseReason::by_us);
          },
          this) {}

Connection::~Connection() {
  leave_loop();
  if (fd_ >= 0) close_socket();
  drop_output();
}

void Connection::leave_loop() {
  linger_.cancel();
  loop_->cancel(static_cast<TurnEnd&>(*this));
  loop_->cancel(static_cast<Share&>(*this));
  if (fd_ >= 0) loop_->unwatch(fd_, *this);
}

Result<> Connection::start() { return watch(); }

Result<> Connection::watch() {
  interest_ = interest();
  return loop_->watch(fd_, interest_, *this);
}

void Connection::set_handler(ConnectionHandler& handler) {
  handler_ = &handler;
  if (fd_ >= 0) loop_->enqueue(*this);  // TLS may hold bytes that the socket tells nothing of
}

std::string& Connection::output() {
  if (output_.capacity() < 64 && !buffer_pool.empty()) {
    output_ = std::move(buffer_pool.back());
    buffer_pool.pop_back();
    in_pool -= output_.capacity();
  }
  if (want_write_ && output_.capacity() - output_.size() < least_spare_of(queued())) fit_output();
  loop_->enqueue(*this);
  return output_;
}

// A string grows to the double: what waits for a slow reader grows by an eighth, and gives sent bytes back.
void Connection::fit_output() {
  std::string fitting;
  fitting.reserve(queued() + spare_of(queued()));
  fitting.append(output_, written_);
  output_.swap(fitting);
  written_ = 0;
}

// The kernel takes no more for now.
void Connection::wait_bounded() {
  if (queued() > handler_->queue_limit()) return close_now(CloseReason::overflow);
  if (written_ >= pooled_capacity || output_.capacity() - output_.size() > most_spare_of(queued())) fit_output();
}

void Connection::send(std::string_view bytes) {
  if (closing_ || fd_ < 0) return;
  output().append(bytes);
}

void Connection::drop_output() {
  explicit_bzero(output_.data(), output_.size());  // a pooled one keeps its bytes
  if (output_.capacity() >= 64 && output_.capacity() <= pooled_capacity && buffer_pool.size() < pooled_buffers &&
      in_pool + output_.capacity() <= pooled_bytes) {
    in_pool += output_.capacity();
    output_.clear();
    buffer_pool.push_back(std::move(output_));
  }
  release(output_);
  written_ = 0;
}

void Connection::secure(std::unique_ptr<Transport> tls) {
  if (fd_ < 0) return;
  next_transport_ = std::move(tls);
  flush();
  if (fd_ >= 0 && next_transport_ && output_.empty()) await_handshake();
}

void Connection::await_handshake() {
  transport_ = std::move(next_transport_);
  handshaking_ = true;
  update_interest();
}

// A handshake on its way through another thread. Of a connection that ends meanwhile it keeps transport and socket
// until that thread lets go of them.
struct Connection::Flight {
  Flight(Connection& its_owner, Transport& its_transport) : owner(&its_owner), transport(its_transport) {}
  ~Flight() {
    inherited.reset();
    if (fd >= 0) ::close(fd);
  }
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  std::atomic<Connection*> owner;  // written and followed by the loop's thread; null: there is none any more
  Transport& transport;
  IoStatus outcome = IoStatus::failed;
  std::unique_ptr<Transport> inherited;
  int fd = -1;
};

void Connection::handshake() {
  if (!transport_->handshake_is_long() || !handshake_elsewhere()) take_handshake(transport_->handshake());
}

bool Connection::handshake_elsewhere() {
  auto* threads = loop_->handshakes();
  if (threads == nullptr) return false;
  auto flight = std::make_shared<Flight>(*this, *transport_);
  auto job = [flight, loop = loop_] {
    if (flight->owner == nullptr) return;
    flight->outcome = flight->transport.handshake();
    loop->post([flight] {
      if (auto* owner = flight->owner.load()) owner->land();
    });
  };
  if (!threads->submit(std::move(job))) return false;
  loop_->unwatch(fd_, *this);  // level-triggered, it would tell all the time
  flight_ = std::move(flight);
  return true;
}

void Connection::land() {
  const auto outcome = std::exchange(flight_, nullptr)->outcome;
  if (!watch()) return close_now(CloseReason::error);
  take_handshake(outcome);
}

void Connection::take_handshake(IoStatus outcome) {
  switch (outcome) {
    case IoStatus::ok:
      handshaking_ = want_write_ = false;
      secured_ = true;
      update_interest();
      drained_ = false;  // the peer's first bytes may have come with the end of its handshake
      handler_->on_secured();
      if (fd_ >= 0) loop_->enqueue(*this);
      return;
    case IoStatus::want_read:
      want_write_ = false;
      break;
    case IoStatus::want_write:
      want_write_ = true;
      break;
    case IoStatus::closed:
      return close_now(CloseReason::by_peer);
    case IoStatus::failed:
      return close_now(CloseReason::error);
  }
  update_interest();
}

void Connection::on_io(std::uint32_t events) {
  if (handshaking_) return handshake();
  if ((events & EPOLLOUT) != 0) {
    want_write_ = false;
    flush();
    if (fd_ < 0) return;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  if (drops()) return drop_input();
  if (closing_ && (events & (EPOLLHUP | EPOLLERR)) != 0) return close_now(CloseReason::by_us);
  if (waits_for_share()) return;
  if (may_read()) return wants_much_ ? loop_->wait_for_share(*this) : read_some();
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) close_now(CloseReason::by_peer);
}

void Connection::read_some() {
  read_turn_ = loop_->turn();
  drained_ = false;
  for (int i = 0; i < reads_a_turn && fd_ >= 0 && may_read(); ++i) {
    const auto result = transport_->read(read_buffer.data(), read_size);
    if (result.status == IoStatus::want_read) {
      drained_ = true;
      return;
    }
    if (result.status == IoStatus::want_write) {  // TLS 1.3 key update wants to answer
      want_write_ = true;
      return update_interest();
    }
    if (result.status != IoStatus::ok) {
      return close_now(result.status == IoStatus::closed ? CloseReason::by_peer : CloseReason::error);
    }
    // Level-triggered: unless TLS holds more, the next event tells, and no read ends in EAGAIN.
    const auto* before = transport_.get();
    if (closing_) {
      heard_ += result.bytes;
      if (drops()) return drop_in_large_pieces();
    } else {
      const bool goes_on = handler_->on_bytes({read_buffer.data(), result.bytes});
      explicit_bzero(read_buffer.data(), result.bytes);  // docs/security.md §6: the next bytes may be long in coming
      if (!goes_on) return;
    }
    if (fd_ < 0 || transport_.get() != before) return;
    wants_much_ = result.bytes == read_size || (wants_much_ && result.bytes > little);
    if (wants_much_) break;
    if (!transport_->has_buffered()) return;
  }
  // More may also wait inside TLS, where epoll does not see it.
  if (fd_ >= 0 && may_read()) loop_->wait_for_share(*this);
}

// Who says so much behind our goodbye does not answer it: TLS need not open what still comes. It is taken out of the
// socket, in large pieces, because a close with unread bytes would be a reset, which may overtake the goodbye (RFC 2525
// §2.17).
void Connection::drop_in_large_pieces() {
  setsockopt(fd_, SOL_SOCKET, SO_RCVLOWAT, &dropped_at_once, sizeof dropped_at_once);
}

void Connection::drop_input() {
  const auto got = ::recv(fd_, read_buffer.data(), read_buffer.size(), MSG_TRUNC | MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) close_now(CloseReason::by_us);
}

void Connection::on_share() {
  if (may_read()) read_some();  // who has no socket any more waits for none
}

void Connection::on_turn_end() {
  if (fd_ < 0) return;
  flush();
  if (fd_ < 0 || drained_ || !may_read() || !transport_->has_buffered()) return;
  if (wants_much_ || read_turn_ == loop_->turn()) return loop_->wait_for_share(*this);
  read_some();
}

void Connection::flush() {
  const auto before = sent_;
  write_output();
  if (sent_ != before && fd_ >= 0) handler_->on_sent();
}

void Connection::write_output() {
  if (fd_ < 0 || handshaking_ || want_write_) {
    if (fd_ >= 0 && !output_.empty()) wait_bounded();
    return;
  }
  while (written_ < output_.size()) {
    const auto result = transport_->write(output_.data() + written_, output_.size() - written_);
    if (result.status == IoStatus::ok) {
      written_ += result.bytes;
      sent_ += result.bytes;
      continue;
    }
    if (result.status != IoStatus::want_write && result.status != IoStatus::want_read) {
      return close_now(result.status == IoStatus::closed ? CloseReason::by_peer : CloseReason::error);
    }
    want_write_ = true;
    wait_bounded();
    return update_interest();
  }
  drop_output();
  update_interest();
  if (next_transport_) return await_handshake();
  if (closing_) {
    transport_->shutdown();
    ::shutdown(fd_, SHUT_WR);
  }
}

std::uint32_t Connection::interest() const noexcept {
  return (may_read() || handshaking_ || drops() ? EPOLLIN : 0u) | (want_write_ ? EPOLLOUT : 0u);
}

void Connection::update_interest() {
  if (fd_ < 0 || flight_) return;
  const auto wanted = interest();
  if (wanted == interest_) return;
  interest_ = wanted;
  loop_->change(fd_, interest_, *this);
}

void Connection::pause_reading() {
  reading_ = false;
  update_interest();
}

void Connection::resume_reading() {
  if (reading_) return;
  reading_ = true;
  update_interest();
  if (fd_ >= 0) loop_->wait_for_share(*this);
}

void Connection::close_after_flush(std::int64_t linger_ms) {
  if (fd_ < 0 || closing_) return;
  closing_ = true;
  loop_->timers().arm(linger_, loop_->now_ms(), linger_ms);
  update_interest();
  loop_->enqueue(*this);
}

void Connection::close_now(CloseReason reason) {
  if (fd_ < 0) return;
  leave_loop();
  if (reason == CloseReason::error) transport_error_ = transport_->last_error();
  if (!closing_ && !handshaking_ && reason == CloseReason::by_us) transport_->shutdown();
  close_socket();
  drop_output();
  handler_->on_closed(closing_ ? CloseReason::by_us : reason);
}

void Connection::close_socket() {
  if (flight_) {
    flight_->inherited = std::exchange(transport_, plain_transport(-1));
    flight_->fd = fd_;
    flight_->owner = nullptr;
    flight_.reset();
  } else {
    ::close(fd_);
  }
  fd_ = -1;
}

void Connection::detach() {
  leave_loop();
  interest_ = 0;
}

Result<> Connection::attach(Loop& loop) {
  loop_ = &loop;
  read_turn_ = 0;
  auto watched = watch();
  if (!watched) return watched;
  if (closing_) loop_->timers().arm(linger_, loop_->now_ms(), 5000);
  loop_->enqueue(*this);
  return watched;
}

}  // namespace valise::net
