// The client's side of SCRAM (RFC 5802, RFC 7677) with the SaltedPasswords kept: PBKDF2 costs a client 0.9–2.2 ms, and
// would otherwise measure the generator instead of the server.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/crypto.hpp"
#include "base/error.hpp"

namespace valise::bench {

class SaltedPasswords {
 public:
  // Computes it on the first call for a user, hash, salt and iteration count.
  [[nodiscard]] const std::string& get(crypto::Hash hash, const std::string& user, const std::string& password,
                                       const std::string& salt, unsigned iterations);
  // One line an entry; the file is made for its owner alone. A file that is absent or foreign is ignored.
  void load(const std::string& path);
  void save(const std::string& path) const;
  [[nodiscard]] int computed() const noexcept { return computed_; }

 private:
  std::unordered_map<std::string, std::string> entries_;
  int computed_ = 0;
};

class ScramClient {
 public:
  ScramClient(crypto::Hash hash, std::string user, std::string password, SaltedPasswords& cache);

  [[nodiscard]] std::string first() const { return "n,," + first_bare_; }
  // Takes server-first-message, returns client-final-message; invalid when a field is missing or the nonce is foreign.
  [[nodiscard]] Result<std::string> final(std::string_view server_first);
  // True when the server's signature is right.
  [[nodiscard]] bool verify(std::string_view server_final) const;

 private:
  crypto::Hash hash_;
  std::string user_, password_;
  SaltedPasswords& cache_;
  std::string nonce_, first_bare_, server_signature_;
};

}  // namespace valise::bench
