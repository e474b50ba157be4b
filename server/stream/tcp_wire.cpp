#include "stream/tcp_wire.hpp"

#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::stream {

TcpWire::~TcpWire() = default;

Result<> TcpWire::start() {
  parser_.emplace(events(), xml::StreamLimits{});
  return connection_->start();
}

void TcpWire::open(const StreamOpening& opening) {
  std::string out = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='";
  out += core::ns::stream;
  out += "' id='" + opening.id + "' from='" + xml::escaped(opening.from) + "'";
  if (!opening.to.empty()) out += " to='" + xml::escaped(opening.to) + "'";  // RFC 6120 §4.7.2
  if (!opening.version.empty()) out += " version='" + opening.version + "'";
  out += " xml:lang='" + opening.lang + "'>";
  connection_->send(out);
}

void TcpWire::secure(SSL* ssl, bool behind) {
  auto tls = net::tls_transport(ssl, connection_->descriptor());
  if (behind) {
    next_tls_ = std::move(tls);
  } else {
    connection_->secure(std::move(tls));
  }
}

std::optional<std::size_t> TcpWire::take(std::string_view bytes) {
  const auto consumed = parser_->feed(bytes);
  if (consumed) return *consumed;
  events().on_fault(consumed.error());
  return std::nullopt;
}

// RFC 6120 §5.4.3.3, docs/security.md §2: whatever came in the clear behind <starttls/> is dropped.
bool TcpWire::turned() {
  if (!next_tls_) return false;
  connection_->secure(std::move(next_tls_));
  return true;
}

}  // namespace valise::stream
