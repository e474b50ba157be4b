// How long a step may take, and the signals that end one early: whatever happens, the accounts are removed afterwards.
#pragma once

#include <chrono>

#include "selftest/outcome.hpp"

namespace valise::ctl::selftest {

// While it lives, SIGINT, SIGTERM and SIGHUP do not end the program: they are remembered, and the step under way ends.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  [[nodiscard]] static bool happened() noexcept;
};

// The socket that a signal or a time-out shuts down; -1: none. libstrophe 0.12 waits for a TLS handshake without a
// bound (tls_start): only the end of its connection gets it out of there.
void watch(int socket) noexcept;

// The time that one step has. One at a time: it is the process's alarm.
class Patience {
 public:
  explicit Patience(std::chrono::milliseconds time);
  ~Patience();
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
  // Trouble when it is over, or a signal came.
  [[nodiscard]] Outcome<> lasts() const;
  [[nodiscard]] std::chrono::milliseconds left() const;  // at least 0

 private:
  const std::chrono::milliseconds time_;
  const std::chrono::steady_clock::time_point end_;
};

}  // namespace valise::ctl::selftest
