#include "policy/keeping.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cstring>

namespace valise::policy {
namespace {

// An IPv4 address, or an IPv6 /64: what one subscriber has.
std::string_view network_of(const IpAddress& ip) {
  constexpr char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\xff', '\xff'};
  const auto* bytes = reinterpret_cast<const char*>(ip.bytes.data());
  return {bytes, std::memcmp(bytes, mapped, sizeof mapped) == 0 ? 16u : 8u};
}

std::int64_t expiry(std::int64_t now_ms, std::int64_t lifetime_ms) {
  return lifetime_ms < 0 ? Memory::never : now_ms + lifetime_ms;
}

class Over final : public Matcher {
 public:
  Over(std::string described, std::shared_ptr<Limiter> limiter, const RateLimit& limit, KeyOf key)
      : described_(std::move(described)),
        limiter_(std::move(limiter)),
        limit_(Limiter::Limit::of(limit.rate, limit.burst)),
        key_(std::move(key)) {}
  bool matches(Context& context) const override {
    const auto key = key_(*limiter_, context.facts);
    if (context.only_looks) return limiter_->would_be_over(key, context.facts.now_ms, limit_);
    return limiter_->over(key, context.facts.now_ms, limit_);
  }
  std::string describe() const override { return described_; }
  bool pure() const override { return false; }
  std::string_view fact() const override { return "rate"; }
  std::vector<std::string_view> needs() const override { return key_.needs("rate"); }

 private:
  std::string described_;
  std::shared_ptr<Limiter> limiter_;
  Limiter::Limit limit_;
  KeyOf key_;
};

// Of what a memory has under the key of the event.
class OfMemory : public Matcher {
 public:
  std::string describe() const override { return described_; }
  std::string_view fact() const override { return "memory"; }
  std::vector<std::string_view> needs() const override { return key_.needs("memory"); }

 protected:
  OfMemory(std::string described, std::shared_ptr<Memory> memory, KeyOf key)
      : memory_(std::move(memory)), key_(std::move(key)), described_(std::move(described)) {}

  std::shared_ptr<Memory> memory_;
  KeyOf key_;

 private:
  std::string described_;
};

class Remembers final : public OfMemory {
 public:
  Remembers(std::string described, std::shared_ptr<Memory> memory, KeyOf key, std::int64_t within_ms)
      : OfMemory(std::move(described), std::move(memory), std::move(key)), within_ms_(within_ms) {}
  bool matches(Context& context) const override {
    const auto now = context.facts.now_ms;
    const auto since = memory_->since(key_(*memory_, context.facts), now);
    return since.has_value() && (within_ms_ < 0 || now - *since <= within_ms_);
  }

 private:
  std::int64_t within_ms_;
};

class Counted final : public OfMemory {
 public:
  Counted(std::string described, std::shared_ptr<Memory> memory, KeyOf key, Comparison comparison, std::int64_t bound)
      : OfMemory(std::move(described), std::move(memory), std::move(key)), comparison_(comparison), bound_(bound) {}
  bool matches(Context& context) const override {
    return compare(memory_->number(key_(*memory_, context.facts), context.facts.now_ms), comparison_, bound_);
  }

 private:
  Comparison comparison_;
  std::int64_t bound_;
};

// What an action does to the key of the event.
template <class Change>
class Keep final : public Action {
 public:
  Keep(std::string described, std::shared_ptr<Memory> memory, KeyOf key, Change change)
      : described_(std::move(described)), memory_(std::move(memory)), key_(std::move(key)), change_(change) {}
  Next run(Context& context) const override {
    if (context.only_looks) return Next::go_on;
    change_(*memory_, key_(*memory_, context.facts), context.facts.now_ms);
    return Next::go_on;
  }
  std::string describe() const override { return described_; }

