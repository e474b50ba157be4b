#include "selftest/accounts.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/crypto.hpp"

namespace valise::ctl::selftest {
namespace {

using Json = nlohmann::json;

constexpr std::string_view prefix = "omemo-selftest-";
constexpr std::size_t random_digits = 32;
constexpr std::size_t password_bytes = 64;  // hexadecimal: as long as accounts.password_minimum can ask for
constexpr std::size_t longest_answer = 256 * 1024 * 1024;  // the list of a host's accounts
constexpr std::chrono::seconds patience_at_the_end(25);    // a store that is away: the server itself waits 20 s

}  // namespace

bool is_throw_away(std::string_view jid, std::string_view host) {
  if (jid.size() != prefix.size() + random_digits + 1 + host.size()) return false;
  const auto digits = jid.substr(prefix.size(), random_digits);
  return jid.starts_with(prefix) && jid.ends_with(host) && jid[prefix.size() + random_digits] == '@' &&
         digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::unexpected<Trouble> refused_by_server(const Failure& failure, std::string what) {
  return trouble(failure.code, what + ": " + failure.text,
                 failure.exit == could_not ? "valisectl status: is the server there, does it answer"
                                           : "valisectl status: does the server commit what it gets");
}

Accounts::~Accounts() {
  if (lock_ >= 0) ::close(lock_);  // and unlocks; a killed one is unlocked, too
}

// The folder of the control socket: it is there, it is the server's, and nothing has to be written into it.
Outcome<> Accounts::lock() {
  auto folder = std::filesystem::path(control_).parent_path().string();
  if (folder.empty()) folder = ".";
  lock_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ >= 0 && ::flock(lock_, LOCK_EX | LOCK_NB) == 0) return {};
  if (lock_ >= 0 && errno == EWOULDBLOCK) {
    return trouble("conflict", "another self-test of this server is running", "wait for its end");
  }
  return trouble("unavailable", "cannot lock " + folder + ": " + std::strerror(errno), "be root, or the server's user");
}

std::expected<Json, Failure> Accounts::ask(Json request, std::chrono::seconds patience) const {
  Client client({.patience = patience, .longest_answer = longest_answer});
  if (auto connected = client.connect(control_); !connected) return std::unexpected(connected.error());
  return client.ask(std::move(request));
}

Outcome<> Accounts::remove(const std::string& jid, std::chrono::seconds patience) const {
  const auto removed = ask({{"command", "user.delete"}, {"jid", jid}}, patience);
  if (removed || removed.error().code == "not-found") return {};
  return refused_by_server(removed.error(), jid + " is not removed");
}

Outcome<bool> Accounts::approve_devices(const std::string& jid, std::chrono::seconds patience) const {
  const auto rows = ask({{"command", "omemo.devices"}, {"jid", jid}}, patience);
  if (!rows) return refused_by_server(rows.error(), "cannot look at the account's devices");
  bool any = false;
  for (const auto& row : *rows) {
    if (!row.is_object() || row.value("state", "") != "waiting") continue;
    const auto device = std::to_string(row.value("device", 0U));
    const auto done = ask({{"command", "omemo.approve"}, {"jid", jid}, {"device", device}}, patience);
    if (!done) return refused_by_server(done.error(), "the device is not approved");
    any = true;
  }
  return any;
}

Outcome<std::size_t> Accounts::remove_leftovers(std::chrono::seconds patience) {
  const auto rows = ask({{"command", "user.list"}, {"host", host_}}, patience);
  if (!rows) return refused_by_server(rows.error(), "cannot look for accounts of an earlier run");
  std::size_t count = 0;
  for (const auto& row : *rows) {
    const auto jid = row.is_object() ? row.value("jid", "") : std::string();
    if (!is_throw_away(jid, host_)) continue;
    if (auto removed = remove(jid, patience); !removed) return std::unexpected(removed.error());
    ++count;
  }
  return count;
}

Outcome<Account> Accounts::make(std::chrono::seconds patience) {
  Account account{std::string(prefix) + crypto::random_hex(random_digits / 2) + "@" + host_,
                  crypto::random_hex(password_bytes)};
  made_.push_back(account.jid);  // before: whoever is interrupted does not know whether it was made
  const auto added = ask({{"command", "user.add"}, {"jid", account.jid}, {"password", account.password}}, patience);
  if (!added) return refused_by_server(added.error(), "cannot make an account");
  return account;
}

Outcome<> Accounts::remove_all() {
  Outcome<> all;
  std::vector<std::string> left;
  for (const auto& jid : made_) {
    auto removed = remove(jid, patience_at_the_end);
    if (removed) continue;
    left.push_back(jid);
    if (all) all = std::unexpected(removed.error());
  }
  made_ = std::move(left);
  if (!all) all.error().remedy = "the next self-test removes it, or valisectl user delete";
  return all;
}

}  // namespace valise::ctl::selftest
