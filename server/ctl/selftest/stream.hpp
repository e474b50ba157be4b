// A client's stream: libstrophe over TCP with STARTTLS and SCRAM, as the users' clients have it. One context a stream:
// then its log, which alone tells why a log-in failed, is this stream's.
#pragma once

#include <strophe.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "selftest/entry.hpp"
#include "selftest/outcome.hpp"
#include "selftest/patience.hpp"
#include "selftest/stanza.hpp"

namespace valise::ctl::selftest {

class Stream {
 public:
  // What the server may send in all, as TCP counts it: libstrophe bounds neither a stanza nor an attribute.
  static constexpr std::uint64_t most_bytes = 512 * 1024;

  // `jid`: bare.
  Stream(const std::string& jid, const std::string& password);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // To the end of the resource's binding. `ca`: a file with further authorities, or empty.
  [[nodiscard]] Outcome<> log_in(const Entry& entry, const std::string& ca, const Patience& patience);
  // Says goodbye, and waits a moment for the answer.
  void leave(const Patience& patience);

  [[nodiscard]] const std::string& jid() const noexcept { return jid_; }              // bare
  [[nodiscard]] const std::string& mechanism() const noexcept { return mechanism_; }  // of the log-in; empty: not known
  [[nodiscard]] xmpp_ctx_t* context() const noexcept { return context_.get(); }

  void send(std::string_view xml);
  // The first stanza that `is_wanted`; others wait.
  [[nodiscard]] Outcome<Stanza> receive(const std::function<bool(Element)>& is_wanted, const Patience& patience);
  // Whether there is one that waits.
  [[nodiscard]] bool has(const std::function<bool(Element)>& is_wanted) const;
  // Sends an iq and gives its result; an error of the server is trouble. `to`: empty: the own account.
  [[nodiscard]] Outcome<Stanza> ask(std::string_view type, const std::string& to, const std::string& payload,
                                    const Patience& patience);
  // What the server sends because of all that was sent before is there when this is answered.
  [[nodiscard]] Outcome<> fence(const Patience& patience);
  // Lets bytes come and go, and waits for some at most so long.
  [[nodiscard]] Outcome<> turn(const Patience& patience, std::chrono::milliseconds longest);

 private:
  struct Running;
  static void on_log(void* self, xmpp_log_level_t level, const char* area, const char* text);
  static int on_certificate(const xmpp_tlscert_t* certificate, const char* why);
  static int on_socket(xmpp_conn_t* connection, void* socket);
  static void on_connection(xmpp_conn_t* connection, xmpp_conn_event_t event, int error, xmpp_stream_error_t* why,
                            void* self);
  static int on_stanza(xmpp_conn_t* connection, xmpp_stanza_t* stanza, void* self);

  [[nodiscard]] std::unexpected<Trouble> why_no_log_in(const Patience& patience) const;
  [[nodiscard]] std::unexpected<Trouble> why_certificate() const;
  [[nodiscard]] std::uint64_t received() const;

  struct FreeContext {
    void operator()(xmpp_ctx_t* context) const noexcept { xmpp_ctx_free(context); }
  };
  struct FreeConnection {
    void operator()(xmpp_conn_t* connection) const noexcept { xmpp_conn_release(connection); }
  };

  const std::string jid_;
  const std::string host_;
  const xmpp_log_t log_;
  int socket_ = -1;
  unsigned questions_ = 0;
  unsigned quiet_turns_ = 0;  // since bytes came
  bool bound_ = false;        // logged in
  bool ended_ = false;        // the connection
  bool no_tls_ = false;       // its handshake failed
  std::string certificate_;   // why it is not trusted
  std::string mechanism_;
  std::string refusal_;       // SASL's <failure/>
  std::string library_;       // the last error that libstrophe logged
  std::string stream_error_;  // "condition: text"
  std::unique_ptr<xmpp_ctx_t, FreeContext> context_;
  std::unique_ptr<xmpp_conn_t, FreeConnection> connection_;
  std::deque<Stanza> waiting_;
};

// An error stanza as trouble: its condition (RFC 6120 §8.3) and text.
[[nodiscard]] Trouble error_in(Element stanza, std::string remedy);

}  // namespace valise::ctl::selftest
