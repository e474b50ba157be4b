#include "net/handshakes.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace valise::net {
namespace {
constexpr std::size_t most_waiting = 4'096;  // then loops do it themselves, and so accept less
constexpr int niceness = 5;                  // a third of a loop's weight

JobPool<BoundedQueue<Handshakes::Job>>::Run worker() {
  setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);  // without it, it only competes more
  return [](Handshakes::Job& job) { job(); };
}
}  // namespace

Handshakes::Handshakes(unsigned threads) : pool_(threads, BoundedQueue<Job>(most_waiting), worker) {}

}  // namespace valise::net
