// The invitations of one host, in memory: which are open, who uses one just now, which names are kept. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/invitations.hpp"

namespace valise::modules::invitations {

using core::Invitation;

// 160 bits in lower-case base32 (RFC 4648 §6): 32 letters and digits.
[[nodiscard]] std::string new_token();
// The id of a token: its hash. Empty for what can't be one.
[[nodiscard]] std::string id_of(std::string_view token);

// What is stored of it, and back. Nothing for what write() did not make.
[[nodiscard]] std::string write(const Invitation& invitation);
[[nodiscard]] std::optional<Invitation> read(std::string_view id, std::string_view row);

// The same for one that is over: when that came, in milliseconds, UTC.
[[nodiscard]] std::string write_over(std::int64_t at_ms);
[[nodiscard]] std::optional<std::int64_t> read_over(std::string_view row);

class Book {
 public:
  void add(Invitation invitation);
  // A use that became durable earlier.
  void add_use(std::string_view id, std::string_view account);

  [[nodiscard]] const Invitation* find(std::string_view id) const;
  // The one whose id begins so; null: none, or several (`several`).
  [[nodiscard]] const Invitation* find_beginning(std::string_view id, bool& several) const;
  // It is there and has a use left, those under way counted.
  [[nodiscard]] bool is_open(std::string_view id) const;
  // Whether the name is kept for the holder of another invitation than `id` that has not run out.
  [[nodiscard]] bool is_kept(std::string_view name, std::string_view id, std::int64_t now_ms) const;

  // A use begins; false: there is none left.
  [[nodiscard]] bool begin(std::string_view id, std::string_view account);
  // It ends. True: it was the last one, the invitation is used up.
  bool finish(std::string_view id, std::string_view account, bool used);
  void remove(std::string_view id);

  // One that was good and is over: whoever holds its token is told so, for a while. Beyond `most_over` the oldest ones
  // are forgotten: returns which.
  static constexpr std::size_t most_over = 10'000;
  std::vector<std::string> add_over(std::string id, std::int64_t at_ms);
  [[nodiscard]] bool is_over(std::string_view id) const { return over_.find(id) != over_.end(); }
  // Forgets those that were over before then: returns which, the oldest first, so many at most.
  [[nodiscard]] std::vector<std::string> forget_over(std::int64_t before_ms, std::size_t most);

  [[nodiscard]] std::vector<std::string> expired(std::int64_t now_ms) const;
  [[nodiscard]] std::size_t count_of(std::string_view inviter, std::int64_t now_ms) const;
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  // Who used it.
  [[nodiscard]] std::vector<std::string> users(std::string_view id) const;
  [[nodiscard]] std::vector<Invitation> all() const;  // the oldest first

 private:
  struct Entry {
    Invitation invitation;
    std::set<std::string> under_way, users;
  };
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, std::int64_t, std::less<>> over_;        // since when
  std::set<std::pair<std::int64_t, std::string>> over_by_time_;  // the same, the oldest first
};

}  // namespace valise::modules::invitations
