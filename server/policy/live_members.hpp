// Members of groups that are kept elsewhere than in the policy – in the store, in a directory – and change while its
// rules are in force. Whoever reads them there publishes an immutable set; each set of rules takes the newest one
// before a decision, so that a decision sees one state of them and waits for no lock. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/patterns.hpp"

namespace valise::policy {

// A search in an LDAP directory whose answer makes the members of a group. The texts were checked (ldap_syntax.hpp).
struct DirectorySearch {
  enum class Security : std::uint8_t { tls, start_tls, none };  // none: a Unix socket or a loopback address
  std::string uri, base, filter, attribute;
  std::string bind_dn, password_file;  // both empty: nobody logs in there
  std::string ca_file;                 // of tls and start_tls
  Security security = Security::tls;
  std::int64_t timeout_ms = 0;
  std::int64_t refresh_ms = 0;
};

// What a rule is told of a group whose directory is silent: it fails, and so refuses; the address is no member; it is
// one.
enum class WhenSilent : std::uint8_t { fail, nobody, member };
inline constexpr std::array<std::string_view, 3> when_silent_names{"fail", "nobody", "member"};

class LiveMembers {
 public:
  struct Known {
    Known(std::vector<std::string> members, std::int64_t at) : addresses(std::move(members)), at_ms(at) {}
    Names addresses;     // bare ones, without patterns
    std::int64_t at_ms;  // monotonic: when they were read
  };
  // What an administrator wants to know. Times: UTC, 0: never.
  struct Report {
    std::size_t members = 0;
    std::size_t left_out = 0;  // what was in the answer and is no address
    std::int64_t answered_ms = 0, failed_ms = 0;
    std::uint64_t failures = 0;
    std::string error;  // of the last try; empty: it was answered
  };

  LiveMembers(std::string name, std::shared_ptr<std::atomic<std::uint64_t>> changes);
  LiveMembers(const LiveMembers&) = delete;
  LiveMembers& operator=(const LiveMembers&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  // Null: nobody has said yet who they are.
  [[nodiscard]] std::shared_ptr<const Known> known() const;
  [[nodiscard]] Report report() const;
  // `members`: bare addresses without `*`. `now_ms`: monotonic, `utc_ms`: for the report.
  void publish(std::vector<std::string> members, std::int64_t now_ms, std::int64_t utc_ms, std::size_t left_out = 0);
  void note_failure(std::string error, std::int64_t utc_ms);
  // A rule was told what holds where the directory is silent.
  void count_silent() noexcept { silent_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t silent() const noexcept { return silent_.load(std::memory_order_relaxed); }

 private:
  const std::string name_;
  const std::shared_ptr<std::atomic<std::uint64_t>> changes_;
  std::atomic<std::uint64_t> silent_{0};
  mutable std::mutex mutex_;  // guards the rest
  std::shared_ptr<const Known> known_;
  Report report_;
};

// All of them: one a process, for all shards and across reloads. What is asked of a directory goes on as long as some
// set of rules holds its LiveMembers.
class LiveGroups {
 public:
  // `store_is_read` false: groups in the store are not known before read_store().
  explicit LiveGroups(bool store_is_read = true);
  [[nodiscard]] std::shared_ptr<LiveMembers> stored(const std::string& group);
  [[nodiscard]] std::shared_ptr<LiveMembers> directory(const DirectorySearch& search);
  // All groups of the store. Those that are not among them are empty.
  void read_store(const std::map<std::string, std::vector<std::string>>& groups, std::int64_t now_ms,
                  std::int64_t utc_ms);
  // Grows with each publish.
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_->load(std::memory_order_acquire); }

 private:
  const std::shared_ptr<std::atomic<std::uint64_t>> changes_;
  std::mutex mutex_;  // guards the rest; never taken in a decision
  bool store_is_read_;
  std::map<std::string, std::shared_ptr<LiveMembers>> stored_;
  std::map<std::string, std::weak_ptr<LiveMembers>> directories_;
};

// Where else a group of a policy has its members, as the policy declares it.
struct LiveSource {
  std::shared_ptr<LiveMembers> members;
  std::optional<DirectorySearch> search;  // nothing: they are in the store
  WhenSilent when_silent = WhenSilent::fail;
  std::int64_t holds_ms = INT64_MAX;  // so long an answer holds, at most

  [[nodiscard]] bool is_silent(const LiveMembers::Known* known, std::int64_t now_ms) const noexcept {
    return known == nullptr || now_ms - known->at_ms > holds_ms;
  }
};

// A group as administrators see it.
struct GroupInfo {
  std::string name;
  unsigned line = 0;
  std::string file;                  // in which that line is
  std::vector<std::string> written;  // addresses and domains that the policy and its file name, not what it includes
  std::vector<std::string> includes;
  std::vector<LiveSource> sources;
};

}  // namespace valise::policy
