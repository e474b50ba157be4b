// How a stream opens (RFC 6120 §4.2, §4.3, §4.7): the two headers and the features.
#include "base/crypto.hpp"
#include "core/namespaces.hpp"
#include "stream/c2s.hpp"
#include "stream/host.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;

void C2s::send_header() {
  if (header_sent_) return;
  header_sent_ = true;
  std::string out = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='";
  out += ns::stream;
  out += "' id='" + crypto::random_hex(16) + "'";
  // RFC 6120 §4.7.1: always; the first host speaks where the client has named none of ours.
  out += " from='" + xml::escaped(domain_.empty() ? shard().settings().default_host : domain_) + "'";
  if (!header_from_.empty()) out += " to='" + xml::escaped(header_from_) + "'";  // RFC 6120 §4.7.2
  out += " version='1.0' xml:lang='";
  out += core::tag_of(language_);
  out += "'>";
  connection_.send(out);
}

void C2s::on_header(const xml::StreamHeader& header) {
  // RFC 6120 §4.7.1: the answer to a header with faults still is a header, then the error.
  const auto to = core::Jid::make({}, header.to);
  const auto* local = to && !header.to.empty() ? shard().host(to->domain()) : nullptr;
  if (local != nullptr && domain_.empty()) {
    domain_ = local->name;
    language_ = core::language_of(header.lang, local->language);
  } else if (!header.lang.empty()) {
    language_ = core::language_of(header.lang, language_);
  }
  if (const auto from = core::Jid::parse(header.from)) header_from_ = from->bare();
  send_header();
  if (header.ns != ns::stream || header.content_ns != ns::client) {
    return stream_error("invalid-namespace", "a client stream is <stream:stream xmlns='jabber:client' …>");
  }
  if (header.name != "stream") return stream_error("bad-format", "the root element is not <stream/>");
  if (header.stream_prefix != "stream") return stream_error("bad-namespace-prefix", "the prefix must be 'stream'");
  if (header.to.empty() || local == nullptr || local->name != domain_) {
    return stream_error("host-unknown", "this server does not serve that domain");
  }
  if (header.version.empty() || header.version[0] < '1' || header.version.find('.') == std::string::npos) {
    return stream_error("unsupported-version", "version 1.0 or later");
  }
  send_features();
}

void C2s::send_features() {
  std::string out = "<stream:features>";
  switch (state_) {
    case State::plain:
      out += "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
      break;
    case State::secured:
      if (!login_) login_ = std::make_unique<Login>(static_cast<LoginOwner&>(*this), host_->login_shared());
      out += login_->features();
      if (registration_offered()) out += "<register xmlns='http://jabber.org/features/iq-register'/>";
      break;
    default:
      out +=
          "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
          "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>"
          "<sm xmlns='urn:xmpp:sm:3'/>";
      out += shard().stream_features(domain_);
      break;
  }
  out += "</stream:features>";
  connection_.send(out);
}

}  // namespace valise::stream
