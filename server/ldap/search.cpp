#include "ldap/search.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <ldap.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "config/secret_file.hpp"

namespace valise::ldap {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds slice{100};               // how soon a stop is noticed
constexpr milliseconds most_to_connect{10'000};  // to each address of its host, and again for TLS: a stop waits for it
constexpr std::size_t longest_password = 1024;
constexpr std::size_t longest_value = 3071;   // as the longest address (RFC 7622 §3.1)
constexpr ber_len_t longest_entry = 8 << 20;  // bytes of one message of the directory

struct Unbind {
  void operator()(LDAP* handle) const { ldap_unbind_ext(handle, nullptr, nullptr); }
};
struct FreeMessage {
  void operator()(LDAPMessage* message) const { ldap_msgfree(message); }
};
struct FreeControl {
  void operator()(LDAPControl* control) const { ldap_control_free(control); }
};
struct FreeControls {
  void operator()(LDAPControl** controls) const { ldap_controls_free(controls); }
};
struct FreeValues {
  void operator()(berval** values) const { ldap_value_free_len(values); }
};
using Handle = std::unique_ptr<LDAP, Unbind>;
using Message = std::unique_ptr<LDAPMessage, FreeMessage>;

struct Secret {
  std::string text;
  ~Secret() { crypto::wipe(text); }
};

timeval to_timeval(milliseconds time) { return {.tv_sec = time.count() / 1000, .tv_usec = time.count() % 1000 * 1000}; }

std::unexpected<Error> failed(std::string_view step, int code, const std::string& more = {}) {
  const bool refused = code > 0 && code != LDAP_BUSY && code != LDAP_UNAVAILABLE;  // an answer, not its absence
  return fail(refused ? ErrorCode::invalid : ErrorCode::unavailable,
              fmt::format("{}: {}{}{}", step, ldap_err2string(code), more.empty() ? "" : ": ", more));
}

bool set(LDAP* handle, int option, const void* value) {
  return ldap_set_option(handle, option, value) == LDAP_OPT_SUCCESS;
}

// The library's first call sets it up, and has to be the only one then (ldap_initialize(3)); each directory has a
// thread.
void set_up_library() {
  static const bool done = [] {
    int version = 0;
    return ldap_get_option(nullptr, LDAP_OPT_PROTOCOL_VERSION, &version) == LDAP_OPT_SUCCESS;
  }();
  (void)done;
}

// Everything that matters is set here: ldap.conf and the environment are not read (main.cpp), and would say less.
bool set_options(LDAP* handle, const Search& search) {
  const int version = LDAP_VERSION3, never = LDAP_DEREF_NEVER, hard = LDAP_OPT_X_TLS_HARD;
  const int least_tls = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2, client = 0;
  const auto patience = to_timeval(std::min(search.timeout, most_to_connect));
  bool good = set(handle, LDAP_OPT_PROTOCOL_VERSION, &version) && set(handle, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) &&
              set(handle, LDAP_OPT_DEREF, &never) && set(handle, LDAP_OPT_RESTART, LDAP_OPT_ON) &&
              set(handle, LDAP_OPT_NETWORK_TIMEOUT, &patience) && set(handle, LDAP_OPT_TIMEOUT, &patience);
  Sockbuf* buffer = nullptr;
  auto longest = longest_entry;
  if (ldap_get_option(handle, LDAP_OPT_SOCKBUF, &buffer) == LDAP_OPT_SUCCESS && buffer != nullptr) {
    good = good && ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &longest) > 0;
  }
  if (!good || search.security == Search::Security::none) return good;
  return set(handle, LDAP_OPT_X_TLS_REQUIRE_CERT, &hard) && set(handle, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least_tls) &&
         set(handle, LDAP_OPT_X_TLS_CACERTFILE, search.ca_file.c_str()) && set(handle, LDAP_OPT_X_TLS_NEWCTX, &client);
}

// Ends the connection when the time is over or a stop is wanted, so that whoever waits in the library comes back: its
// TLS handshake has no time limit of its own. It has a descriptor of its own for the socket, which nobody else closes.
class Guard {
 public:
  Guard(Clock::time_point deadline, const std::stop_token& stop)
      : thread_([this, deadline](const std::stop_token& over) { wait(deadline, over); }), on_stop_(stop, Cut{this}) {}
  ~Guard() {
    const std::lock_guard lock(mutex_);
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  void watch(int socket) {
    const std::lock_guard lock(mutex_);
    if (socket_ >= 0) ::close(socket_);
    socket_ = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (cut_) end();
  }
  [[nodiscard]] bool has_cut() {
    const std::lock_guard lock(mutex_);
    return cut_;
  }
  void cut() {
    const std::lock_guard lock(mutex_);
    cut_ = true;
    end();
  }

 private:
  struct Cut {
    Guard* guard;
    void operator()() const { guard->cut(); }
  };
  void end() const {
    if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
  }
  void wait(Clock::time_point deadline, const std::stop_token& over) {
    std::unique_lock lock(mutex_);
    never_.wait_until(lock, over, deadline, [] { return false; });
    if (over.stop_requested()) return;
    cut_ = true;
    end();
  }

  std::mutex mutex_;  // guards the next two
  int socket_ = -1;
  bool cut_ = false;
  std::condition_variable_any never_;
  std::jthread thread_;
  std::stop_callback<Cut> on_stop_;
};

// LDAP_OPT_CONNECT_CB: the socket is connected, and TLS has not begun. One connection: where the library would open
// another by itself, since this one has gone, it would be one without StartTLS and log-in.
int show_to_guard(LDAP*, Sockbuf* buffer, LDAPURLDesc*, sockaddr*, ldap_conncb* callback) {
  if (callback->lc_arg == nullptr) return -1;
  int socket = -1;
  if (ber_sockbuf_ctrl(buffer, LBER_SB_OPT_GET_FD, &socket) > 0) static_cast<Guard*>(callback->lc_arg)->watch(socket);
  return 0;
}
void forget_nothing(LDAP*, Sockbuf*, ldap_conncb*) {}

class Asking {
 public:
  Asking(const Search& search, const std::stop_token& stop) : search_(search), stop_(stop) {}

