// A message in the hands of one session whose client acknowledges what it gets (XEP-0198): not delivered when the
// kernel has it, but when the client says so. Who needs to know lends the session this.
#pragma once

#include <cstdint>

namespace valise::core {

class Custody {
 public:
  // Told once, on the session's shard. True: the client has acknowledged it. False: the session is over and it never
  // did. It may delete itself.
  virtual void settled(bool received) = 0;
  // The session has no connection any more: the message is only in this process, as far as it is in no row.
  virtual void stranded() = 0;
  // The row in which it waits (WaitingRows); 0: none.
  [[nodiscard]] virtual std::uint64_t row() const = 0;
  // Whether it is one that a person who is away is told of (Flow::tells).
  [[nodiscard]] virtual bool tells() const { return true; }

 protected:
  ~Custody() = default;
};

}  // namespace valise::core
