// TLS for servers by ANSSI's recommendations (SDE-NT-35): the contexts of all hosts as one immutable snapshot, swapped
// whole when certificates are reloaded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/ref.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/client_certificate.hpp"
#include "net/tls/openssl_ptr.hpp"
#include "net/tls/ticket_keys.hpp"

namespace valise::net {

struct HostCertificate {
  std::string host;  // as in DNS: ASCII, A-labels
  std::string certificate_file;
  std::string key_file;
  ClientCertificates clients;  // what is asked of them
};

struct TlsSettings {
  std::vector<HostCertificate> hosts;  // the first one answers names that nobody here has
  // XEP-0368. A client without ALPN is welcome; one that names others only is not.
  std::vector<std::string> alpn = {"xmpp-client"};
  bool tls12 = true;  // besides 1.3
};

enum class Speaks : std::uint8_t { settings, http };

// Fixed after load; any thread. A connection that was begun with it goes on when the snapshot is gone.
class TlsContexts : public RefCounted<TlsContexts> {
 public:
  // Reads every file anew. On any error nothing changes for whoever holds an older snapshot. `tickets` outlives
  // reloads, so that clients resume across them.
  [[nodiscard]] static Result<Ref<const TlsContexts>> load(const TlsSettings& settings,
                                                           std::shared_ptr<TicketKeys> tickets);

  // A server's SSL object in accept state, without BIO; nullptr when memory is short. A client that names no host of
  // ours by SNI gets the certificate of `host` (as in HostCertificate), or the first host's. By ALPN it speaks what the
  // settings name, or, with Speaks::http, http/1.1 and nothing else.
  [[nodiscard]] SslPtr new_session(std::string_view host = {}, Speaks speaks = Speaks::settings) const;
  // Whether the certificate that the client of `ssl` has shown, to whichever snapshot, is one by the authorities and
  // lists of this one. After the handshake.
  [[nodiscard]] bool accepts_client(const SSL* ssl) const;
  // One entry a host, in the order of the settings: expiry dates for warnings.
  [[nodiscard]] const std::vector<CertificateInfo>& certificates() const noexcept { return certificates_; }
  // Of all hosts: their ends for warnings.
  [[nodiscard]] const std::vector<RevocationList>& revocation_lists() const noexcept { return lists_; }
  // "host: authority" of whom no list is there though the host looks at lists.
  [[nodiscard]] const std::vector<std::string>& without_list() const noexcept { return without_list_; }

 private:
  friend class RefCounted<TlsContexts>;
  TlsContexts() = default;
  [[nodiscard]] SSL_CTX* context_of(std::string_view host) const;  // null: no host of ours
  ~TlsContexts() = default;

  SslContextPtr default_;
  std::vector<CertificateInfo> certificates_;
  std::vector<RevocationList> lists_;
  std::vector<std::string> without_list_;
};

}  // namespace valise::net
