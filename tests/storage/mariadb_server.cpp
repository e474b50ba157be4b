#include "mariadb_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace valise::storage::testing {
namespace {

constexpr auto start_time = std::chrono::seconds(60);

// Forks and runs a program, output to a file; it dies with this process.
pid_t launch(const std::vector<std::string>& arguments, const std::string& output) {
  std::vector<char*> raw;
  for (const auto& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork failed");
  if (pid > 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(file, 1);
  ::dup2(file, 2);
  ::execvp(raw[0], raw.data());
  ::_exit(127);
}

unsigned free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool good = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(socket);
  if (!good) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

std::string user_option() { return ::geteuid() == 0 ? "--user=root" : fmt::format("--user={}", ::geteuid()); }

}  // namespace

TemporaryFolder::TemporaryFolder() {
  // Short, since a Unix socket lies inside and its path may have 107 bytes.
  std::string name = (std::filesystem::temp_directory_path() / "valise-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

MariadbServer::MariadbServer() {
  std::filesystem::create_directory(folder_.path("tmp"));
  const pid_t pid = launch({"mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal",
                            "--skip-test-db", "--datadir=" + folder_.path("data"), tmpdir_option(), user_option()},
                           folder_.path("install.log"));
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || status != 0) {
    throw std::runtime_error("mariadb-install-db failed; is the package mariadb-server installed?");
  }
}

MariadbServer::~MariadbServer() { end(SIGKILL); }

void MariadbServer::start(const std::vector<std::string>& options) {
  options_ = options;
  restart();
}

void MariadbServer::restart() {
  end(SIGTERM);
  spawn();
  wait_until_it_answers();
}

// Its own: a mariadbd that starts removes the temporary tables of all others from a shared /tmp.
std::string MariadbServer::tmpdir_option() const { return "--tmpdir=" + folder_.path("tmp"); }

void MariadbServer::spawn() {
  port_ = free_port();
  const auto path = [this](const char* name) { return folder_.path(name); };
  std::vector<std::string> arguments{
      "/usr/sbin/mariadbd", "--no-defaults", user_option(), "--datadir=" + path("data"), "--socket=" + path("sock"),
      "--pid-file=" + path("pid"), "--log-error=" + path("error.log"), "--bind-address=127.0.0.1",
      fmt::format("--port={}", port_), "--skip-name-resolve", "--performance-schema=OFF",
      "--innodb-buffer-pool-size=128M", "--innodb-log-file-size=128M", "--innodb-flush-log-at-trx-commit=1",
      // A database has a few dozen partitions: files of their own cost each test a second.
      "--innodb-file-per-table=OFF"};
  arguments.insert(arguments.end(), options_.begin(), options_.end());
  pid_ = launch(arguments, path("output.log"));
}

void MariadbServer::wait_until_it_answers() {
  const auto deadline = std::chrono::steady_clock::now() + start_time;
  while (std::chrono::steady_clock::now() < deadline) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error("mariadbd ended at start; see error.log in its folder");
    }
    try {
      Client(socket()).query("SELECT 1");
      return;
    } catch (const std::runtime_error&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // a poll, bounded above
    }
  }
  end(SIGKILL);
  throw std::runtime_error("mariadbd does not answer");
}

void MariadbServer::end(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGCONT);
  ::kill(pid_, signal);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
}

void MariadbServer::stop() { end(SIGTERM); }
void MariadbServer::kill() { end(SIGKILL); }
void MariadbServer::freeze() { ::kill(pid_, SIGSTOP); }
void MariadbServer::thaw() { ::kill(pid_, SIGCONT); }

MariadbOptions MariadbServer::fresh_database() {
  const auto name = fmt::format("valise{}", ++databases_);
  Client(socket()).query("CREATE DATABASE " + name);
  return {.unix_socket = socket(), .user = "root", .database = name};
}

Client::Client(const std::string& socket, const std::string& database) : handle_(mysql_init(nullptr)) {
  if (!mysql_real_connect(handle_.get(), nullptr, "root", "", database.empty() ? nullptr : database.c_str(), 0,
                          socket.c_str(), 0)) {
    throw std::runtime_error(mysql_error(handle_.get()));
  }
}

unsigned Client::try_query(const std::string& text) {
  if (mysql_real_query(handle_.get(), text.data(), text.size()) != 0) return mysql_errno(handle_.get());
  if (MYSQL_RES* result = mysql_store_result(handle_.get())) mysql_free_result(result);
  return 0;
}

std::string Client::query(const std::string& text) {
  if (mysql_real_query(handle_.get(), text.data(), text.size()) != 0) {
    throw std::runtime_error(text + ": " + mysql_error(handle_.get()));
  }
  const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> result(mysql_store_result(handle_.get()), &mysql_free_result);
  if (!result) return {};
  const MYSQL_ROW row = mysql_fetch_row(result.get());
  return row && row[0] ? row[0] : "";
}

std::string Client::lines(const std::string& text, const std::vector<unsigned>& columns) {
  if (mysql_real_query(handle_.get(), text.data(), text.size()) != 0) {
    throw std::runtime_error(text + ": " + mysql_error(handle_.get()));
  }
  const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> result(mysql_store_result(handle_.get()), &mysql_free_result);
  std::string out;
  while (const MYSQL_ROW row = mysql_fetch_row(result.get())) {
    for (const auto column : columns) {
      out += row[column] ? row[column] : "";
      out += '|';
    }
    out += '\n';
  }
  return out;
}

}  // namespace valise::storage::testing
