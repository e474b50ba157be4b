#include "password.hpp"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

namespace valise::ctl {
namespace {

std::string ask_without_echo(const std::string& prompt) {
  termios old{};
  tcgetattr(STDIN_FILENO, &old);
  auto silent = old;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  std::fputs(prompt.c_str(), stderr);  // only now: whoever types at once is not seen either
  std::string line;
  std::getline(std::cin, line);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
  std::fputs("\n", stderr);
  return line;
}

}  // namespace

Result<std::string> read_password(const std::string& account) {
  std::string password;
  if (isatty(STDIN_FILENO) == 0) {
    std::getline(std::cin, password);
  } else {
    password = ask_without_echo("Password for " + account + ": ");
    if (ask_without_echo("Once more: ") != password) return fail(ErrorCode::invalid, "the two passwords differ");
  }
  if (password.empty()) return fail(ErrorCode::invalid, "no password was given");
  return password;
}

}  // namespace valise::ctl
