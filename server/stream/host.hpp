// The client streams of one shard: accepts them, hands them over when they move, buries them when they end.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hourly_count.hpp"
#include "core/shard.hpp"
#include "net/listener.hpp"
#include "net/tls/context.hpp"
#include "stream/c2s.hpp"
#include "stream/hibernation.hpp"
#include "stream/login.hpp"
#include "stream/web_settings.hpp"

namespace valise::stream {

// Who may connect (docs/security.md §3): connections in all and of one network (auth::Network), new ones of it a
// second, unauthenticated ones in all. One a process, behind a mutex: it is asked once a connection, never on the path
// of a message.
class Gate {
 public:
  [[nodiscard]] bool admit(const std::string& address, const core::Settings& settings, std::int64_t now_ms,
                           std::int64_t unauthenticated);
  void left(const std::string& address, std::int64_t now_ms);
  // New accounts from one network: settings.registrations_per_hour.
  [[nodiscard]] bool may_register(const std::string& address, const core::Settings& settings, std::int64_t now_ms);
  // Takes one of them back.
  void could_not_register(const std::string& address, std::int64_t now_ms);

 private:
  struct Counts {
    std::uint32_t open = 0;
    std::uint32_t new_in_second = 0;
    std::int64_t second = 0;
    HourlyCount registered;
  };
  Counts& counts_of(const std::string& address, std::int64_t now_ms);
  std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, Counts> by_network_;
  std::size_t forget_at_ = 100'000;  // entries; doubles when all of them are in use
  std::uint32_t open_ = 0;
};

// TLS contexts of the moment; swapped whole at a reload.
class TlsHolder {
 public:
  void set(Ref<const net::TlsContexts> contexts);
  [[nodiscard]] Ref<const net::TlsContexts> get() const;

 private:
  mutable std::mutex mutex_;  // guards contexts_
  Ref<const net::TlsContexts> contexts_;
};

class StreamHost;

// A stream that may be gone by the time it is wanted.
class C2sToken {
 public:
  C2sToken(StreamHost& host, std::uint64_t id) : host_(&host), id_(id) {}
  [[nodiscard]] C2s* get() const;

 private:
  StreamHost* host_;
  std::uint64_t id_;
};

class StreamHost final : private net::TurnEnd {
 public:
  StreamHost(core::Shard& shard, Gate& gate, TlsHolder& tls, const LoginShared& login,
             std::vector<std::unique_ptr<StreamHost>>& all);
  ~StreamHost();

  [[nodiscard]] Result<> listen(int fd, bool direct_tls);
  void stop_listening();
  // Ends all streams politely (RFC 6120 §4.9.3.20); `done` when none is left or at the latest after `limit_ms`.
  void shut_down(std::int64_t limit_ms, std::move_only_function<void()> done);

  // Strangers are streams that have not logged in. Short of memory, ends so many bytes of them, the oldest first (RFC
  // 6120 §4.9.3.17), and spares those who have just come unless `young_too`; then counts what the others hold.
  void look_after_strangers(std::size_t bytes, bool young_too);
  // As last counted; any thread.
  [[nodiscard]] std::size_t strangers_memory() const noexcept {
    return strangers_memory_.load(std::memory_order_relaxed);
  }
  void is_no_stranger(const C2s& stream) { strangers_.erase(stream.number); }  // it has logged in
  // Bytes of all streams and sessions; a walk.
  [[nodiscard]] std::size_t memory() const;
  // Short of memory: ends a quarter of the sessions that have no connection, those first that have waited for longest.
  // Their messages are in rows (XEP-0198 §5).
  void end_some_detached() { hibernation_.end_oldest((hibernation_.size() + 3) / 4); }

  [[nodiscard]] core::Shard& shard() noexcept { return shard_; }
  [[nodiscard]] Gate& gate() noexcept { return gate_; }
  [[nodiscard]] const LoginShared& login_shared() const noexcept { return login_; }
  [[nodiscard]] StreamHost* sibling(unsigned shard) { return all_[shard].get(); }
  // The caller frees it. The certificate is chosen by SNI; a client that sends none gets that of `domain`, to which
  // its stream is, or the first host's.
  [[nodiscard]] SSL* new_tls(const std::string& domain);
  // Before the first stream, and after each reload.
  void configure(Ref<const WebSettings> settings) { web_ = std::move(settings); }
  [[nodiscard]] const WebSettings& web() const noexcept { return *web_; }
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }
  [[nodiscard]] std::size_t count() const noexcept { return streams_.size(); }
  [[nodiscard]] C2s* find(std::uint64_t id) const;
  [[nodiscard]] C2sToken token(C2s& stream) { return {*this, stream.number}; }

  [[nodiscard]] std::unique_ptr<C2s> release(C2s& stream);
  void adopt(std::unique_ptr<C2s> stream);
  void bury(C2s& stream);                       // destroyed at the end of the turn
  void keep(std::unique_ptr<Remains> remains);  // may be null
  // A stream on a wire that has its TLS already. Its client is counted at the gate. Null: it is gone.
  C2s* begin(std::unique_ptr<Wire> wire);
  void bury(std::unique_ptr<LiveSession> ended);  // likewise
  [[nodiscard]] Hibernation& hibernation() noexcept { return hibernation_; }
  // Runs at the end of the turn, if the stream still is here.
  void defer(C2s& stream, void (*work)(C2s&));

 private:
  void on_turn_end() override;
  void accepted(net::Accepted accepted, bool direct_tls);
  [[nodiscard]] C2s* add(std::unique_ptr<Wire> wire, bool direct_tls);
  void check_shut_down();
  [[nodiscard]] bool has_stranger(std::int64_t age_ms) const;
  std::size_t end_oldest_stranger(std::int64_t age_ms);  // what it held; 0: none is that old

  core::Shard& shard_;
  Gate& gate_;
  TlsHolder& tls_;
  const LoginShared& login_;
  std::vector<std::unique_ptr<StreamHost>>& all_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  Hibernation hibernation_;
  std::vector<std::unique_ptr<LiveSession>> ended_;
  std::unordered_map<std::uint64_t, std::unique_ptr<C2s>> streams_;
  std::set<std::uint64_t> strangers_;  // of streams_; numbers grow: the oldest first
  std::atomic<std::size_t> strangers_memory_{0};
  std::vector<std::uint64_t> graves_;
  std::vector<std::unique_ptr<Remains>> remains_;
  Ref<const WebSettings> web_ = make_ref<WebSettings>();
  std::vector<std::pair<std::uint64_t, void (*)(C2s&)>> deferred_;
  bool stopping_ = false;
  std::move_only_function<void()> shut_down_done_;
  net::Timer shut_down_timer_;
};

}  // namespace valise::stream
