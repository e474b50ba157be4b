// What policies keep from one decision to the next: limiters and memories, by name. One Shared a process, for all
// shards and across reloads; each set of rules holds what it names, and what no set holds any more is gone. Keys are
// 64-bit hashes under a secret seed, so no table holds an address. Any thread.
//
// Durable tables go to the store in parts: one row each, named "limiter/NAME/07", a line "1 SEED SEED" and then a line
// for each key: "KEY UTC-MS" of a limiter, "KEY SINCE-UTC-MS EXPIRES-UTC-MS NUMBER TEXT" of a memory (0: never; hex).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace valise::policy {

inline constexpr std::size_t table_parts = 64;

// The seed of a table, and which of its parts have changed since they were stored.
class Table {
 public:
  Table(std::string name, std::uint32_t keys, bool durable);
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  virtual ~Table() = default;

  // A key is begun with this and goes on by mix(); `| 1`, for 0 is no key.
  [[nodiscard]] std::uint64_t begin() const noexcept { return low_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t mix(std::uint64_t state, std::string_view text) const noexcept;
  [[nodiscard]] std::uint64_t key_of(std::string_view text) const noexcept { return mix(begin(), text) | 1; }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint32_t keys() const noexcept { return keys_; }
  [[nodiscard]] bool durable() const noexcept { return durable_; }

  // Whether that part has to be stored; it counts as stored from then on.
  [[nodiscard]] bool take_change(std::size_t part) noexcept;
  void change(std::size_t part) noexcept { changed_[part].store(true, std::memory_order_relaxed); }
  // The part's row. `utc_ahead_ms`: what UTC is ahead of the clock that decisions have.
  [[nodiscard]] virtual std::string write(std::size_t part, std::int64_t utc_ahead_ms) const = 0;
  // Lines of a row, without the first. What cannot be read is left out: the row is damaged.
  virtual void read(std::string_view lines, std::int64_t utc_ahead_ms) = 0;
  // As a new table that nothing was counted in; the seed is that of a row.
  void adopt(std::uint64_t low, std::uint64_t high) noexcept;

 protected:
  virtual void clear() noexcept = 0;
  void take_seed(const Table& other) noexcept;
  [[nodiscard]] std::string head() const;

 private:
  // -- fixed
  std::string name_;
  std::uint32_t keys_;
  bool durable_;
  // -- crosses shards
  std::atomic<std::uint64_t> low_, high_;
  std::array<std::atomic<bool>, table_parts> changed_{};
};

// Token buckets without a lock: of each key one number, the time at which its bucket is full again (GCRA). A table of
// fixed size: when all places for a key are taken, the fullest bucket there gives way, whose owner has used least and
// loses least. So a flood of keys neither opens the limiter for who is over the limit nor punishes who is not. Two
// shards that take the same place at once may let one event too many pass.
class Limiter final : public Table {
 public:
  struct Limit {
    std::int64_t interval_ns = 0;  // between two events at the rate
    std::int64_t burst_ns = 0;     // interval_ns for each event of the burst
    // `burst / rate` is at most 30 years.
    [[nodiscard]] static Limit of(double rate, double burst) noexcept;
  };
  // `before`: whose buckets it goes on with; may be null.
  Limiter(std::string name, std::uint32_t keys, bool durable, const Limiter* before);
  // Whether one more event is over the limit; if not, it is counted.
  [[nodiscard]] bool over(std::uint64_t key, std::int64_t now_ms, const Limit& limit) noexcept;
  // The same, and nothing is counted.
  [[nodiscard]] bool would_be_over(std::uint64_t key, std::int64_t now_ms, const Limit& limit) const noexcept;

  std::string write(std::size_t part, std::int64_t utc_ahead_ms) const override;
  void read(std::string_view lines, std::int64_t utc_ahead_ms) override;

 private:
  struct Bucket {
    std::atomic<std::uint64_t> key{0};  // 0: free
    std::atomic<std::int64_t> full_ns{0};
  };
  static constexpr std::size_t ways = 4;
  void clear() noexcept override;
  [[nodiscard]] std::size_t place(std::uint64_t key) const noexcept { return (key >> 32) % sets_ * ways; }
  [[nodiscard]] std::size_t part_of(std::size_t bucket) const noexcept { return bucket / ways * table_parts / sets_; }
  [[nodiscard]] Bucket& find(std::uint64_t key, std::int64_t now_ns) noexcept;