 private:
  std::string described_;
  std::shared_ptr<Memory> memory_;
  KeyOf key_;
  Change change_;
};

template <class Change>
ActionPtr keep(std::string described, std::shared_ptr<Memory> memory, KeyOf key, Change change) {
  return std::make_unique<Keep<Change>>(std::move(described), std::move(memory), std::move(key), change);
}

}  // namespace

std::optional<std::int64_t> duration_ms(std::string_view text) noexcept {
  constexpr std::int64_t most_s = 10LL * 366 * 86'400;
  constexpr std::string_view units = "smhd";
  constexpr std::int64_t seconds[] = {1, 60, 3600, 86'400};
  if (text.empty()) return std::nullopt;
  const auto unit = units.find(text.back());
  std::int64_t count = 0;
  const auto* end = text.data() + text.size() - 1;
  const auto [stop, fault] = std::from_chars(text.data(), end, count);
  if (unit == std::string_view::npos || fault != std::errc() || stop != end || count < 0 ||
      count > most_s / seconds[unit]) {
    return std::nullopt;
  }
  return count * seconds[unit] * 1000;
}

std::uint64_t KeyOf::operator()(const Table& table, const Facts& facts) const noexcept {
  std::uint64_t hash = table.begin();
  for (const auto part : parts_) {
    switch (part) {
      case KeyPart::from:
        hash = table.mix(hash, facts.from.bare);
        break;
      case KeyPart::to:
        hash = table.mix(hash, facts.to.bare);
        break;
      case KeyPart::from_domain:
        hash = table.mix(hash, facts.from.domain);
        break;
      case KeyPart::to_domain:
        hash = table.mix(hash, facts.to.domain);
        break;
      case KeyPart::pair:
        hash = table.mix(table.mix(hash, facts.from.bare), facts.to.bare);
        break;
      case KeyPart::ip:
        hash = table.mix(hash, network_of(facts.ip));
        break;
      case KeyPart::host:
        hash = table.mix(hash, facts.host);
        break;
      case KeyPart::device:
        hash = table.mix(hash, {reinterpret_cast<const char*>(&facts.sid), sizeof facts.sid});
        break;
      case KeyPart::all:
        hash = table.mix(hash, "all");  // the key that a function or an administrator calls so
        break;
    }
  }
  return hash | 1;
}

std::vector<std::string_view> KeyOf::needs(std::string_view kept) const {
  std::vector<std::string_view> out{kept};
  for (const auto part : parts_) {
    if (part == KeyPart::ip) out.emplace_back("ip");
    if (part == KeyPart::device) out.emplace_back("sid");
  }
  return out;
}

std::string KeyOf::describe() const {
  std::vector<std::string> names;
  for (const auto part : parts_) names.emplace_back(key_part_names[static_cast<std::size_t>(part)]);
  return names.size() == 1 ? fmt::format("\"{}\"", names[0]) : describe_list(names);
}

MatcherPtr make_over(std::string described, std::shared_ptr<Limiter> limiter, const RateLimit& limit, KeyOf key) {
  return std::make_unique<Over>(std::move(described), std::move(limiter), limit, std::move(key));
}
MatcherPtr make_remembers(std::string described, std::shared_ptr<Memory> memory, KeyOf key, std::int64_t within_ms) {
  return std::make_unique<Remembers>(std::move(described), std::move(memory), std::move(key), within_ms);
}
MatcherPtr make_counted(std::string described, std::shared_ptr<Memory> memory, KeyOf key, Comparison comparison,
                        std::int64_t bound) {
  return std::make_unique<Counted>(std::move(described), std::move(memory), std::move(key), comparison, bound);
}

ActionPtr make_remember(std::string described, std::shared_ptr<Memory> memory, KeyOf key, std::int64_t lifetime_ms) {
  return keep(std::move(described), std::move(memory), std::move(key),
              [lifetime_ms](Memory& in, std::uint64_t at, std::int64_t now_ms) {
                in.set(at, {.number = 1, .text = {}, .since_ms = now_ms, .expires_ms = expiry(now_ms, lifetime_ms)});
              });
}
ActionPtr make_forget(std::string described, std::shared_ptr<Memory> memory, KeyOf key) {
  return keep(std::move(described), std::move(memory), std::move(key),
              [](Memory& in, std::uint64_t at, std::int64_t) { in.forget(at); });
}
ActionPtr make_count(std::string described, std::shared_ptr<Memory> memory, KeyOf key, std::int64_t number,
                     std::int64_t lifetime_ms) {
  return keep(std::move(described), std::move(memory), std::move(key),
              [number, lifetime_ms](Memory& in, std::uint64_t at, std::int64_t now_ms) {
                in.add(at, number, now_ms, expiry(now_ms, lifetime_ms));
              });
}

}  // namespace valise::policy
