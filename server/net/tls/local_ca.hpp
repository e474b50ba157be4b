// A certificate authority for one machine: `./dev run`, tests, and closed networks without a CA of their own.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "net/tls/openssl_ptr.hpp"

namespace valise::net {

class LocalCa {
 public:
  // Reads ca.crt and ca.key from `folder`, or makes the folder (0700) and both: P-256, ten years, may sign no other CA.
  // Fails if only one of the two is there, or they don't belong together.
  [[nodiscard]] static Result<LocalCa> open(const std::string& folder);

  struct Request {
    std::vector<std::string> names;  // DNS names or IP addresses; the first is the subject
    std::string certificate_file;    // the host's certificate, then the CA's
    std::string key_file;
    unsigned days = 825;
  };
  // A fresh P-256 key and its certificate for servers (and, for federation, clients). Replaces the files, each in one
  // step; keys get mode 0600, certificates 0644 before umask.
  [[nodiscard]] Result<> issue(const Request& request) const;

  [[nodiscard]] const std::string& certificate_file() const noexcept { return certificate_file_; }

 private:
  LocalCa() = default;
  CertificatePtr certificate_;
  KeyPtr key_;
  std::string certificate_file_;
};

}  // namespace valise::net
