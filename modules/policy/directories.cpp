#include "modules/policy/directories.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/secret_file.hpp"
#include "ldap/search.hpp"
#include "modules/policy/member_address.hpp"
#include "policy/policy_set.hpp"

namespace valise::modules {
namespace {

constexpr std::int64_t retry_ms = 30'000;  // at least so often while it does not answer

ldap::Search search_of(const policy::DirectorySearch& from) {
  ldap::Search out;
  out.uri = from.uri;
  out.security = static_cast<ldap::Search::Security>(from.security);
  out.ca_file = from.ca_file;
  out.bind_dn = from.bind_dn;
  out.password_file = from.password_file;
  out.base = from.base;
  out.filter = from.filter;
  out.attribute = from.attribute;
  out.timeout = std::chrono::milliseconds(from.timeout_ms);
  return out;
}
static_assert(static_cast<int>(ldap::Search::Security::none) ==
              static_cast<int>(policy::DirectorySearch::Security::none));

class Asking {
 public:
  // `source`: but for its members, which whoever has the rules owns.
  Asking(std::stop_token stop, std::weak_ptr<policy::LiveMembers> members, const policy::LiveSource& source,
         const std::string& group)
      : stop_(std::move(stop)),
        members_(std::move(members)),
        refresh_ms_(source.search->refresh_ms),
        holds_ms_(source.holds_ms),
        search_(search_of(*source.search)),
        group_(log::printable(group)) {}

  void run() {
    while (!stop_.stop_requested()) {
      const auto members = members_.lock();
      if (!members) return;
      const bool answered = ask(*members);
      if (!answered && !stop_.stop_requested()) tell_of_silence(*members);
      wait(answered ? refresh_ms_ : std::min(refresh_ms_, retry_ms));
    }
  }

 private:
  // Once, when its last answer holds no longer.
  void tell_of_silence(const policy::LiveMembers& members) {
    const auto known = members.known();
    if (!known || told_silent_ || steady_ms() - known->at_ms <= holds_ms_) return;
    told_silent_ = true;
    log::warning("policy", "group \"{}\": nobody knows its members any more, the last answer of {} is too old", group_,
                 search_.uri);
  }

  bool ask(policy::LiveMembers& members) {
    auto values = ldap::values_of(search_, stop_);
    if (stop_.stop_requested()) return false;
    if (!values) {
      // Once for each time that it falls silent; how often it failed stands in `group list`.
      if (answered_ != Said::no) {
        log::warning("policy", "group \"{}\": {} does not answer: {}", group_, search_.uri, values.error().text);
      }
      answered_ = Said::no;
      members.note_failure(std::move(values.error().text), utc_now_ms());
      return false;
    }
    std::vector<std::string> addresses;
    std::size_t left_out = 0;
    for (const auto& value : *values) {
      if (auto address = member_address(value)) {
        addresses.push_back(std::move(*address));
      } else {
        ++left_out;
      }
    }
    std::ranges::sort(addresses);
    addresses.erase(std::ranges::unique(addresses).begin(), addresses.end());
    if (answered_ != Said::yes) {
      log::info("policy", "group \"{}\": {} members by {}, {} values are no address", group_, addresses.size(),
                search_.uri, left_out);
    }
    answered_ = Said::yes;
    told_silent_ = false;
    members.publish(std::move(addresses), steady_ms(), utc_now_ms(), left_out);
    return true;
  }

  void wait(std::int64_t time_ms) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop_, std::chrono::milliseconds(time_ms), [] { return false; });
  }

  enum class Said : std::uint8_t { nothing, yes, no };
  const std::stop_token stop_;
  const std::weak_ptr<policy::LiveMembers> members_;
  const std::int64_t refresh_ms_, holds_ms_;
  const ldap::Search search_;
  const std::string group_;
  Said answered_ = Said::nothing;
  bool told_silent_ = false;
};

}  // namespace

void Directories::ask(const std::vector<policy::GroupInfo>& groups) {
  for (auto& asker : askers_) {
    if (asker.members.expired()) asker.thread.request_stop();
  }
  std::erase_if(askers_, [](const Asker& asker) { return asker.ended.load(); });
  for (const auto& group : groups) {
    for (const auto& source : group.sources) {
      const auto is_it = [&](const Asker& asker) { return asker.members.lock() == source.members; };
      if (!source.search || std::ranges::any_of(askers_, is_it)) continue;
      auto& asker = askers_.emplace_back();
      asker.members = source.members;
      policy::LiveSource copy{.members = nullptr, .search = source.search, .holds_ms = source.holds_ms};
      asker.thread = std::jthread([&asker, copy = std::move(copy), name = group.name](std::stop_token stop) {
        Asking(std::move(stop), asker.members, copy, name).run();
        asker.ended = true;
      });
    }
  }
}

void Directories::stop() {
  for (auto& asker : askers_) asker.thread.request_stop();
  askers_.clear();
}

std::string unreadable_file(const std::vector<policy::GroupInfo>& groups) {
  constexpr std::size_t most_bytes = std::size_t{1} << 20;
  for (const auto& group : groups) {
    for (const auto& source : group.sources) {
      if (!source.search) continue;
      const auto fault = [&](std::string_view key, const std::string& why) {
        return policy::PolicyError{group.file, group.line, fmt::format("ldap: {}: {}", key, why)}.message();
      };
      const auto& search = *source.search;
      if (!search.password_file.empty()) {
        if (const auto sound = config::check_secret_file(search.password_file); !sound) {
          return fault("password_file", sound.error().text);
        }
      }
      if (search.ca_file.empty()) continue;
      if (const auto read = config::read_trusted_file(search.ca_file, most_bytes); !read) {
        return fault("ca_file", read.error().text);
      }
    }
  }
  return {};
}

}  // namespace valise::modules
