#include "net/tls/session.hpp"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>

#include "net/tls/context_data.hpp"

namespace valise::net {

TlsDescription describe(const SSL* ssl) {
  if (ssl == nullptr) return {};
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
  const auto* cipher = SSL_get_current_cipher(ssl);
  return {.version = SSL_get_version(ssl),
          .cipher = cipher == nullptr ? std::string_view() : SSL_CIPHER_get_name(cipher),
          .alpn = {reinterpret_cast<const char*>(alpn), alpn_size},
          .host = host_of(SSL_get_SSL_CTX(ssl)),
          .resumed = SSL_session_reused(ssl) == 1};
}

std::optional<std::string> exporter(SSL* ssl) {
  constexpr std::string_view label = "EXPORTER-Channel-Binding";
  if (SSL_is_init_finished(ssl) != 1) return std::nullopt;
  if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1) return std::nullopt;
  std::string out(32, '\0');
  // RFC 9266 §2: the context is there and empty, which TLS 1.2 tells from an absent one.
  const unsigned char no_context = 0;
  if (SSL_export_keying_material(ssl, reinterpret_cast<unsigned char*>(out.data()), out.size(), label.data(),
                                 label.size(), &no_context, 0, 1) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return out;
}

std::optional<std::string> tls_unique(const SSL* ssl) {
  if (SSL_is_init_finished(ssl) != 1 || SSL_version(ssl) != TLS1_2_VERSION) return std::nullopt;
  if (SSL_get_extms_support(const_cast<SSL*>(ssl)) != 1) return std::nullopt;  // the macro only asks
  std::string out(EVP_MAX_MD_SIZE, '\0');
  // The client speaks first in a full handshake, the server where a session is resumed.
  const auto size = SSL_session_reused(ssl) == 1 ? SSL_get_finished(ssl, out.data(), out.size())
                                                 : SSL_get_peer_finished(ssl, out.data(), out.size());
  if (size == 0 || size > out.size()) return std::nullopt;
  out.resize(size);
  return out;
}

std::optional<std::string> server_end_point(const SSL* ssl) {
  const auto* certificate = SSL_get_certificate(ssl);
  int digest = NID_undef;
  if (certificate == nullptr || OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, nullptr) != 1 ||
      digest == NID_undef) {
    return std::nullopt;
  }
  if (digest == NID_md5 || digest == NID_sha1) digest = NID_sha256;
  const auto* algorithm = EVP_get_digestbynid(digest);
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  if (algorithm == nullptr ||
      X509_digest(certificate, algorithm, reinterpret_cast<unsigned char*>(out.data()), &size) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  out.resize(size);
  return out;
}

}  // namespace valise::net
