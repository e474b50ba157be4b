// The newest messages for an account, archived or not, as far as memory must know them: an identical re-send is
// acknowledged and no more (docs/sealed.md D2). Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "modules/offline/queue.hpp"

namespace valise::modules::archive {

class Recent {
 public:
  static constexpr std::size_t most = 128;            // durable ones
  static constexpr std::size_t most_pending = 1'024;  // under way; more are not looked at
  static constexpr std::int64_t window_ms = 24LL * 3600 * 1000;

  // The first copy: its id, once it is known, or 0 when it did not become durable. Null: there is none.
  using First = std::shared_ptr<const std::uint64_t>;
  [[nodiscard]] First find(const offline::Mark& mark, std::int64_t now_ms);
  // The id of a first copy that was made by a process that may have been killed before any client had it, and that did
  // not come back since: ids up to `last_id` are of earlier ones. 0: it is none.
  [[nodiscard]] std::uint64_t lost_sight_of(const offline::Mark& mark, std::uint64_t last_id) noexcept;

  // A row that the store holds, behind those that are older: they make room first.
  void learn(const offline::Mark& mark, std::uint64_t id);
  // A message was handed to the committer (false: too many are, it is not looked at), and came back: with the id of its
  // row, or with 0, then it was not stored.
  [[nodiscard]] bool expect(const offline::Mark& mark);
  void came_back(const offline::Mark& mark, std::uint64_t id);
  // No session took it: what is sent again counts as new.
  void forget(const offline::Mark& mark) noexcept;

 private:
  struct Pending {
    offline::Mark mark;
    std::shared_ptr<std::uint64_t> told;  // made when a second copy comes
  };
  struct Known {
    offline::Mark mark;
    std::uint64_t id;
    bool came_back = false;
  };
  [[nodiscard]] Known* known(const offline::Mark& mark) noexcept;

  std::vector<Pending> pending_;
  std::vector<Known> known_;  // a ring once it is full
  std::size_t next_ = 0;
};

}  // namespace valise::modules::archive
