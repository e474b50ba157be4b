// BOSH as the wire of a client stream (XEP-0124, XEP-0206): a session of HTTP requests that come on any connection of
// any shard, and are handed to the shard on which the stream is.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/exchange.hpp"
#include "net/timer_wheel.hpp"
#include "stream/bosh_session.hpp"
#include "stream/wire.hpp"

namespace valise::stream {

class BoshLink;

// The sessions whose streams are on one shard.
class BoshHost {
 public:
  explicit BoshHost(net::Loop& loop, unsigned shard) : loop_(loop), shard_(shard) {}
  [[nodiscard]] net::Loop& loop() noexcept { return loop_; }
  [[nodiscard]] unsigned shard() const noexcept { return shard_; }
  void add(const std::string& sid, BoshLink& link) { links_[sid] = &link; }
  void remove(const std::string& sid) { links_.erase(sid); }
  [[nodiscard]] BoshLink* find(const std::string& sid) const;

 private:
  net::Loop& loop_;
  const unsigned shard_;
  std::unordered_map<std::string, BoshLink*> links_;
};

// Where each session is. One a process; any thread, asked once a request.
class BoshDirectory {
 public:
  struct Entry {
    unsigned shard = 0;
    bool logged_in = false;  // the limits of after log-in hold
    std::string origin;      // of the page that began it
  };
  void add_host(BoshHost& host) { hosts_.push_back(&host); }  // before the threads run, by shard
  [[nodiscard]] BoshHost& host_of(const net::Loop& loop);
  void put(const std::string& sid, Entry entry);
  void remove(const std::string& sid);
  [[nodiscard]] std::optional<Entry> find(const std::string& sid) const;
  // Runs `work` on the session's shard, at once if that is the current one; with null if there is no such session. One
  // that is between two shards is waited for.
  using Work = std::move_only_function<void(BoshLink*)>;
  void reach(const std::string& sid, Work work);

 private:
  std::vector<BoshHost*> hosts_;
  mutable std::mutex mutex_;  // guards entries_
  std::unordered_map<std::string, Entry> entries_;
};

// What a client asked for at the beginning.
struct BoshBeginning {
  BoshBody body;
  BoshTerms terms;
  std::string origin;  // of the page that asks; empty: it did not say
};

class BoshLink final : private BoshSession::Events, private net::TurnEnd {
 public:
  BoshLink(BoshDirectory& directory, BoshHost& host, BoshBeginning beginning, http::Exchange exchange);
  ~BoshLink();
  [[nodiscard]] const std::string& sid() const noexcept { return sid_; }

  void bind(WireEvents& events) noexcept { events_ = &events; }
  void begin();  // the stream's header, from the first request
  void take(BoshBody body, http::Exchange exchange);

  // For the wire.
  void open(const StreamOpening& opening);
  [[nodiscard]] std::string& output();
  void seal();
  void end(std::string_view condition);
  void abort(net::CloseReason reason);
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
  [[nodiscard]] std::size_t queued() const noexcept { return static_cast<std::size_t>(pushed_ - sent_); }
  void restart();
  void hold(bool held);
  void pause(bool paused);
  void detach();
  void attach(net::Loop& loop);
  [[nodiscard]] bool closed() const noexcept { return told_; }
  [[nodiscard]] bool ending() const noexcept { return ending_; }
  [[nodiscard]] bool over() const noexcept { return session_.over(); }
  [[nodiscard]] std::size_t memory() const noexcept;
  [[nodiscard]] std::size_t used() const noexcept { return session_.memory(); }
  std::move_only_function<void()>* on_over = nullptr;  // once the stream is gone

 private:
  struct Part {
    BoshSession::Ticket ticket;
    std::size_t bytes;
    bool lost = false;  // its client was gone
    bool done = false;
  };
  // BoshSession::Events
  void on_request(BoshBody body) override;
  void on_answer(BoshSession::Ticket ticket, unsigned status, std::string body, std::size_t payload) override;
  void on_lost() override;
  void on_turn_end() override;

  [[nodiscard]] std::int64_t now() const;
  void written(BoshSession::Ticket ticket, bool whole);
  void count_sent();
  void tell(net::CloseReason reason);
  void arm();
  void header(const BoshBody& body);
  void hand_up(std::vector<BoshBody::Payload> payloads);

  BoshDirectory& directory_;
  BoshHost* host_;
  WireEvents* events_ = nullptr;
  const std::string sid_;
  BoshBody first_;
  const std::string content_type_;
  const std::string origin_;
  BoshSession::Ticket tickets_ = 1;  // the last one that was given
  BoshSession session_;
  std::unordered_map<BoshSession::Ticket, http::Exchange> exchanges_;
  std::deque<Part> parts_;  // of the output that answers carry, in order
  std::string staged_;
  std::uint64_t pushed_ = 0, sent_ = 0;
  bool expects_open_ = false;
  bool held_ = false, paused_ = false;
  bool opened_ = false;
  bool ending_ = false;  // the stream has ended
  bool told_ = false;    // on_closed was called
  net::Timer timer_;
};

class BoshWire final : public Wire {
 public:
  BoshWire(std::unique_ptr<BoshLink> link, std::string address, std::uint16_t port, std::string origin)
      : link_(std::move(link)), address_(std::move(address)), port_(port), origin_(std::move(origin)) {}

  [[nodiscard]] Result<> start() override;
  void open(const StreamOpening& opening) override { link_->open(opening); }
  [[nodiscard]] std::string& output() override { return link_ ? link_->output() : nowhere_; }
  void send_error(std::string_view condition, std::string_view element) override;
  void end_stream() override {}
  void flush() override {}
  [[nodiscard]] std::size_t queued() override;
  [[nodiscard]] std::uint64_t sent() const override { return link_ ? link_->sent() : 0; }
  void restart(const xml::StreamLimits&) override { link_->restart(); }
  void set_limits(const xml::StreamLimits&) override {}
  void hold(std::size_t) override { link_->hold(true); }
  void go_on() override { link_->hold(false); }
  void pause_reading() override;
  void resume_reading() override;
  [[nodiscard]] bool in_stanza() const override { return false; }
  bool rest() override { return true; }
  [[nodiscard]] bool secured() const override { return true; }
  [[nodiscard]] SSL* ssl() override { return nullptr; }  // no one TLS session carries it: nothing binds it
  [[nodiscard]] const std::string& peer_address() const override { return address_; }
  [[nodiscard]] std::uint16_t peer_port() const override { return port_; }
  [[nodiscard]] std::string_view origin() const override { return origin_; }
  void close_after_flush() override;
  void close_now(net::CloseReason reason) override;
  [[nodiscard]] bool closed() const override { return !link_ || link_->closed(); }
  [[nodiscard]] std::unique_ptr<Remains> remains() override;
  void detach() override { link_->detach(); }
  [[nodiscard]] Result<> attach(net::Loop& loop) override;
  [[nodiscard]] std::size_t memory() const override { return link_ ? link_->memory() : 0; }
  [[nodiscard]] std::size_t used() const override { return link_ ? link_->used() : 0; }

 private:
  std::unique_ptr<BoshLink> link_;  // null: it was given away behind on_closed
  std::string condition_;
  std::string address_;
  std::uint16_t port_;
  std::string origin_;
  std::string nowhere_;
};

}  // namespace valise::stream
