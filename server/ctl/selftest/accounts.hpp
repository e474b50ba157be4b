// The throw-away accounts of a self-test: made and removed over the control socket by the commands of `valisectl user`.
// Their names tell what they are, so that a run finds what an earlier one left behind when it was killed.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "ctl/client.hpp"
#include "selftest/outcome.hpp"

namespace valise::ctl::selftest {

struct Account {
  std::string jid;
  std::string password;
};

// "omemo-selftest-" and 32 hexadecimal digits at that host. Whoever takes such a name for himself loses the account.
[[nodiscard]] bool is_throw_away(std::string_view jid, std::string_view host);

class Accounts {
 public:
  Accounts(std::string control, std::string host) : control_(std::move(control)), host_(std::move(host)) {}
  ~Accounts();
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  // One self-test at a time: another's accounts look like leftovers.
  [[nodiscard]] Outcome<> lock();
  // Returns how many there were.
  [[nodiscard]] Outcome<std::size_t> remove_leftovers(std::chrono::seconds patience);
  [[nodiscard]] Outcome<Account> make(std::chrono::seconds patience);
  // Where new devices wait for an administrator (omemo.approve), one lets those of the account in. Returns whether one
  // did.
  [[nodiscard]] Outcome<bool> approve_devices(const std::string& jid, std::chrono::seconds patience) const;
  // All that were made, or may have been. Says which stay behind, and why.
  [[nodiscard]] Outcome<> remove_all();

 private:
  [[nodiscard]] std::expected<nlohmann::json, Failure> ask(nlohmann::json request, std::chrono::seconds patience) const;
  [[nodiscard]] Outcome<> remove(const std::string& jid, std::chrono::seconds patience) const;

  const std::string control_;
  const std::string host_;
  int lock_ = -1;
  std::vector<std::string> made_;
};

// What the control socket refused.
[[nodiscard]] std::unexpected<Trouble> refused_by_server(const Failure& failure, std::string what);

}  // namespace valise::ctl::selftest