  Result<std::vector<std::string>> run() {
    if (auto done = connect_in_time(); !done) return std::unexpected(done.error());
    deadline_ = Clock::now() + search_.timeout;
    if (auto done = bind(); !done) return std::unexpected(done.error());
    do {
      if (auto done = ask_for_page(); !done) return std::unexpected(done.error());
    } while (!cookie_.empty());
    return std::move(values_);
  }

 private:
  static std::unexpected<Error> overdue() { return fail(ErrorCode::unavailable, "no answer in time"); }

  // The answer to a request, an entry at a time.
  Result<Message> wait(int request) {
    for (;;) {
      const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - Clock::now());
      if (left <= milliseconds(0) || stop_.stop_requested()) {
        ldap_abandon_ext(handle_.get(), request, nullptr, nullptr);
        return overdue();
      }
      auto patience = to_timeval(std::min(left, slice));
      LDAPMessage* message = nullptr;
      const int kind = ldap_result(handle_.get(), request, LDAP_MSG_ONE, &patience, &message);
      Message owned(message);
      if (kind > 0) return owned;
      if (kind < 0) return failed("the connection", last_error());
    }
  }

  [[nodiscard]] int last_error() const {
    int code = LDAP_SERVER_DOWN;
    ldap_get_option(handle_.get(), LDAP_OPT_RESULT_CODE, &code);
    return code == LDAP_SUCCESS ? LDAP_SERVER_DOWN : code;
  }

  // What the result of a request says.
  Result<> outcome(std::string_view step, Message& message, LDAPControl*** controls = nullptr) {
    int code = LDAP_OTHER;
    const int parsed = ldap_parse_result(handle_.get(), message.get(), &code, nullptr, nullptr, nullptr, controls, 0);
    if (parsed != LDAP_SUCCESS) return failed(step, parsed);
    if (code != LDAP_SUCCESS) return failed(step, code);
    return {};
  }

