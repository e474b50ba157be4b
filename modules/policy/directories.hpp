// Private to this folder: asks directories who the members of groups are (server/ldap), each on a thread of its own:
// when a policy first names it, and then every `refresh`. No shard waits for one; whether an answer still holds each
// decision finds by its age, whatever becomes of the thread.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "policy/live_members.hpp"

namespace valise::modules {

class Directories {
 public:
  Directories() = default;
  ~Directories() { stop(); }
  Directories(const Directories&) = delete;
  Directories& operator=(const Directories&) = delete;

  // Those of the rules in force: who is not asked yet is asked from now on. One that no rules hold any more is left.
  void ask(const std::vector<policy::GroupInfo>& groups);
  // Returns when all threads have ended: where a directory is just being connected to, after some seconds.
  void stop();

 private:
  struct Asker {
    std::weak_ptr<policy::LiveMembers> members;
    std::atomic<bool> ended{false};
    std::jthread thread{};  // last: it uses the others
  };
  std::list<Asker> askers_;
};

// The passwords and certificates that they need can be read. Errors: "policy.lua:3: …".
[[nodiscard]] std::string unreadable_file(const std::vector<policy::GroupInfo>& groups);

}  // namespace valise::modules
