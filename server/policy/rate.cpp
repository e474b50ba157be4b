// Rate{…}: a token bucket for each key, in a table of fixed size. When all places for a key are taken, the fullest
// bucket there gives way: its owner has used least and loses least. So a flood of keys neither opens the limiter for
// who is over the limit nor punishes who is not. Keys are 64-bit hashes under a secret seed.
#include <fmt/core.h>

#include <bit>
#include <cstring>

#include "base/crypto.hpp"
#include "policy/matcher.hpp"

namespace valise::policy {
namespace {

struct Bucket {
  std::uint64_t key = 0;  // 0: free
  std::int64_t at_ms = 0;
  double tokens = 0;
};

class Rate final : public Matcher {
 public:
  explicit Rate(const RateLimit& limit)
      : limit_(limit), sets_(std::bit_ceil((limit.keys + ways - 1) / ways)), buckets_(sets_ * ways) {
    crypto::random_bytes({reinterpret_cast<unsigned char*>(&seed_), sizeof seed_});
  }
  bool matches(Context& context) const override {
    if (context.only_looks) return tokens(key(context.facts), context.facts.now_ms) < 1;
    Bucket& bucket = find(key(context.facts), context.facts.now_ms);
    if (bucket.tokens < 1) return true;
    bucket.tokens -= 1;
    return false;
  }
  std::string describe() const override {
    return fmt::format("Rate{{per=\"{}\", rate={}, burst={}, keys={}}}",
                       rate_key_names[static_cast<std::size_t>(limit_.per)], limit_.rate, limit_.burst, limit_.keys);
  }
  bool pure() const override { return false; }
  std::string_view fact() const override { return "rate"; }

 private:
  static constexpr std::size_t ways = 4;

  [[nodiscard]] std::uint64_t mix(std::uint64_t state, std::string_view text) const {
    // Two words at a time through a multiply-fold; the seed keeps others from aiming at a place.
    const auto fold = [](std::uint64_t a, std::uint64_t b) {
      __extension__ using Wide = unsigned __int128;
      const Wide product = static_cast<Wide>(a) * b;
      return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    };
    state ^= text.size() * 0x9e3779b97f4a7c15ull;
    while (!text.empty()) {
      std::uint64_t word = 0;
      const auto n = std::min<std::size_t>(8, text.size());
      std::memcpy(&word, text.data(), n);
      text.remove_prefix(n);
      state = fold(state ^ word ^ seed_[0], 0xa0761d6478bd642full ^ seed_[1]);
    }
    return fold(state ^ seed_[1], 0xe7037ed1a0b428dbull);
  }

  [[nodiscard]] std::uint64_t key(const Facts& facts) const {
    std::uint64_t hash = seed_[0];
    switch (limit_.per) {
      case RateKey::from:
        hash = mix(hash, facts.from.bare);
        break;
      case RateKey::to:
        hash = mix(hash, facts.to.bare);
        break;
      case RateKey::from_domain:
        hash = mix(hash, facts.from.domain);
        break;
      case RateKey::to_domain:
        hash = mix(hash, facts.to.domain);
        break;
      case RateKey::pair:
        hash = mix(mix(hash, facts.from.bare), facts.to.bare);
        break;
      case RateKey::ip:
        hash = mix(hash, network_of(facts.ip));
        break;
      case RateKey::all:
        break;
    }
    return hash | 1;
  }

  // An IPv4 address, or an IPv6 /64: what one subscriber has.
  static std::string_view network_of(const IpAddress& ip) {
    constexpr char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\xff', '\xff'};
    const auto* bytes = reinterpret_cast<const char*>(ip.bytes.data());
    return {bytes, std::memcmp(bytes, mapped, sizeof mapped) == 0 ? 16u : 8u};
  }

  // What `find` would have there, without making room for it.
  [[nodiscard]] double tokens(std::uint64_t wanted, std::int64_t now_ms) const {
    const Bucket* const set = &buckets_[(wanted >> 32) % sets_ * ways];
    for (std::size_t i = 0; i < ways; ++i) {
      if (set[i].key != wanted) continue;
      Bucket bucket = set[i];
      refill(bucket, now_ms);
      return bucket.tokens;
    }
    return limit_.burst;
  }

  Bucket& find(std::uint64_t wanted, std::int64_t now_ms) const {
    Bucket* const set = &buckets_[(wanted >> 32) % sets_ * ways];
    Bucket* victim = set;
    for (std::size_t i = 0; i < ways; ++i) {
      Bucket& bucket = set[i];
      if (bucket.key != 0) refill(bucket, now_ms);
      if (bucket.key == wanted) return bucket;
      if (victim->key != 0 && (bucket.key == 0 || bucket.tokens > victim->tokens)) victim = &bucket;
    }
    *victim = {wanted, now_ms, limit_.burst};
    return *victim;
  }

  void refill(Bucket& bucket, std::int64_t now_ms) const {
    if (now_ms <= bucket.at_ms) return;
    const double earned = static_cast<double>(now_ms - bucket.at_ms) * limit_.rate / 1000;
    bucket.tokens = std::min(limit_.burst, bucket.tokens + earned);
    bucket.at_ms = now_ms;
  }

  RateLimit limit_;
  std::uint64_t seed_[2] = {};
  std::size_t sets_;
  mutable std::vector<Bucket> buckets_;  // home shard only
};

}  // namespace

MatcherPtr make_rate(const RateLimit& limit) { return std::make_unique<Rate>(limit); }

}  // namespace valise::policy