  Result<> connect_in_time() {
    deadline_ = Clock::now() + search_.timeout;
    Guard guard(deadline_, stop_);
    callback_ = {.lc_add = &show_to_guard, .lc_del = &forget_nothing, .lc_arg = &guard};
    auto done = connect();
    callback_.lc_arg = nullptr;
    return done || !guard.has_cut() ? done : overdue();
  }

  Result<> connect() {
    set_up_library();
    LDAP* made = nullptr;
    if (const int code = ldap_initialize(&made, search_.uri.c_str()); code != LDAP_SUCCESS) {
      return failed("the address", code);
    }
    handle_.reset(made);
    if (search_.security != Search::Security::none) {
      // Found before the library says no more than that something is wrong.
      if (auto read = config::read_trusted_file(search_.ca_file, std::size_t{1} << 20); !read) {
        return fail(ErrorCode::invalid, "ca_file: " + read.error().text);
      }
    }
    if (!set_options(made, search_) || !set(made, LDAP_OPT_CONNECT_CB, &callback_))
      return fail(ErrorCode::internal, "the LDAP library takes no options");
    if (const int code = ldap_connect(made); code != LDAP_SUCCESS) return failed("the connection", code, diagnosis());
    if (!bound_reads()) return fail(ErrorCode::unavailable, "the connection: its socket takes no time limit");
    if (search_.security == Search::Security::start_tls) {
      if (auto done = start_tls(); !done) return done;
    }
    if (search_.security != Search::Security::none && ldap_tls_inplace(made) != 1) {
      return fail(ErrorCode::unavailable, "the connection: there is no TLS");
    }
    return {};
  }

  Result<> start_tls() {
    int request = 0;
    if (const int code = ldap_start_tls(handle_.get(), nullptr, nullptr, &request); code != LDAP_SUCCESS) {
      return failed("StartTLS", code);
    }
    auto message = wait(request);
    if (!message) return std::unexpected(message.error());
    if (auto done = outcome("StartTLS", *message); !done) return done;
    const int code = ldap_install_tls(handle_.get());
    if (code != LDAP_SUCCESS) return failed("StartTLS", code, diagnosis());
    return {};
  }

  // Half a message, and then nothing, would else hold the library for ever: it reads on until it has a whole one.
  [[nodiscard]] bool bound_reads() const {
    int socket = -1;
    const auto patience = to_timeval(slice);
    return ldap_get_option(handle_.get(), LDAP_OPT_DESC, &socket) == LDAP_OPT_SUCCESS && socket >= 0 &&
           ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
           ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0;
  }

  // What our own TLS library has against the directory's certificate; no word of the directory.
  [[nodiscard]] std::string diagnosis() const {
    char* text = nullptr;
    if (ldap_get_option(handle_.get(), LDAP_OPT_DIAGNOSTIC_MESSAGE, &text) != LDAP_OPT_SUCCESS || text == nullptr) {
      return {};
    }
    std::string out = std::string_view(text).contains("unknown error") ? "" : log::printable(text);
    ldap_memfree(text);
    return out.empty() && search_.security != Search::Security::none ? "or its certificate does not hold" : out;
  }

  Result<> bind() {
    if (search_.bind_dn.empty()) return {};
    Secret password;
    auto read = config::read_secret_file(search_.password_file, longest_password);
    if (!read) return fail(ErrorCode::invalid, "password_file: " + read.error().text);
    password.text = std::move(*read);
    // RFC 4513 §5.1.2: with an empty one the directory lets in nobody in particular, and calls it a success.
    if (password.text.empty()) return fail(ErrorCode::invalid, "password_file: " + search_.password_file + " is empty");
    berval given{.bv_len = password.text.size(), .bv_val = password.text.data()};
    int request = 0;
    const int code =
        ldap_sasl_bind(handle_.get(), search_.bind_dn.c_str(), LDAP_SASL_SIMPLE, &given, nullptr, nullptr, &request);
    if (code != LDAP_SUCCESS) return failed("the log-in", code);
    auto message = wait(request);
    if (!message) return std::unexpected(message.error());
    return outcome("the log-in", *message);
  }

