// TLS handshakes on threads of their own: a signature and a key exchange take longer than a loop's turn should, and
// anybody may ask for them before he has shown who he is. Where processors are short, these threads give way to loops.
#pragma once

#include <functional>

#include "base/job_pool.hpp"

namespace valise::net {

class Handshakes {
 public:
  using Job = std::move_only_function<void()>;
  explicit Handshakes(unsigned threads);  // at least 1
  // Does what still waits, then takes nothing more. Before the loops end to which jobs post.
  void stop() { pool_.stop(); }
  // Any thread. False: too many wait, or the pool is ending; the job will not run.
  [[nodiscard]] bool submit(Job job) { return pool_.submit(std::move(job)); }

 private:
  JobPool<BoundedQueue<Job>> pool_;
};

}  // namespace valise::net
