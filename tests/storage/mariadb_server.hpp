// A real mariadbd for tests and the benchmark: data folder, Unix socket and TCP port of its own, ended by its pid.
#pragma once

#include <mysql.h>
#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "storage/store.hpp"

namespace valise::storage::testing {

// A folder that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string path(const std::string& name = {}) const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

// Throw std::runtime_error where the server cannot be had: a test without it must fail, not pass.
class MariadbServer {
 public:
  MariadbServer();  // makes the data folder, does not start
  ~MariadbServer();
  MariadbServer(const MariadbServer&) = delete;
  MariadbServer& operator=(const MariadbServer&) = delete;

  void start(const std::vector<std::string>& options = {});  // returns when it answers; options are kept for restart()
  void restart();                                            // with the same options
  void stop();                                               // SIGTERM
  void kill();                                               // SIGKILL
  void freeze();                                             // SIGSTOP
  void thaw();                                               // SIGCONT
  [[nodiscard]] bool running() const { return pid_ > 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }

  [[nodiscard]] std::string socket() const { return folder_.path("sock"); }
  [[nodiscard]] unsigned port() const { return port_; }
  [[nodiscard]] std::string folder() const { return folder_.path(); }
  // Options for root over the socket, with a new empty database.
  [[nodiscard]] MariadbOptions fresh_database();

 private:
  [[nodiscard]] std::string tmpdir_option() const;
  void spawn();
  void wait_until_it_answers();
  void end(int signal);

  TemporaryFolder folder_;
  std::vector<std::string> options_;
  unsigned port_ = 0;
  pid_t pid_ = -1;
  unsigned databases_ = 0;
};

// A plain client connection, for looking from outside.
class Client {
 public:
  explicit Client(const std::string& socket, const std::string& database = {});
  // Runs one statement; the first column of the first row, "" without a row. Throws on an error.
  std::string query(const std::string& text);
  // All rows, a line each: these columns with "|" between and behind them.
  std::string lines(const std::string& text, const std::vector<unsigned>& columns);
  // Returns the error number, 0 for none.
  unsigned try_query(const std::string& text);

 private:
  struct Close {
    void operator()(MYSQL* handle) const { mysql_close(handle); }
  };
  std::unique_ptr<MYSQL, Close> handle_;
};

}  // namespace valise::storage::testing