  Result<> ask_for_page() {
    berval cookie{.bv_len = cookie_.size(), .bv_val = cookie_.data()};
    LDAPControl* page = nullptr;
    // Not critical: a directory that knows no pages gives all at once, within its own limit.
    int code = ldap_create_page_control(handle_.get(), static_cast<ber_int_t>(search_.page), &cookie, 0, &page);
    const std::unique_ptr<LDAPControl, FreeControl> owned(page);
    if (code != LDAP_SUCCESS) return failed("the search", code);
    LDAPControl* controls[] = {page, nullptr};
    auto attribute = search_.attribute;
    char* attributes[] = {attribute.data(), nullptr};
    auto patience = to_timeval(search_.timeout);
    int request = 0;
    code = ldap_search_ext(handle_.get(), search_.base.c_str(), LDAP_SCOPE_SUBTREE, search_.filter.c_str(), attributes,
                           0, controls, nullptr, &patience, LDAP_NO_LIMIT, &request);
    if (code != LDAP_SUCCESS) return failed("the search", code);
    for (;;) {
      auto message = wait(request);
      if (!message) return std::unexpected(message.error());
      const int kind = ldap_msgtype(message->get());
      if (kind == LDAP_RES_SEARCH_RESULT) return end_page(*message);
      if (kind != LDAP_RES_SEARCH_ENTRY) continue;  // a reference to another directory: nobody goes there
      if (auto done = take_entry(*message); !done) {
        ldap_abandon_ext(handle_.get(), request, nullptr, nullptr);
        return done;
      }
    }
  }

  Result<> take_entry(Message& message) {
    if (++entries_ > search_.most_entries) {
      return fail(ErrorCode::limit, fmt::format("more than {} entries", search_.most_entries));
    }
    const std::unique_ptr<berval*, FreeValues> values(
        ldap_get_values_len(handle_.get(), message.get(), search_.attribute.c_str()));
    for (auto* const* value = values.get(); value != nullptr && *value != nullptr; ++value) {
      const auto size = std::min<std::size_t>((*value)->bv_len, longest_value + 1);  // such a one is no address
      bytes_ += size + sizeof(std::string);
      if (bytes_ > search_.most_bytes) {
        return fail(ErrorCode::limit, fmt::format("more than {} bytes of values", search_.most_bytes));
      }
      values_.emplace_back((*value)->bv_val, size);
    }
    return {};
  }

  // The page's cookie says whether there are more.
  Result<> end_page(Message& message) {
    LDAPControl** controls = nullptr;
    auto done = outcome("the search", message, &controls);
    const std::unique_ptr<LDAPControl*, FreeControls> owned(controls);
    cookie_.clear();
    if (!done) return done;
    auto* answer = controls == nullptr ? nullptr : ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, nullptr);
    if (answer == nullptr) return {};
    ber_int_t estimate = 0;
    berval cookie{};
    const int code = ldap_parse_pageresponse_control(handle_.get(), answer, &estimate, &cookie);
    if (code != LDAP_SUCCESS) return failed("the search", code);
    if (cookie.bv_val != nullptr) cookie_.assign(cookie.bv_val, cookie.bv_len);
    ber_memfree(cookie.bv_val);
    // One that names pages without end is bounded by the time.
    return {};
  }

  const Search& search_;
  const std::stop_token& stop_;
  Clock::time_point deadline_;
  ldap_conncb callback_{};  // outlives the handle
  Handle handle_;
  std::string cookie_;
  std::vector<std::string> values_;
  std::size_t entries_ = 0, bytes_ = 0;
};

}  // namespace

Result<std::vector<std::string>> values_of(const Search& search, const std::stop_token& stop) {
  return Asking(search, stop).run();
}

}  // namespace valise::ldap
