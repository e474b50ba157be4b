// One XMPP client: connects, STARTTLS, SCRAM, binds (RFC 6120), and then hands stanzas to the scenario.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "link.hpp"
#include "scram.hpp"
#include "stanza_scanner.hpp"

namespace valise::bench {

struct Account {
  std::string user;
  std::string password;
};

// What every client of a run does alike.
struct ClientSettings {
  std::string domain = "localhost";
  std::string mechanism = "auto";  // auto: SCRAM-SHA-1 when offered (what peers are compared by), else the best
  // classic: RFC 6120. The others XEP-0388 with binding inside: sasl2 with the password, fast with a token from the
  // second log-in on (XEP-0484), resume with a token and the session of before (XEP-0198).
  std::string login = "classic";
  bool manage = false;      // XEP-0198 with resumption, asked for after binding; a second connect() resumes
  bool direct_tls = false;  // TLS from the first byte (XEP-0368)
  bool raw = false;         // no XMPP: the bare relay; a line "P<pair>\n" says who belongs together
  int relay_ports = 1;
};

enum class Goal : std::uint8_t {
  bound,      // TLS, SASL, bind
  available,  // and roster requested, presence sent, a ping answered: the server has done it all
  registers,  // in-band registration (XEP-0077): on_ready, then register_account() as often as wanted
};

class Client final : private Link::Owner {
 public:
  Client(Network& network, const ClientSettings& settings, SaltedPasswords& cache, Account account,
         std::string resource = "bench");

  std::function<void(Client&)> on_ready;
  // Whatever arrives after on_ready, except answers to the client's own iqs, which on_answer gets.
  std::function<void(Client&, std::string_view element)> on_stanza;
  std::function<void(Client&, std::string_view element)> on_answer;
  // Connection refused, stream error, closed by the server, SASL failure …; never after close().
  std::function<void(Client&, const std::string& why)> on_failed;

  void connect(Goal goal);
  // One stanza.
  void send(std::string_view xml) {
    ++sent_;
    link_.send(xml);
  }
  // The same with a request to acknowledge it (XEP-0198 §4) behind it, in one write.
  void send_with_request(std::string_view xml);
  // Sends an iq (`inner` is its child) to the own account, or to `to`; the answer goes to on_answer.
  void request(std::string_view type, std::string_view inner, std::string_view to = {});
  // An iq that changes nothing: when it is answered, the server has handled all that was sent before.
  void fence();
  // XEP-0198: acknowledges all that it got, and asks for the same: unacknowledged().
  void acknowledge();
  void register_account(const Account& account);
  void close(bool polite);

  [[nodiscard]] const Account& account() const noexcept { return account_; }
  [[nodiscard]] std::string bare_jid() const { return account_.user + "@" + settings_.domain; }
  [[nodiscard]] bool ready() const noexcept { return step_ == Step::ready; }
  // How often it had to wait for the server until it was ready, TCP and TLS aside.
  [[nodiscard]] unsigned round_trips() const noexcept { return round_trips_; }
  // It logged in, or can the next time, as ClientSettings::login says; a server that does not know that gets RFC 6120.
  [[nodiscard]] bool logs_in_as_asked() const noexcept;
  [[nodiscard]] bool managed() const noexcept { return managed_; }
  // Stanzas of this session that no acknowledgement has covered; 0 where it is not managed.
  [[nodiscard]] std::uint32_t unacknowledged() const noexcept { return managed_ ? sent_ - acknowledged_ : 0; }
  [[nodiscard]] bool resumed_session() const noexcept { return resumed_session_; }
  [[nodiscard]] bool resumed_tls() const noexcept { return link_.resumed(); }
  // Goal::available: how many contacts the roster had.
  [[nodiscard]] std::size_t roster_items() const noexcept { return roster_items_; }

  std::size_t slot = 0;  // the scenario's own number for it
  std::size_t pair = 0;  // raw mode: who is paired by the relay

 private:
  enum class Step : unsigned char {
    idle,
    connecting,
    features,
    proceed,
    tls,
    sasl,
    bind,
    session,
    manage,
    presence,
    ready
  };

  void on_connected() override;
  void on_secured() override;
  void on_bytes(std::string_view bytes) override;
  void on_lost(const std::string& why) override;

  void open_stream();
  void handle(std::string_view element);
  void handle_features(std::string_view features);
  void handle_sasl(std::string_view element);
  void handle_success_2(std::string_view success);
  bool authenticate_by_token();
  [[nodiscard]] std::string wishes() const;
  void ask(std::string_view xml);  // … and wait
  void authenticate(std::string_view features);
  void handle_ready(std::string_view element);
  void handle_management(std::string_view element);
  void resume_or_bind();
  void become_available();
  void become_ready();
  void give_up(const std::string& why);

  Network& network_;
  const ClientSettings& settings_;
  SaltedPasswords& cache_;
  Account account_;
  std::string resource_;
  Link link_;
  Goal goal_ = Goal::bound;
  Step step_ = Step::idle;
  bool secure_ = false, authenticated_ = false, needs_session_ = false;
  StanzaScanner scanner_;
  std::string partial_;  // an element whose end has not arrived
  std::unique_ptr<ScramClient> scram_;
  const std::string agent_;    // XEP-0388 §2.3
  std::string token_;          // XEP-0484
  std::string resumption_id_;  // XEP-0198
  bool sasl2_ = false, offers_management_ = false, managed_ = false, bound_ = false, resumed_session_ = false;
  unsigned handled_ = 0;
  std::uint32_t sent_ = 0, acknowledged_ = 0;
  unsigned round_trips_ = 0;
  unsigned next_request_ = 0;
  std::size_t roster_items_ = 0;
};

}  // namespace valise::bench
