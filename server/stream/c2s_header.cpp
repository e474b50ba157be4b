// How a stream opens (RFC 6120 §4.2, §4.3, §4.7): the two headers and the features.
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "base/crypto.hpp"
#include "core/namespaces.hpp"
#include "stream/c2s.hpp"
#include "stream/host.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace {

// RFC 6120 §4.7.5: compared as numbers, leading zeros ignored.
using Version = std::pair<std::uint32_t, std::uint32_t>;
constexpr Version ours{1, 0};

std::optional<std::uint32_t> parse_number(std::string_view digits) {
  std::uint32_t value = 0;
  const auto* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, value);
  if (rest != end || error == std::errc::invalid_argument) return std::nullopt;
  return error == std::errc::result_out_of_range ? std::numeric_limits<std::uint32_t>::max() : value;
}

std::optional<Version> parse_version(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto major = parse_number(text.substr(0, dot));
  const auto minor = parse_number(text.substr(dot + 1));
  if (!major || !minor) return std::nullopt;
  return Version{*major, *minor};
}

std::string text_of(const Version& version) {
  return std::to_string(version.first) + "." + std::to_string(version.second);
}

std::optional<core::Jid> address(std::string_view text) {
  auto jid = core::Jid::parse(text);
  if (!jid) return std::nullopt;
  return std::move(*jid);
}

}  // namespace

void C2s::send_header(std::string_view version) {
  if (header_sent_) return;
  header_sent_ = true;
  connection_.open({.id = crypto::random_hex(16),
                    // RFC 6120 §4.7.1: always; the first host speaks where the client has named none of ours.
                    .from = domain_.empty() ? shard().settings().default_host : domain_,
                    .to = header_from_,
                    .version = std::string(version),
                    .lang = std::string(core::tag_of(language_))});
}

// Each header stands for itself: nothing of it outlives a restart but the host, once somebody has logged in there.
void C2s::on_header(const xml::StreamHeader& header) {
  const auto& settings = shard().settings();
  const auto to = header.to.empty() ? std::nullopt : address(header.to);
  const auto* local = to && to->full() == to->domain() ? settings.host(to->domain()) : nullptr;
  if (local != nullptr && domain_.empty()) domain_ = local->name;
  const auto* speaker = settings.host(domain_.empty() ? settings.default_host : domain_);
  language_ = core::language_of(header.lang, speaker == nullptr ? core::Language::english : speaker->language);
  lang_ = core::is_language_tag(header.lang) ? header.lang : std::string();
  const auto from = header.from.empty() ? std::nullopt : address(header.from);
  header_from_ = from ? from->bare() : std::string();
  const auto version = parse_version(header.version);
  // RFC 6120 §4.9.1.2: the answer to a header with faults still is a header, then the error.
  send_header(header.version.empty() ? "" : version && *version < ours ? text_of(*version) : "1.0");
  if (header.ns != ns::stream || header.content_ns != ns::client) {
    return stream_error("invalid-namespace", "a client stream is <stream:stream xmlns='jabber:client' …>");
  }
  if (header.name != "stream") return stream_error("bad-format", "the root element is not <stream/>");
  if (header.stream_prefix != "stream") return stream_error("bad-namespace-prefix", "the prefix must be 'stream'");
  if (!to || (!from && !header.from.empty())) {
    return stream_error("improper-addressing", "'to' is the domain of a host, 'from' an address or absent");
  }
  if (local == nullptr || local->name != domain_) {
    return stream_error("host-unknown", "this server does not serve that domain");
  }
  if (!host_->web().may_speak(connection_.origin(), local->name)) {  // docs/security.md §2
    return stream_error("policy-violation", "pages of this origin may not log in here");
  }
  if (!version || *version < ours) return stream_error("unsupported-version", "version 1.0 or later");
  if (state_ == State::secured && from && from->domain() != domain_) {  // XEP-0388 §2.1
    return stream_error("invalid-from", "'from' is an address of another domain than 'to'");
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
      if (!login_->possible()) return stream_error("not-authorized", "this host asks for a client certificate");
      out += login_->features();
      out += shard().stream_features_before_login(domain_);
      out += login_->config_version(out);
      break;
    case State::bound:  // XEP-0386 bound it
      if (!live_->managed()) out += "<sm xmlns='urn:xmpp:sm:3'/>";
      out += shard().stream_features(domain_);
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
