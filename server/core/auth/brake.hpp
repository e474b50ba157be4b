// The brake against guessing passwords (docs/security.md §2, §3): wrong passwords cost time by account and by network,
// and nobody can use it to keep somebody else out.
//
//  - A pair of account and network that logged in within 30 days is on its own: what strangers do never touches it. It
//    is never refused; only its own wrong passwords, beyond what an account may have in an hour, cost a short delay.
//  - Anybody else waits for what his network did (delay, then refusal of that network alone) and for what all strangers
//    together did to that account (a delay with a low ceiling, never a refusal).
//
// Counts are buckets that leak at a steady rate. Tables have a fixed size and hold keyed hashes, no names.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace valise::core::auth {

// Where a client comes from, as coarse as one subscriber: an IPv4 address, or an IPv6 /64. IPv4 inside IPv6 (mapped, or
// by the well-known NAT64 prefix, RFC 6052) counts as IPv4.
class Network {
 public:
  // 4 or 16 bytes in network order; nullopt for any other size.
  [[nodiscard]] static std::optional<Network> from_bytes(std::span<const unsigned char> address);
  // "192.0.2.1", "2001:db8::1"; nullopt: no address.
  [[nodiscard]] static std::optional<Network> parse(const std::string& address);
  // 9 bytes: family and prefix.
  [[nodiscard]] std::string_view bytes() const noexcept { return {bytes_.data(), bytes_.size()}; }
  friend bool operator==(const Network&, const Network&) = default;

 private:
  std::array<char, 9> bytes_{};
};

struct BrakeLimits {
  unsigned account_free = 20;              // wrong passwords an hour before strangers wait for an account
  unsigned network_free = 10;              // … before a network waits
  unsigned network_refused = 60;           // … before it is refused, until the bucket has leaked
  unsigned leak_per_hour = 20;             // what every bucket forgets
  std::uint32_t first_delay_ms = 500;      // doubles with each further failure up to
  std::uint32_t account_delay_ms = 5'000;  // X: the longest that strangers can make alice wait on a fresh network
  std::uint32_t network_delay_ms = 15'000;
  std::uint32_t own_delay_ms = 2'000;  // a known network's own wrong passwords
  std::int64_t remember_ms = 30LL * 24 * 3'600'000;
  std::size_t table = 65'536;  // entries of each table: about 100 bytes each (known pairs: 150, of six networks 300)
};

class Brake {
 public:
  struct Verdict {
    bool refused = false;        // answer temporary-auth-failure without looking at the password
    std::uint32_t delay_ms = 0;  // hold back the answer, right or wrong, for so long
    friend bool operator==(const Verdict&, const Verdict&) = default;
  };

  explicit Brake(const BrakeLimits& limits = {});

  // Call when a client's proof or password has come, before it is checked. `account`: canonical bare JID, existing or
  // not. `now_ms`: monotonic. The attempt counts as a failure at once, so that a hundred attempts side by side don't
  // all see an empty bucket; `succeeded` takes it back.
  [[nodiscard]] Verdict attempt(const Network& network, std::string_view account, std::int64_t now_ms);
  // The attempt was right: not counted, and the pair is known from now on.
  void succeeded(const Network& network, std::string_view account, std::int64_t now_ms);
  // The attempt was not looked at, because the server had no room for it: not counted.
  void take_back(const Network& network, std::string_view account, std::int64_t now_ms);
  // Forgets the networks of an account (password changed by the administrator, account removed).
  void forget(std::string_view account);

  // What a restart must not forget, or a guesser could keep out all who share his network: the known pairs with their
  // times, as keyed hashes and the key. `utc_ms`: the same moment as `now_ms`. Bytes for a file that only we may read.
  [[nodiscard]] std::string known_pairs(std::int64_t now_ms, std::int64_t utc_ms) const;
  // Takes over what known_pairs gave, before the first attempt. False: those are no such bytes; nothing is changed.
  bool restore(std::string_view pairs, std::int64_t now_ms, std::int64_t utc_ms);

  [[nodiscard]] bool known(const Network& network, std::string_view account, std::int64_t now_ms);
  [[nodiscard]] std::size_t entries() const;

 private:
  using Key = std::uint64_t;

  // Fixed size, forgets what was used longest ago.
  template <class Value>
  class Table {
   public:
    explicit Table(std::size_t size) : size_(size) {}
    Value* find(Key key);
    Value& at(Key key);
    void erase(Key key);
    [[nodiscard]] std::size_t size() const { return index_.size(); }
    [[nodiscard]] const auto& latest_first() const { return order_; }

   private:
    std::size_t size_;
    std::list<std::pair<Key, Value>> order_;  // latest first
    std::unordered_map<Key, typename std::list<std::pair<Key, Value>>::iterator> index_;
  };

  struct Bucket {
    double level = 0;
    std::int64_t at_ms = 0;
  };
  struct Known {
    struct Seen {
      Key network = 0;
      std::int64_t at_ms = 0;
      Bucket own;
    };
    static constexpr std::size_t most = 6;
    std::vector<Seen> seen;  // an account's latest networks: a user cannot push others out of the table
  };

  [[nodiscard]] Key key(char kind, std::string_view bytes) const;
  void leak(Bucket& bucket, std::int64_t now_ms) const;
  // Adds one failure, up to `ceiling`; returns the level before.
  double charge(Bucket& bucket, unsigned ceiling, std::int64_t now_ms) const;
  [[nodiscard]] std::uint32_t delay(double level, unsigned free, std::uint32_t longest) const;
  Known::Seen* find_known(Key account, Key network, std::int64_t now_ms);
  // Takes one attempt back. The pair, if it is known.
  Known::Seen* uncharge(Key account, Key network, std::int64_t now_ms);

  const BrakeLimits limits_;
  std::string seed_;  // keys of the hashes: nobody outside can aim at an entry
  mutable std::mutex mutex_;
  Table<Bucket> accounts_;
  Table<Bucket> networks_;
  Table<Known> known_;
};

}  // namespace valise::core::auth
