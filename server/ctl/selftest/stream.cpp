#include "selftest/stream.hpp"

// <netinet/tcp.h> has no tcpi_bytes_received.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>

#include "xml/writer.hpp"

namespace valise::ctl::selftest {
namespace {

constexpr std::string_view stanza_errors = "urn:ietf:params:xml:ns:xmpp-stanzas";
constexpr std::size_t longest_note = 4096;  // of what is kept of the library's log

constexpr std::chrono::milliseconds a_while(100);

constexpr char look_at_the_log[] = "look at the server's log (journalctl -u valised) for the time of this step";

// What a server says is shown on a terminal: one line, without control characters.
std::string shown(std::string text) {
  constexpr std::size_t longest = 500;
  if (text.size() > longest) text.resize(longest);
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

// The condition and the text of what holds them as children in a namespace of its own.
std::pair<std::string, std::string> condition_in(Element error, std::string_view ns) {
  std::string condition;
  for (auto at = error.first(); at; at = at.next()) {
    if (at.ns() == ns && at.name() != "text" && condition.empty()) condition = shown(std::string(at.name()));
  }
  return {condition, shown(error.child("text", ns).text())};
}

std::string joined(const std::pair<std::string, std::string>& parts) {
  return parts.second.empty() ? parts.first : parts.first + ": " + parts.second;
}

}  // namespace

// libstrophe gives its callbacks for certificates and sockets no user data; only one stream runs at a time.
struct Stream::Running {
  explicit Running(Stream& stream) {
    now = &stream;
    watch(stream.socket_);
  }
  ~Running() {
    now = nullptr;
    watch(-1);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  static inline Stream* now = nullptr;
};

Stream::Stream(const std::string& jid, const std::string& password)
    : jid_(jid), host_(jid.substr(jid.find('@') + 1)), log_{.handler = &on_log, .userdata = this} {
  static const bool once = (xmpp_initialize(), true);
  static_cast<void>(once);
  context_.reset(xmpp_ctx_new(nullptr, &log_));
  connection_.reset(xmpp_conn_new(context_.get()));
  xmpp_conn_set_jid(connection_.get(), jid_.c_str());
  xmpp_conn_set_pass(connection_.get(), password.c_str());
}

Stream::~Stream() {
  waiting_.clear();
  const Running running(*this);
  connection_.reset();
}

// Of what it logs, nothing that was sent is kept: there are secrets in it.
void Stream::on_log(void* self, xmpp_log_level_t level, const char* /*area*/, const char* text) {
  auto& stream = *static_cast<Stream*>(self);
  const auto line = std::string_view(text).substr(0, longest_note);
  constexpr std::string_view failure = "RECV: <failure", challenge = " (challenge) called for";
  if (level == XMPP_LEVEL_ERROR) stream.library_ = line;
  if (line.starts_with("Couldn't start TLS")) stream.no_tls_ = true;
  if (stream.bound_) return;
  if (line.starts_with(failure)) stream.refusal_ = line.substr(std::string_view("RECV: ").size());
  if (const auto end = line.find(challenge); line.starts_with("handle ") && end != std::string_view::npos) {
    stream.mechanism_ = line.substr(7, end - 7);
  }
}

int Stream::on_certificate(const xmpp_tlscert_t* /*certificate*/, const char* why) {
  if (Running::now != nullptr) Running::now->certificate_ = shown(why);
  return 0;  // never trusted
}

int Stream::on_socket(xmpp_conn_t* /*connection*/, void* socket) {
  if (Running::now == nullptr) return -1;
  Running::now->socket_ = *static_cast<int*>(socket);
  watch(Running::now->socket_);
  // A message has no answer: what is sent behind it would wait 40 ms for the kernel's delayed acknowledgement.
  const int yes = 1;
  ::setsockopt(Running::now->socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return 0;
}

void Stream::on_connection(xmpp_conn_t* connection, xmpp_conn_event_t event, int /*error*/, xmpp_stream_error_t* why,
                           void* self) {
  auto& stream = *static_cast<Stream*>(self);
  if (event == XMPP_CONN_CONNECT) {
    stream.bound_ = true;
    xmpp_handler_add(connection, &on_stanza, nullptr, nullptr, nullptr, self);
    return;
  }
  // The socket is closed already: its number may soon be another one's.
  watch(-1);
  stream.socket_ = -1;
  stream.ended_ = true;
  if (why != nullptr && why->stanza != nullptr) {
    stream.stream_error_ = joined(condition_in(Element(why->stanza), XMPP_NS_STREAMS_IETF));
  }
}

int Stream::on_stanza(xmpp_conn_t* /*connection*/, xmpp_stanza_t* stanza, void* self) {
  static_cast<Stream*>(self)->waiting_.emplace_back(xmpp_stanza_clone(stanza));
  return 1;  // further ones, too
}

std::uint64_t Stream::received() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (socket_ < 0 || ::getsockopt(socket_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return info.tcpi_bytes_received;
}

Outcome<> Stream::turn(const Patience& patience, std::chrono::milliseconds longest) {
  if (auto lasts = patience.lasts(); !lasts) return lasts;
  if (ended_) {
    return trouble("stream-ended",
                   "the server ended the stream" + (stream_error_.empty() ? "" : " (" + stream_error_ + ")"),
                   look_at_the_log);
  }
  // libstrophe 0.12 reads 4 KiB a turn and waits for the socket even where the rest of a record, at most 16 KiB, is
  // decrypted already: behind bytes that came it is not let wait until all of them must have been read.
  constexpr unsigned reads_of_a_record = 16 / 4 + 1;
  const auto wait =
      quiet_turns_ < reads_of_a_record ? std::chrono::milliseconds(0) : std::min(patience.left(), longest);
  const auto before = received();
  {
    const Running running(*this);
    xmpp_run_once(context_.get(), static_cast<unsigned long>(wait.count()));
  }
  const auto now = received();
  quiet_turns_ = now == before ? quiet_turns_ + 1 : 0;
  if (now > most_bytes) {
    return trouble("too-much", "the server sent more than " + std::to_string(most_bytes / 1024) + " KiB",
                   "an account that is new gets little: see who sends to everybody");
  }
  return {};
}

Outcome<> Stream::log_in(const Entry& entry, const std::string& ca, const Patience& patience) {
  auto* const connection = connection_.get();
  // A session that is resumed would outlive the account's use.
  xmpp_conn_set_flags(connection, XMPP_CONN_FLAG_MANDATORY_TLS | XMPP_CONN_FLAG_DISABLE_SM);
  if (!ca.empty()) xmpp_conn_set_cafile(connection, ca.c_str());
  xmpp_conn_set_certfail_handler(connection, &on_certificate);
  xmpp_conn_set_sockopt_callback(connection, &on_socket);
  {
    const Running running(*this);
    if (xmpp_connect_client(connection, entry.address.c_str(), entry.port, &on_connection, this) != XMPP_EOK) {
      return trouble("no-connection", "cannot connect to " + text_of(entry), look_at_the_log);
    }
  }
  while (!bound_) {
    // Behind a handshake that failed the library writes into the connection as if there had been none: it is not asked
    // to go on.
    if (ended_ || no_tls_) return why_no_log_in(patience);
    if (auto turned = turn(patience, a_while); !turned) return turned;
  }
  return {};
}

std::unexpected<Trouble> Stream::why_certificate() const {
  const bool ascii = std::ranges::all_of(host_, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  std::string remedy;
  if (!ascii) {
    remedy =
        "libstrophe compares names as they are written: for a host whose name is not ASCII it finds no certificate";
  } else if (certificate_.contains("expired") || certificate_.contains("not yet valid")) {
    remedy = "renew it, or set the machine's clock; then valisectl reload";
  } else if (certificate_.contains("ostname")) {
    remedy = "it has to name " + host_ + " (subjectAltName): clients look for that, not for the machine's name";
  } else {
    remedy =
        "if a private authority signed it, --ca FILE names that authority's certificate, and the clients need it, "
        "too; else host[\"" +
        host_ + "\"].tls.certificate has to hold the intermediates behind the certificate";
  }
  return trouble("certificate", "the certificate of " + host_ + " is not trusted: " + certificate_, std::move(remedy));
}

std::unexpected<Trouble> Stream::why_no_log_in(const Patience& patience) const {
  if (auto lasts = patience.lasts(); !lasts) return std::unexpected(lasts.error());
  if (!certificate_.empty()) return why_certificate();
  if (no_tls_) {
    return trouble("tls", "the TLS handshake failed",
                   std::string(look_at_the_log) +
                       "; where tls.client_certificates is \"require\" nobody logs in with a "
                       "password");
  }
  if (!refusal_.empty()) {
    const auto stanza = parsed(context_.get(), refusal_);
    const auto [condition, text] = condition_in(Element(stanza), XMPP_NS_SASL);
    return trouble(condition.empty() ? "not-authorized" : condition,
                   "the log-in was refused" + (text.empty() ? "" : ": " + text),
                   "a rule may do that (Kind(\"login\") in the policy; valisectl policy list), or scram.mechanisms "
                   "offers nothing that libstrophe knows");
  }
  if (!stream_error_.empty()) {
    return trouble("stream-error", "the server ended the stream (" + stream_error_ + ")", look_at_the_log);
  }
  return trouble("stream-ended", library_.empty() ? "the server closed the connection" : shown(library_),
                 look_at_the_log);
}

void Stream::leave(const Patience& patience) {
  if (!bound_ || ended_) return;
  xmpp_disconnect(connection_.get());
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (!ended_ && std::chrono::steady_clock::now() < end && turn(patience, a_while)) {
  }
}

void Stream::send(std::string_view xml) { xmpp_send_raw(connection_.get(), xml.data(), xml.size()); }

bool Stream::has(const std::function<bool(Element)>& is_wanted) const {
  return std::ranges::any_of(waiting_, [&](const Stanza& stanza) { return is_wanted(Element(stanza)); });
}

Outcome<Stanza> Stream::receive(const std::function<bool(Element)>& is_wanted, const Patience& patience) {
  for (;;) {
    const auto found = std::ranges::find_if(waiting_, [&](const Stanza& stanza) { return is_wanted(Element(stanza)); });
    if (found != waiting_.end()) {
      auto stanza = std::move(*found);
      waiting_.erase(found);
      return stanza;
    }
    if (auto turned = turn(patience, a_while); !turned) return std::unexpected(turned.error());
  }
}

Outcome<Stanza> Stream::ask(std::string_view type, const std::string& to, const std::string& payload,
                            const Patience& patience) {
  const auto id = "selftest-" + std::to_string(++questions_);
  std::string iq;
  xml::Writer(iq).open("iq").attribute("type", type).attribute("id", id).attribute_if("to", to).raw(payload).close();
  send(iq);
  auto answer = receive(
      [&](Element stanza) {
        const auto kind = stanza.attribute("type");
        return stanza.name() == "iq" && stanza.attribute("id") == id && (kind == "result" || kind == "error");
      },
      patience);
  if (!answer) return answer;
  if (Element(*answer).attribute("type") == "result") return answer;
  return std::unexpected(error_in(Element(*answer), ""));
}

Outcome<> Stream::fence(const Patience& patience) {
  const auto answer = ask("get", host_, "<ping xmlns='urn:xmpp:ping'/>", patience);
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Trouble error_in(Element stanza, std::string remedy) {
  auto [condition, text] = condition_in(stanza.child("error", XMPP_NS_CLIENT), stanza_errors);
  if (condition.empty()) condition = "undefined-condition";
  if (text.empty()) text = "the server refused without a text";
  return {std::move(condition), std::move(text), std::move(remedy)};
}

}  // namespace valise::ctl::selftest
