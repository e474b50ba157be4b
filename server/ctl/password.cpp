#include "password.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "base/crypto.hpp"

namespace valise::ctl {
namespace {

constexpr std::size_t longest = 32'768;
constexpr int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
volatile std::sig_atomic_t signalled = 0;

// A terminal, or standard input and error where a program has one without its being the controlling one.
struct Terminal {
  int file = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  int in = file >= 0 ? file : STDIN_FILENO;
  int out = file >= 0 ? file : STDERR_FILENO;
  Terminal() = default;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    if (file >= 0) ::close(file);
  }
  void show(std::string_view text) const { (void)!::write(out, text.data(), text.size()); }
};

// The terminal without echo. A signal ends the reading, the terminal is as it was, and only then does the signal do
// what it always does (getpass(3) leaves the terminal mute).
class Silence {
 public:
  explicit Silence(const Terminal& terminal) : terminal_(terminal) {
    struct sigaction action{};
    action.sa_handler = [](int number) { signalled = number; };  // without SA_RESTART: read() returns
    for (std::size_t i = 0; i < std::size(caught); ++i) sigaction(caught[i], &action, &old_actions_[i]);
    tcgetattr(terminal_.in, &old_);
    auto silent = old_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(terminal_.in, TCSAFLUSH, &silent);
  }
  ~Silence() {
    tcsetattr(terminal_.in, TCSAFLUSH, &old_);
    terminal_.show("\n");
    for (std::size_t i = 0; i < std::size(caught); ++i) sigaction(caught[i], &old_actions_[i], nullptr);
    if (signalled != 0) std::raise(signalled);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  const Terminal& terminal_;
  termios old_{};
  struct sigaction old_actions_[std::size(caught)];
};

std::string ask_without_echo(const Terminal& terminal, const std::string& prompt) {
  const Silence silence(terminal);
  terminal.show(prompt);  // only now: whoever types at once is not seen either
  std::string line;
  line.reserve(longest);  // never moved: no copy is left behind
  char c = 0;
  while (signalled == 0 && line.size() < longest && ::read(terminal.in, &c, 1) == 1 && c != '\n') line.push_back(c);
  if (signalled != 0) crypto::wipe(line);
  return line;
}

Result<std::string> ask_twice(const std::string& account) {
  const Terminal terminal;
  auto password = ask_without_echo(terminal, "Password for " + account + ": ");
  auto again = ask_without_echo(terminal, "Once more: ");
  const bool same = password == again;
  crypto::wipe(again);
  if (same) return password;
  crypto::wipe(password);
  return fail(ErrorCode::invalid, "the two passwords differ");
}

}  // namespace

Result<std::string> read_password(const std::string& account) {
  std::string password;
  if (isatty(STDIN_FILENO) == 0) {
    std::getline(std::cin, password);
  } else {
    auto asked = ask_twice(account);
    if (!asked) return asked;
    password = std::move(*asked);
  }
  if (password.empty()) return fail(ErrorCode::invalid, "no password was given");
  return password;
}

}  // namespace valise::ctl
