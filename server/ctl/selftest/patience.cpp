#include "selftest/patience.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <iterator>

namespace valise::ctl::selftest {
namespace {

constexpr int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
struct sigaction before[std::size(caught)];
struct sigaction pipe_before;

std::atomic<bool> interrupted{false};
std::atomic<int> watched{-1};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void on_signal(int number) {
  const int saved = errno;
  if (number != SIGALRM) interrupted = true;
  if (const int socket = watched; socket >= 0) ::shutdown(socket, SHUT_RDWR);
  errno = saved;
}

void set_alarm(std::chrono::milliseconds time) {
  const itimerval timer{.it_interval = {},
                        .it_value = {.tv_sec = time.count() / 1000, .tv_usec = time.count() % 1000 * 1000}};
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

Interruption::Interruption() {
  interrupted = false;
  struct sigaction action{};
  action.sa_handler = &on_signal;
  for (std::size_t i = 0; i < std::size(caught); ++i) sigaction(caught[i], &action, &before[i]);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;  // libstrophe writes without MSG_NOSIGNAL
  sigaction(SIGPIPE, &ignore, &pipe_before);
}

Interruption::~Interruption() {
  sigaction(SIGPIPE, &pipe_before, nullptr);
  for (std::size_t i = 0; i < std::size(caught); ++i) sigaction(caught[i], &before[i], nullptr);
}

bool Interruption::happened() noexcept { return interrupted; }

void watch(int socket) noexcept { watched = socket; }

Patience::Patience(std::chrono::milliseconds time) : time_(time), end_(std::chrono::steady_clock::now() + time) {
  set_alarm(time);
}

Patience::~Patience() { set_alarm(std::chrono::milliseconds(0)); }

std::chrono::milliseconds Patience::left() const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

Outcome<> Patience::lasts() const {
  if (interrupted) return trouble("interrupted", "a signal ended it", "run it again");
  if (left().count() > 0) return {};
  return trouble("time-out", "it took more than " + std::to_string(time_.count() / 1000) + " s",
                 "valisectl status: does the server commit what it gets, is the store there; then the server's log");
}

}  // namespace valise::ctl::selftest
