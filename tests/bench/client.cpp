#include "client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace valise::bench {

namespace {

// The text between the first '>' and the last '<' of an element without child elements.
std::string_view content(std::string_view element) noexcept {
  const auto open = element.find('>');
  const auto close = element.rfind('<');
  if (open == std::string_view::npos || close <= open) return {};
  return element.substr(open + 1, close - open - 1);
}

bool offers(std::string_view features, std::string_view mechanism) {
  return features.find(fmt::format(">{}</mechanism>", mechanism)) != std::string_view::npos;
}

std::size_t occurrences(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

// The first element of that name inside another, from its start tag on; empty: there is none.
std::string_view inner(std::string_view element, std::string_view name) {
  const auto at = element.find(fmt::format("<{}", name));
  return at == std::string_view::npos ? std::string_view() : element.substr(at);
}

std::string new_agent() {
  auto hex = crypto::random_hex(16);
  hex[12] = '4';
  hex[16] = '8';
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

std::string excerpt(std::string_view element) { return std::string(element.substr(0, 300)); }

}  // namespace

Client::Client(Network& network, const ClientSettings& settings, SaltedPasswords& cache, Account account,
               std::string resource)
    : network_(network),
      settings_(settings),
      cache_(cache),
      account_(std::move(account)),
      resource_(std::move(resource)),
      link_(network, *this),
      agent_(new_agent()) {}

void Client::connect(Goal goal) {
  goal_ = goal;
  step_ = Step::connecting;
  secure_ = authenticated_ = needs_session_ = bound_ = managed_ = resumed_session_ = false;
  round_trips_ = 0;
  partial_.clear();
  scanner_.restart();
  const int port_offset = settings_.raw ? static_cast<int>(pair % static_cast<std::size_t>(settings_.relay_ports)) : 0;
  if (auto connected = link_.connect(port_offset); !connected) give_up(connected.error().text);
}

void Client::close(bool polite) {
  if (polite && link_.open() && !settings_.raw) {
    // XEP-0198 §4: else what came last counts as not delivered, and the next scenario gets it once more.
    if (managed_) acknowledge();
    link_.send("</stream:stream>");
  }
  link_.close(polite);
  step_ = Step::idle;
}

void Client::give_up(const std::string& why) {
  link_.close(false);
  step_ = Step::idle;
  if (on_failed) on_failed(*this, fmt::format("{}: {}", account_.user, why));
}

void Client::on_lost(const std::string& why) { give_up(why); }

void Client::on_connected() {
  if (settings_.direct_tls || settings_.raw) {
    step_ = Step::tls;
    return link_.start_tls(settings_.domain, settings_.direct_tls);
  }
  open_stream();
}

void Client::on_secured() {
  secure_ = true;
  if (!settings_.raw) return open_stream();
  scanner_.skip_header();
  link_.send(fmt::format("P{}\n", pair));
  become_ready();
}

void Client::open_stream() {
  scanner_.restart();
  step_ = Step::features;
  ask(
      fmt::format("<?xml version='1.0'?><stream:stream to='{}' version='1.0' xml:lang='en' xmlns='jabber:client' "
                  "xmlns:stream='http://etherx.jabber.org/streams'>",
                  settings_.domain));
}

void Client::on_bytes(std::string_view bytes) {
  // Whole elements are handed out from the link's buffer; only an incomplete rest is copied.
  std::string joined;
  if (!partial_.empty()) {
    joined = std::move(partial_);
    joined.append(bytes);
    partial_.clear();
    bytes = joined;
  }
  std::size_t position = 0;
  std::string_view text;
  while (link_.open()) {
    switch (scanner_.next(bytes, position, text)) {
      case Piece::header:
        break;
      case Piece::element:
        handle(text);
        break;
      case Piece::end:
        return give_up("the server closed the stream");
      case Piece::broken:
        return give_up("cannot read: " + excerpt(bytes.substr(position)));
      case Piece::more:
        if (position < bytes.size())
          partial_.assign(bytes.substr(position));
        else if (partial_.capacity() > 0)
          std::string().swap(partial_);
        return;
    }
  }
}

void Client::ask(std::string_view xml) {
  ++round_trips_;
  link_.send(xml);
}

void Client::handle(std::string_view element) {
  if (managed_) {
    const auto name = element_name(element);
    if (name == "r") return link_.send(fmt::format("<a xmlns='urn:xmpp:sm:3' h='{}'/>", handled_));
    if (name == "a") {
      const auto h = attribute(element, "h");
      std::from_chars(h.data(), h.data() + h.size(), acknowledged_);
      return;
    }
    if (name == "iq" || name == "message" || name == "presence") ++handled_;
  }
  if (step_ == Step::ready) return handle_ready(element);
  const auto name = element_name(element);
  if (name == "stream:error") return give_up(excerpt(element));
  switch (step_) {
    case Step::features:
      return handle_features(element);
    case Step::proceed:
      if (name != "proceed") return give_up(excerpt(element));
      step_ = Step::tls;
      return link_.start_tls(settings_.domain, false);
    case Step::sasl:
      return handle_sasl(element);
    case Step::bind:
      if (name != "iq") return;
      if (attribute(element, "type") != "result") return give_up(excerpt(element));
      if (needs_session_) {  // RFC 3921 §3; optional or absent in servers of RFC 6121
        step_ = Step::session;
        return ask("<iq type='set' id='session'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>");
      }
      return become_available();
    case Step::session:
      if (name == "iq") become_available();
      return;
    case Step::manage:
      return handle_management(element);
    case Step::presence:
      if (name == "iq" && attribute(element, "id") == "available") return become_ready();
      if (name != "iq" || attribute(element, "id") != "roster") return handle_ready(element);  // offline messages
      roster_items_ = occurrences(element, "<item ");
      return;
    default:
      return give_up("unexpected: " + excerpt(element));
  }
}

void Client::handle_features(std::string_view features) {
  const auto has = [&](std::string_view what) { return features.find(what) != std::string_view::npos; };
  if (element_name(features) != "stream:features") return give_up(excerpt(features));
  if (!secure_) {
    if (!has("<starttls")) return give_up("no STARTTLS offered");
    step_ = Step::proceed;
    return ask("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
  }
  if (goal_ == Goal::registers) {
    if (!has("http://jabber.org/features/iq-register")) return give_up("no in-band registration offered");
    return become_ready();
  }
  if (!authenticated_) return authenticate(features);
  if (bound_) return become_available();
  needs_session_ = false;
  if (const auto at = features.find("<session"); at != std::string_view::npos) {
    needs_session_ = features.substr(at, 120).find("<optional/>") == std::string_view::npos;
  }
  offers_management_ = has("urn:xmpp:sm:3");
  resume_or_bind();
}

void Client::resume_or_bind() {
  if (settings_.manage && offers_management_ && !resumption_id_.empty()) {
    step_ = Step::manage;
    return ask(fmt::format("<resume xmlns='urn:xmpp:sm:3' h='{}' previd='{}'/>", handled_, resumption_id_));
  }
  step_ = Step::bind;
  ask(
      fmt::format("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{}</resource>"
                  "</bind></iq>",
                  resource_));
}

void Client::authenticate(std::string_view features) {
  struct Choice {
    std::string_view name;
    crypto::Hash hash;
  };
  static constexpr std::array<Choice, 3> scram{{{"SCRAM-SHA-1", crypto::Hash::sha1},
                                                {"SCRAM-SHA-512", crypto::Hash::sha512},
                                                {"SCRAM-SHA-256", crypto::Hash::sha256}}};
  step_ = Step::sasl;
  sasl2_ = settings_.login != "classic" && features.find("urn:xmpp:sasl:2") != std::string_view::npos;
  if (sasl2_ && authenticate_by_token()) return;
  for (const auto& choice : scram) {
    if (settings_.mechanism != "auto" && settings_.mechanism != choice.name) continue;
    if (!offers(features, choice.name)) continue;
    scram_ = std::make_unique<ScramClient>(choice.hash, account_.user, account_.password, cache_);
    if (sasl2_) {
      return ask(
          fmt::format("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='{}'><initial-response>{}</initial-response>{}"
                      "</authenticate>",
                      choice.name, crypto::base64_encode(scram_->first()), wishes()));
    }
    return ask(fmt::format("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{}'>{}</auth>", choice.name,
                           crypto::base64_encode(scram_->first())));
  }
  if (settings_.mechanism == "PLAIN" || (settings_.mechanism == "auto" && offers(features, "PLAIN"))) {
    const auto plain = std::string(1, '\0') + account_.user + std::string(1, '\0') + account_.password;
    return ask(fmt::format("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>",
                           crypto::base64_encode(plain)));
  }
  give_up("no common SASL mechanism: " + excerpt(features));
}

void Client::handle_sasl(std::string_view element) {
  const auto name = element_name(element);
  const auto data = crypto::base64_decode(content(element));
  if (name == "challenge" && scram_ && data) {
    auto answer = scram_->final(*data);
    if (!answer) return give_up(answer.error().text);
    const auto* ns = !sasl2_ ? "urn:ietf:params:xml:ns:xmpp-sasl" : "urn:xmpp:sasl:2";
    return ask(fmt::format("<response xmlns='{}'>{}</response>", ns, crypto::base64_encode(*answer)));
  }
  if (name == "success" && sasl2_) return handle_success_2(element);
  if (name != "success") return give_up(excerpt(element));
  if (scram_ && (!data || !scram_->verify(*data))) return give_up("SCRAM: the server's signature is wrong");
  scram_.reset();
  authenticated_ = true;
  open_stream();
}

// XEP-0484 §3.4.
bool Client::authenticate_by_token() {
  if (token_.empty()) return false;
  auto message = account_.user + std::string(1, '\0');
  message += crypto::hmac(crypto::Hash::sha256, token_, "Initiator");
  ask(
      fmt::format("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-NONE'><initial-response>{}"
                  "</initial-response><fast xmlns='urn:xmpp:fast:0'/>{}</authenticate>",
                  crypto::base64_encode(message), wishes()));
  return true;
}

std::string Client::wishes() const {
  auto out = fmt::format("<user-agent id='{}'><software>bench</software></user-agent>", agent_);
  const bool resumes = settings_.login == "resume";
  if (resumes && !resumption_id_.empty()) {
    out += fmt::format("<resume xmlns='urn:xmpp:sm:3' h='{}' previd='{}'/>", handled_, resumption_id_);
  }
  out += "<bind xmlns='urn:xmpp:bind:0'><tag>bench</tag>";
  if (resumes) out += "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";
  out += "</bind>";
  if (settings_.login != "sasl2" && token_.empty()) {
    out += "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>";
  }
  return out;
}

bool Client::logs_in_as_asked() const noexcept {
  if (settings_.login == "classic") return true;
  return sasl2_ && (settings_.login == "sasl2" || !token_.empty());
}

void Client::handle_success_2(std::string_view success) {
  const auto begin = inner(success, "additional-data");
  const auto data = crypto::base64_decode(content(begin.substr(0, begin.find("</") + 2)));
  if (scram_ ? !data || !scram_->verify(*data) : data != crypto::hmac(crypto::Hash::sha256, token_, "Responder")) {
    return give_up("the server's proof is wrong");
  }
  scram_.reset();
  if (const auto token = inner(success, "token"); !token.empty()) token_ = attribute(token, "token");
  authenticated_ = bound_ = true;
  if (!inner(success, "resumed").empty()) {
    managed_ = resumed_session_ = true;
    return become_ready();
  }
  if (const auto enabled = inner(success, "enabled"); !enabled.empty()) {
    managed_ = true;
    handled_ = sent_ = acknowledged_ = 0;
    resumption_id_ = attribute(enabled, "id");
  }
  step_ = Step::features;
}

// XEP-0198 §3, §5.
void Client::handle_management(std::string_view element) {
  const auto name = element_name(element);
  managed_ = true;
  if (name == "resumed") {
    resumed_session_ = true;
    return become_ready();
  }
  if (name != "enabled") return give_up(excerpt(element));
  handled_ = sent_ = acknowledged_ = 0;
  resumption_id_ = attribute(element, "id");
  become_available();
}

void Client::become_available() {
  if (settings_.manage && offers_management_ && !managed_) {
    step_ = Step::manage;
    return ask("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
  }
  if (goal_ == Goal::bound) return become_ready();
  step_ = Step::presence;
  sent_ += 3;
  ask(
      fmt::format("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>"
                  "<iq type='get' id='available' to='{}'><ping xmlns='urn:xmpp:ping'/></iq>",
                  settings_.domain));
}

void Client::become_ready() {
  step_ = Step::ready;
  if (on_ready) on_ready(*this);
}

void Client::handle_ready(std::string_view element) {
  const auto name = element_name(element);
  if (name == "stream:error") return give_up(excerpt(element));
  if (name == "iq") {
    const auto type = attribute(element, "type");
    if (type == "result" || type == "error") {
      if (on_answer) on_answer(*this, element);
    } else if (type == "get") {  // the server's pings must not end the session
      send(fmt::format("<iq type='result' id='{}' to='{}'/>", attribute(element, "id"), attribute(element, "from")));
    }
    return;
  }
  if (on_stanza) on_stanza(*this, element);
}

void Client::send_with_request(std::string_view xml) {
  ++sent_;
  link_.send(std::string(xml) + "<r xmlns='urn:xmpp:sm:3'/>");
}

void Client::request(std::string_view type, std::string_view inner, std::string_view to) {
  const auto address = to.empty() ? std::string() : fmt::format(" to='{}'", to);
  send(fmt::format("<iq type='{}' id='q{}'{}>{}</iq>", type, ++next_request_, address, inner));
}

void Client::acknowledge() {
  link_.send(fmt::format("<a xmlns='urn:xmpp:sm:3' h='{}'/><r xmlns='urn:xmpp:sm:3'/>", handled_));
}

void Client::fence() { request("get", "<ping xmlns='urn:xmpp:ping'/>", settings_.domain); }

void Client::register_account(const Account& account) {
  request("set", fmt::format("<query xmlns='jabber:iq:register'><username>{}</username><password>{}</password></query>",
                             account.user, account.password));
}

}  // namespace valise::bench
