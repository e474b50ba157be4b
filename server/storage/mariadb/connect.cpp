#include "storage/mariadb/connect.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "base/crypto.hpp"
#include "config/secret_file.hpp"
#include "storage/mariadb/errors.hpp"

namespace valise::storage::mariadb {
namespace {

constexpr std::size_t longest_password = 1024;
constexpr unsigned long least_packet = 16UL * 1024 * 1024;

struct Secret {
  std::string text;
  ~Secret() { crypto::wipe(text); }
};

Result<> read_password(const std::string& path, Secret& secret) {
  auto text = config::read_secret_file(path, longest_password);
  if (!text) return fail(ErrorCode::invalid, "mariadb: the password's file " + text.error().text);
  secret.text = std::move(*text);
  return {};
}

template <class T>
bool set(MYSQL* handle, mysql_option option, const T& value) {
  return mysql_optionsv(handle, option, &value) == 0;
}
bool set(MYSQL* handle, mysql_option option, const std::string& value) {
  return value.empty() || mysql_optionsv(handle, option, value.c_str()) == 0;
}

bool set_options(MYSQL* handle, const MariadbOptions& options, Role role) {
  const my_bool yes = 1;
  const my_bool no = 0;
  const unsigned none = 0;
  const unsigned patience_s = role == Role::migrator ? 7 * 24 * 3600 : options.io_timeout_s;
  bool good = set(handle, MYSQL_OPT_CONNECT_TIMEOUT, options.connect_timeout_s) &&
              set(handle, MYSQL_OPT_READ_TIMEOUT, patience_s) &&
              set(handle, MYSQL_OPT_WRITE_TIMEOUT, options.io_timeout_s) && set(handle, MYSQL_OPT_RECONNECT, no) &&
              set(handle, MYSQL_OPT_LOCAL_INFILE, none) &&
              set(handle, MYSQL_SET_CHARSET_NAME, std::string("utf8mb4")) &&
              set(handle, MYSQL_INIT_COMMAND,
                  std::string("SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,"
                              "ERROR_FOR_DIVISION_BY_ZERO', time_zone='+00:00', innodb_lock_wait_timeout=1")) &&
              set(handle, MYSQL_INIT_COMMAND, std::string("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")) &&
              set(handle, MYSQL_INIT_COMMAND,
                  std::string(role == Role::writer ? "SET SESSION autocommit=0" : "SET SESSION autocommit=1"));
  if (options.host.empty()) return good && set(handle, MYSQL_OPT_PROTOCOL, unsigned{MYSQL_PROTOCOL_SOCKET});
  // Without ENFORCE the client goes on in clear text when the server offers no TLS; without VERIFY any certificate of
  // the CA would do for any host. The name "localhost" must not turn into a socket either.
  return good && set(handle, MYSQL_OPT_PROTOCOL, unsigned{MYSQL_PROTOCOL_TCP}) &&
         set(handle, MYSQL_OPT_SSL_CA, options.ca_file) && set(handle, MYSQL_OPT_SSL_CERT, options.cert_file) &&
         set(handle, MYSQL_OPT_SSL_KEY, options.key_file) &&
         set(handle, MARIADB_OPT_TLS_VERSION, std::string("TLSv1.2,TLSv1.3")) &&
         set(handle, MYSQL_OPT_SSL_ENFORCE, yes) && set(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, yes);
}

// Acknowledged means durable, so the server must sync its log at each commit (docs/security.md §2: databases less
// durable than said). With a binary log, InnoDB leaves the decision to that log: then it must be synced as well. And a
// packet must take the longest row that sql/check.hpp lets pass: a longer one is answered by closing the connection.
Result<> refuse_if_unsafe(MYSQL* handle) {
  if (mysql_query(handle,
                  "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.log_bin, @@GLOBAL.sync_binlog, "
                  "@@GLOBAL.max_allowed_packet, @@GLOBAL.binlog_format") != 0) {
    return std::unexpected(error_of(handle, "settings"));
  }
  const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> result(mysql_store_result(handle), &mysql_free_result);
  if (!result) return std::unexpected(error_of(handle, "settings"));
  const MYSQL_ROW row = mysql_fetch_row(result.get());
  if (!row || !row[0] || !row[1] || !row[2] || !row[3] || !row[4])
    return fail(ErrorCode::denied, "mariadb: settings not readable");
  const auto is = [&](unsigned column, std::string_view value) { return row[column] == value; };
  if (!is(0, "1")) {
    return fail(
        ErrorCode::denied,
        fmt::format("mariadb: innodb_flush_log_at_trx_commit is {}: commits could be lost; set it to 1", row[0]));
  }
  if (!is(1, "0") && !is(2, "1")) {
    return fail(
        ErrorCode::denied,
        fmt::format("mariadb: log_bin is on and sync_binlog is {}: commits could be lost; set it to 1", row[2]));
  }
  if (!is(1, "0") && is(4, "STATEMENT")) {  // the server refuses each write of a READ COMMITTED transaction
    return fail(ErrorCode::denied, "mariadb: log_bin is on and binlog_format is STATEMENT; set it to ROW");
  }
  if (std::strtoul(row[3], nullptr, 10) < least_packet) {
    return fail(ErrorCode::denied,
                fmt::format("mariadb: max_allowed_packet is {}, at least {} is needed", row[3], least_packet));
  }
  return {};
}

}  // namespace

Error error_of(MYSQL* handle, std::string_view what) {
  const unsigned number = mysql_errno(handle);
  return {sort(number).code, fmt::format("mariadb: {}: {} [{}]", what, mysql_error(handle), number)};
}

Result<> check(const MariadbOptions& options) {
  const auto refuse = [](std::string_view why) { return fail(ErrorCode::invalid, fmt::format("mariadb: {}", why)); };
  if (options.host.empty() == options.unix_socket.empty()) return refuse("give either a host or a Unix socket");
  if (!options.host.empty() && options.ca_file.empty()) return refuse("a host needs the CA that signs its certificate");
  if (options.cert_file.empty() != options.key_file.empty())
    return refuse("a client certificate and its key go together");
  if (options.user.empty() || options.database.empty()) return refuse("user and database are needed");
  if (options.connect_timeout_s == 0 || options.io_timeout_s == 0) return refuse("time-outs must be at least 1 s");
  for (const auto* file : {&options.ca_file, &options.cert_file, &options.key_file}) {
    if (!file->empty() && ::access(file->c_str(), R_OK) != 0) {
      return fail(ErrorCode::invalid, fmt::format("mariadb: {}: {}", *file, std::strerror(errno)));
    }
  }
  if (options.password_file.empty()) return {};
  Secret secret;
  return read_password(options.password_file, secret);
}

Result<Handle> connect(const MariadbOptions& options, Role role) {
  static std::once_flag library;  // not thread-safe in the connector
  std::call_once(library, [] { mysql_library_init(0, nullptr, nullptr); });

  Secret password;
  if (!options.password_file.empty()) {
    if (auto read = read_password(options.password_file, password); !read) {
      return fail(ErrorCode::unavailable, read.error().text);
    }
  }
  Handle handle(mysql_init(nullptr));
  if (!handle) return fail(ErrorCode::unavailable, "mariadb: out of memory");
  if (!set_options(handle.get(), options, role)) return fail(ErrorCode::internal, "mariadb: an option was not taken");
  const bool tls = !options.host.empty();
  if (!mysql_real_connect(handle.get(), tls ? options.host.c_str() : nullptr, options.user.c_str(),
                          password.text.c_str(), options.database.c_str(), tls ? options.port : 0,
                          tls ? nullptr : options.unix_socket.c_str(), 0)) {
    auto error = error_of(handle.get(), "connect");
    error.code = ErrorCode::unavailable;
    return std::unexpected(std::move(error));
  }
  if (tls && mysql_get_ssl_cipher(handle.get()) == nullptr) {
    return fail(ErrorCode::denied, "mariadb: the connection is not encrypted");
  }
  if (auto safe = refuse_if_unsafe(handle.get()); !safe) return std::unexpected(safe.error());
  return handle;
}

}  // namespace valise::storage::mariadb
