#include "stream/host.hpp"

#include <openssl/ssl.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.hpp"
#include "core/jid/domain.hpp"
#include "stream/tcp_wire.hpp"

namespace valise::stream {
namespace {
std::atomic<std::uint64_t> next_stream{1};
constexpr std::size_t gate_entries = 100'000;  // beyond it, idle networks are forgotten
constexpr std::string_view shut_down_text = "the server is being stopped";
constexpr std::string_view short_of_memory = "the server is short of memory";
constexpr std::int64_t grace_ms = 5'000;  // a client that wants to log in has done so by then
}  // namespace

// ---- Gate

Gate::Counts& Gate::counts_of(const std::string& address, std::int64_t now_ms) {
  if (by_network_.size() >= forget_at_) {
    std::erase_if(by_network_, [now_ms](const auto& entry) {
      return entry.second.open == 0 && entry.second.registered.is_over(now_ms);
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
  if (!counts.registered.has_room(settings.registrations_per_hour, now_ms)) return false;
  counts.registered.add(now_ms);
  return true;
}

void Gate::could_not_register(const std::string& address, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  counts_of(address, now_ms).registered.take_back();
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
            host.strangers_.clear();
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
  // docs/security.md §3: at 80 % of limits.memory nobody is let in. Strangers shut nobody out: where they are as many
  // as they may be, who has not logged in for a while makes room.
  const auto& kernel = shard_.kernel();
  const auto strangers = kernel.stats.unauthenticated.load(std::memory_order_relaxed);
  const bool replaces = strangers >= shard_.settings().unauthenticated && has_stranger(grace_ms);
  if (kernel.memory_is(core::MemoryState::high) ||
      !gate_.admit(one.address, shard_.settings(), shard_.loop().now_ms(), strangers - (replaces ? 1 : 0))) {
    ::close(one.fd);  // cheaper for us than a word
    return;
  }
  if (kernel.crowded.load(std::memory_order_relaxed)) {
    end_oldest_stranger(0);
  } else if (replaces) {
    end_oldest_stranger(grace_ms);
  }
  (void)add(std::make_unique<TcpWire>(shard_.loop(), one.fd, std::move(one.address), one.port), direct_tls);
}

C2s* StreamHost::begin(std::unique_ptr<Wire> wire) { return add(std::move(wire), false); }

C2s* StreamHost::add(std::unique_ptr<Wire> wire, bool direct_tls) {
  const auto id = next_stream.fetch_add(1, std::memory_order_relaxed);
  auto stream = std::make_unique<C2s>(*this, id, std::move(wire), direct_tls);
  auto& added = *stream;
  streams_.emplace(id, std::move(stream));
  strangers_.insert(id);
  const auto started = added.start();
  if (started) return &added;
  log::warning("c2s", "{}", started.error().text);
  bury(added);
  return nullptr;
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

// ---- strangers

bool StreamHost::has_stranger(std::int64_t age_ms) const {
  const auto* oldest = strangers_.empty() ? nullptr : find(*strangers_.begin());
  return oldest != nullptr && shard_.loop().now_ms() - oldest->opened_ms() >= age_ms;
}

std::size_t StreamHost::end_oldest_stranger(std::int64_t age_ms) {
  if (!has_stranger(age_ms)) return 0;
  auto& oldest = *find(*strangers_.begin());
  strangers_.erase(strangers_.begin());
  const auto bytes = oldest.memory();
  oldest.cut("resource-constraint", short_of_memory);
  return bytes;
}

void StreamHost::look_after_strangers(std::size_t bytes, bool young_too) {
  while (bytes > 0) {
    const auto freed = end_oldest_stranger(young_too ? 0 : grace_ms);
    if (freed == 0) break;
    bytes -= std::min(bytes, freed);
  }
  std::size_t held = 0;
  for (const auto id : strangers_) {
    if (const auto* stream = find(id)) held += stream->memory();
  }
  strangers_memory_.store(held, std::memory_order_relaxed);
}

std::size_t StreamHost::memory() const {
  std::size_t bytes = hibernation_.memory();
  for (const auto& [id, stream] : streams_) bytes += stream->memory() + stream->session_memory();
  return bytes;
}

void StreamHost::bury(C2s& stream) {
  graves_.push_back(stream.number);
  shard_.loop().enqueue(*this);
}

void StreamHost::bury(std::unique_ptr<LiveSession> ended) {
  ended_.push_back(std::move(ended));
  shard_.loop().enqueue(*this);
}

void StreamHost::keep(std::unique_ptr<Remains> remains) {
  if (!remains) return;
  auto* kept = remains.get();
  remains_.push_back(std::move(remains));
  kept->over = [this, kept] {  // it may be in the middle of its last word
    shard_.post([this, kept] { std::erase_if(remains_, [&](const auto& one) { return one.get() == kept; }); });
  };
}

void StreamHost::defer(C2s& stream, void (*work)(C2s&)) {
  deferred_.emplace_back(stream.number, work);
  shard_.loop().enqueue(*this);
}

void StreamHost::on_turn_end() {
  for (const auto& [id, work] : std::exchange(deferred_, {})) {
    if (auto* stream = find(id)) work(*stream);
  }
  for (const auto id : std::exchange(graves_, {})) {
    strangers_.erase(id);
    streams_.erase(id);
  }
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
