// What the layers above want to know of one TLS connection.
#pragma once

#include <optional>
#include <string>
#include <string_view>

typedef struct ssl_st SSL;

namespace valise::net {

struct TlsDescription {
  std::string_view version;  // "TLSv1.3"
  std::string_view cipher;   // "TLS_AES_256_GCM_SHA384"
  std::string_view alpn;     // empty: none
  std::string_view host;     // whose certificate was shown
  bool resumed = false;
};

// After the handshake. The views live as long as `ssl`; null, where TLS ends at a proxy: nothing is known.
[[nodiscard]] TlsDescription describe(const SSL* ssl);

// RFC 9266: the channel binding tls-exporter, 32 bytes. nullopt before the end of the handshake, and on TLS 1.2 without
// the extended master secret, where the value would not name one connection (RFC 9266 §3).
[[nodiscard]] std::optional<std::string> exporter(SSL* ssl);

// RFC 5929 §3: the channel binding tls-unique, the first Finished message of this handshake. nullopt before its end, on
// TLS 1.3, for which it is not defined (RFC 8446 appendix C.5), and without the extended master secret, where another
// connection can be given the same value (RFC 7627 §1).
[[nodiscard]] std::optional<std::string> tls_unique(const SSL* ssl);

// RFC 5929 §4.1: the channel binding tls-server-end-point, a hash of the certificate that was shown. nullopt where its
// signature algorithm has no hash (Ed25519).
[[nodiscard]] std::optional<std::string> server_end_point(const SSL* ssl);

}  // namespace valise::net
