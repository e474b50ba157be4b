// Certificates and private keys from PEM files, checked before anything uses them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "net/tls/openssl_ptr.hpp"

namespace valise::net {

struct CertificateInfo {
  std::string host;  // the name it was loaded for
  std::string subject;
  std::string issuer;
  std::int64_t not_before_ms = 0;  // since 1970, UTC
  std::int64_t not_after_ms = 0;
  std::string sha256;        // fingerprint, lower-case hexadecimal
  bool covers_host = false;  // a name in it matches `host` (RFC 6125)
};

struct KeyPair {
  CertificatePtr certificate;
  std::vector<CertificatePtr> chain;  // intermediates, as they stand in the file
  KeyPtr key;
  CertificateInfo info;
};

// A PEM file with the certificate first and its intermediates behind it; a PEM file with the key, not encrypted, that
// others than owner and group cannot read. Fails with a text that names the file and the remedy: `not_found`, `denied`
// (permissions), `invalid` (contents, key does not match).
[[nodiscard]] Result<KeyPair> load_key_pair(const std::string& host, const std::string& certificate_file,
                                            const std::string& key_file);

// A PEM file of authorities, as a client trusts them: at least one, all of them readable. Fails like load_key_pair.
[[nodiscard]] Result<> check_authorities(const std::string& file);

}  // namespace valise::net
