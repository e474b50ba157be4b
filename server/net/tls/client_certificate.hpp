// Certificates that clients show (RFC 6120 §13.7.2.2, XEP-0178 §2): whom a host trusts to issue them, and what one says
// about its owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "net/tls/openssl_ptr.hpp"

typedef struct ssl_st SSL;

namespace valise::net {

// What one host asks for.
struct ClientCertificates {
  std::string ca_file;    // PEM, one or several authorities: nobody else is trusted. Empty: no certificate is asked for
  std::string crl_file;   // PEM, one or several revocation lists; empty: none are looked at
  bool required = false;  // the handshake fails without a valid one
};

// A revocation list, for warnings.
struct RevocationList {
  std::string host;
  std::string issuer;
  std::int64_t next_update_ms = 0;  // since 1970, UTC; 0: it does not say, and counts as one that has run out
};

struct ClientTrust {
  StorePtr store;  // the authorities, their lists and how a chain is checked
  NamesPtr names;  // of the authorities, for the CertificateRequest
  std::vector<RevocationList> lists;
  std::vector<std::string> without_list;  // authorities with no list in the file: what they issued is refused
};

// Reads both files. Fails with a text that names the file: `not_found`, `denied`, `invalid` (no certificate, one that
// is no authority, no list, anything damaged). A list that has run out is no failure: it lets nobody in.
[[nodiscard]] Result<ClientTrust> load_client_trust(const std::string& host, const ClientCertificates& files);

// Checks the peer's chain (`context`: as OpenSSL gives it to a verify callback) against its store: purpose client
// authentication; with lists, those of the certificate itself and of every intermediate that the peer sent. False: the
// context's error says why. The certificate of an authority needs no list: it is trusted because the administrator
// says so (RFC 5280 §6.1.1 (d)).
[[nodiscard]] bool verify_client_chain(X509_STORE_CTX* context);

// Names in the subjectAltName, as they stand there: text that is not checked in any way but for what is said here.
struct ClientNames {
  std::vector<std::string> xmpp;   // id-on-xmppAddr (RFC 6120 §13.7.1.4), UTF-8
  std::vector<std::string> email;  // rfc822Name
  friend bool operator==(const ClientNames&, const ClientNames&) = default;
};

// Leaves out names of another type than their kind demands, with a NUL, empty or longer than a JID can be. Empty if
// there are more than 64 of them, or more than one subjectAltName.
[[nodiscard]] ClientNames names_of(const X509* certificate);

// The names in the certificate of the other end. nullopt unless its host asks for certificates, this very handshake
// (not one that was resumed) brought one, and it was found valid.
[[nodiscard]] std::optional<ClientNames> client_names(const SSL* ssl);

}  // namespace valise::net
