#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.hpp"
#include "client.hpp"

namespace valise::bench {

struct Options {
  std::string scenario;
  std::string host = "127.0.0.1";
  int port = 5222;
  ClientSettings client;
  std::vector<pid_t> pids;
  std::string allocations;  // file in which libcount-allocations.so counts for the server
  std::string prefix = "bench", password = "bench-password";
  std::size_t accounts = 100;
  bool register_first = false;
  std::string salted_cache;
  bool json = false;

  std::size_t count = 1000;              // login, reconnect: sessions
  std::size_t concurrency = 16;          // connections being made at once
  bool presence = false;                 // login: roster, presence and a fence as well
  bool resume = false;                   // TLS resumption in reconnect
  std::vector<std::size_t> steps{1000};  // idle: sessions at which memory is read
  int quiet = 60;                        // idle: seconds before it is read, at the last count
  int step_quiet = 60;                   // … and at the counts before
  std::size_t pairs = 50, window = 4;
  double rate = 0;  // messages a second over all pairs; 0: flat out
  int warm_up = 3, seconds = 10;
  bool publish_devices = false;
  std::size_t messages = 50;                        // offline: messages an account
  std::size_t contacts = 100;                       // presence
  std::vector<std::size_t> rosters{10, 100, 1000};  // rosters: contacts of the accounts that log in
  std::size_t turns = 40;                           // rosters: log-ins of each account
  std::size_t hub = 101;                            // archive: the account whose archive is asked
  std::size_t queries = 300;                        // archive: pages of each kind

  // The i-th account, from 1.
  [[nodiscard]] Account account(std::size_t i) const;
};

// invalid with a text for the user when the command line is wrong.
[[nodiscard]] Result<Options> parse_options(int argc, char** argv);
[[nodiscard]] std::string usage();

}  // namespace valise::bench
