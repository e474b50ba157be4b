#include "stream/host.hpp"

#include <openssl/ssl.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.hpp"
#include "core/jid/domain.hpp"

namespace valise::stream {
namespace {
std::atomic<std::uint64_t> next_stream{1};
constexpr std::size_t gate_entries = 100'000;  // beyond it, idle networks are forgotten
constexpr std::string_view shut_down_text = "the server is being stopped";
constexpr std::int64_t ms_per_hour = 3'600'000;
}  // namespace

// ---- Gate

Gate::Counts& Gate::counts_of(const std::string& address, std::int64_t now_ms) {
  if (by_network_.size() >= forget_at_) {
    std::erase_if(by_network_, [hour = now_ms / ms_per_hour](const auto& entry) {
      return entry.second.open == 0 && entry.second.hour != hour;
    });
    forget_at_ = std::max(gate_entries, 2 * by_network_.size());
  }
  const auto network = core::auth::Network::parse(address);
  return by_network_[network ? std::string(network->bytes()) : address];
}

bool Gate::admit(const std::string& address, const core::Settings& settings, std::int64_t now_ms,
                 std::int64_t unauthenticated) {
  if (unauthenticated >= settings.unauthenticated) return false;
  const std::lock_guard lock(mutex_);
  if (open_ >= settings.connections) return false;
  auto& counts = counts_of(address, now_ms);
  if (counts.second != now_ms / 1000) {
    counts.second = now_ms / 1000;
    counts.new_in_second = 0;
  }
  if (counts.open >= settings.connections_per_address || counts.new_in_second >= settings.new_connections_per_second) {
    return false;
  }
  ++open_;
  ++counts.open;
  ++counts.new_in_second;
  return true;
}

void Gate::left(const std::string& address, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  --open_;
  --counts_of(address, now_ms).open;
}

bool Gate::may_register(const std::string& address, const core::Settings& settings, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  auto& counts = counts_of(address, now_ms);
  if (counts.hour != now_ms / ms_per_hour) {
    counts.hour = now_ms / ms_per_hour;
    counts.registered_in_hour = 0;
  }
  return ++counts.registered_in_hour <= settings.registrations_per_hour;
}

void Gate::could_not_register(const std::string& address, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  auto& counts = counts_of(address, now_ms);
  if (counts.hour == now_ms / ms_per_hour && counts.registered_in_hour > 0) --counts.registered_in_hour;
}

// ---- TlsHolder

void TlsHolder::set(Ref<const net::TlsContexts> contexts) {
  const std::lock_guard lock(mutex_);
  contexts_ = std::move(contexts);
}

Ref<const net::TlsContexts> TlsHolder::get() const {
  const std::lock_guard lock(mutex_);
  return contexts_;
}

// ---- StreamHost

C2s* C2sToken::get() const { return host_->find(id_); }

StreamHost::StreamHost(core::Shard& shard, Gate& gate, TlsHolder& tls, const LoginShared& login,
                       std::vector<std::unique_ptr<StreamHost>>& all)
    : shard_(shard),
      gate_(gate),
      tls_(tls),
      login_(login),
      all_(all),
      hibernation_(shard),
      shut_down_timer_(
          [](void* self) {
            auto& host = *static_cast<StreamHost*>(self);
            host.streams_.clear();
            host.check_shut_down();
          },
          this) {}

StreamHost::~StreamHost() {
  streams_.clear();
  hibernation_.end_oldest(hibernation_.size());
  ended_.clear();
  shard_.loop().cancel(*this);
}

Result<> StreamHost::listen(int fd, bool direct_tls) {
  auto listener = std::make_unique<net::Listener>(
      shard_.loop(), fd, [this, direct_tls](net::Accepted one) { accepted(std::move(one), direct_tls); });
  auto started = listener->start();
  listeners_.push_back(std::move(listener));
  return started;
}

void StreamHost::stop_listening() { listeners_.clear(); }

SSL* StreamHost::new_tls(const std::string& domain) {
  return tls_.get()->new_session(domain.empty() ? std::string() : core::ascii_domain(domain)).release();
}

C2s* StreamHost::find(std::uint64_t id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

void StreamHost::accepted(net::Accepted one, bool direct_tls) {
  // docs/security.md §3: at 80 % of limits.memory nobody is let in.
  if (shard_.kernel().memory_is(core::MemoryState::high) ||
      !gate_.admit(one.address, shard_.settings(), shard_.loop().now_ms(),
                   shard_.kernel().stats.unauthenticated.load(std::memory_order_relaxed))) {
    ::close(one.fd);  // cheaper for us than a word
    return;
  }
  const auto id = next_stream.fetch_add(1, std::memory_order_relaxed);
  auto stream = std::make_unique<C2s>(*this, id, one.fd, std::move(one.address), one.port, direct_tls);
  auto& added = *stream;
  streams_.emplace(id, std::move(stream));
  if (const auto started = added.start(); !started) {
    log::warning("c2s", "{}", started.error().text);
    bury(added);
  }
}

std::unique_ptr<C2s> StreamHost::release(C2s& stream) {
  auto node = streams_.extract(stream.number);
  return node.empty() ? nullptr : std::move(node.mapped());
}

void StreamHost::adopt(std::unique_ptr<C2s> stream) {
  if (!stream) return;
  auto& adopted = *stream;
  streams_.emplace(adopted.number, std::move(stream));
  adopted.arrive(*this);
  if (stopping_) adopted.end("system-shutdown", shut_down_text);  // it was between two shards
}

void StreamHost::end_unauthenticated() {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, stream] : streams_) {
    if (!stream->logged_in()) ids.push_back(id);
  }
  for (const auto id : ids) {
    if (auto* stream = find(id)) stream->end("resource-constraint", "the server is short of memory");
  }
}

void StreamHost::bury(C2s& stream) {
  graves_.push_back(stream.number);
  shard_.loop().enqueue(*this);
}

void StreamHost::bury(std::unique_ptr<LiveSession> ended) {
  ended_.push_back(std::move(ended));
  shard_.loop().enqueue(*this);
}

void StreamHost::defer(C2s& stream, void (*work)(C2s&)) {
  deferred_.emplace_back(stream.number, work);
  shard_.loop().enqueue(*this);
}

void StreamHost::on_turn_end() {
  for (const auto& [id, work] : std::exchange(deferred_, {})) {
    if (auto* stream = find(id)) work(*stream);
  }
  for (const auto id : std::exchange(graves_, {})) streams_.erase(id);
  std::exchange(ended_, {});
  check_shut_down();
}

void StreamHost::shut_down(std::int64_t limit_ms, std::move_only_function<void()> done) {
  stop_listening();
  stopping_ = true;
  shut_down_done_ = std::move(done);
  shard_.loop().timers().arm(shut_down_timer_, shard_.loop().now_ms(), limit_ms);
  std::vector<std::uint64_t> ids;
  for (const auto& [id, stream] : streams_) ids.push_back(id);
  for (const auto id : ids) {
    if (auto* stream = find(id)) stream->end("system-shutdown", shut_down_text);
  }
  hibernation_.end_oldest(hibernation_.size());
  shard_.loop().enqueue(*this);
}

void StreamHost::check_shut_down() {
  if (!shut_down_done_ || !streams_.empty()) return;
  shut_down_timer_.cancel();
  auto done = std::exchange(shut_down_done_, nullptr);
  done();
}

}  // namespace valise::stream