  std::size_t sets_;
  std::vector<Bucket> buckets_;
};

// Numbers and short texts that expire. A lock for each part, held for one look-up: nothing of Lua runs under it. When
// all places for a key are taken, what expires first gives way.
class Memory final : public Table {
 public:
  static constexpr std::size_t longest_text = 256;
  static constexpr std::int64_t never = INT64_MAX;
  struct Value {
    std::int64_t number = 0;
    std::string text;           // not empty: it is one
    std::int64_t since_ms = 0;  // set, or counted from nothing, at that time
    std::int64_t expires_ms = never;
  };
  Memory(std::string name, std::uint32_t keys, bool durable, const Memory* before);
  [[nodiscard]] std::optional<Value> get(std::uint64_t key, std::int64_t now_ms) const;
  // The same without a copy of its text: since when it is there; its number, 0 if it is not there.
  [[nodiscard]] std::optional<std::int64_t> since(std::uint64_t key, std::int64_t now_ms) const noexcept;
  [[nodiscard]] std::int64_t number(std::uint64_t key, std::int64_t now_ms) const noexcept;
  void set(std::uint64_t key, Value value);
  // The sum. What is new, or was a text, counts from 0 and expires then; what is there keeps its time.
  std::int64_t add(std::uint64_t key, std::int64_t number, std::int64_t now_ms, std::int64_t expires_ms);
  void forget(std::uint64_t key) noexcept;
  // How many keys are in it; looks at each place.
  [[nodiscard]] std::size_t used(std::int64_t now_ms) const;

  std::string write(std::size_t part, std::int64_t utc_ahead_ms) const override;
  void read(std::string_view lines, std::int64_t utc_ahead_ms) override;

 private:
  struct Entry {
    std::uint64_t key = 0;
    Value value;
  };
  struct Part {
    mutable std::mutex mutex;  // guards entries
    std::vector<Entry> entries;
  };
  static constexpr std::size_t ways = 8;
  void clear() noexcept override;
  [[nodiscard]] std::size_t part_of(std::uint64_t key) const noexcept { return key >> 58; }
  // The key's entry, or null; `parts_[part_of(key)]` is locked.
  [[nodiscard]] Entry* find(std::uint64_t key, std::int64_t now_ms) const noexcept;
  Entry& place(std::uint64_t key, std::int64_t now_ms) noexcept;

  std::size_t sets_;  // of a part
  mutable std::array<Part, table_parts> parts_;
};

class Shared {
 public:
  // That of this name if a set of rules holds one; else, or if it has another size, a new one that goes on with it.
  [[nodiscard]] std::shared_ptr<Limiter> limiter(const std::string& name, std::uint32_t keys, bool durable);
  [[nodiscard]] std::shared_ptr<Memory> memory(const std::string& name, std::uint32_t keys, bool durable);

  struct Row {
    std::string name;
    std::string value;
  };
  // What of durable tables has changed since it was asked last. `utc_ahead_ms` as above.
  [[nodiscard]] std::vector<Row> changed(std::int64_t utc_ahead_ms);
  // The row did not become durable: it is written again.
  void not_stored(std::string_view row);
  // What was stored, once, before anything was counted that matters. Returns the names of rows that no table wants.
  [[nodiscard]] std::vector<std::string> load(const std::vector<Row>& rows, std::int64_t utc_ahead_ms);

 private:
  template <class T>
  using Tables = std::map<std::string, std::vector<std::weak_ptr<T>>, std::less<>>;
  template <class T>
  std::shared_ptr<T> get(Tables<T>& tables, const std::string& name, std::uint32_t keys, bool durable);
  template <class T>
  static std::shared_ptr<T> newest(std::vector<std::weak_ptr<T>>& all);
  // "limiter/NAME/07": its table and part; null: there is none.
  std::shared_ptr<Table> table_of(std::string_view row, std::size_t& part);

  std::mutex mutex_;  // guards the rest; never taken in a decision
  Tables<Limiter> limiters_;
  Tables<Memory> memories_;
};

}  // namespace valise::policy
