// One search in an LDAP directory: connected, over TLS unless the caller says otherwise, bound, answered page by page
// (RFC 2696), and gone again. It blocks, for a thread of its own; each step is bounded, and what a directory says is
// hostile: bounded in number and size, and not looked into.
#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace valise::ldap {

struct Search {
  enum class Security : std::uint8_t { tls, start_tls, none };
  std::string uri;  // of one server
  Security security = Security::tls;
  std::string ca_file;                 // of tls and start_tls
  std::string bind_dn, password_file;  // both empty: nobody logs in
  std::string base, filter, attribute;
  std::chrono::milliseconds timeout{10'000};  // to be reached, with TLS; and again for all answers together
  std::size_t page = 500;                     // entries
  std::size_t most_entries = 200'000;
  std::size_t most_bytes = std::size_t{32} << 20;  // of all values together
};

// Values of the attribute in all entries found, in no order, as the directory gave them. All or nothing: an answer that
// was cut is an error. Errors: invalid (files, password, what the directory refuses), limit, unavailable; their texts
// hold nothing that the directory said beside the name of the error.
[[nodiscard]] Result<std::vector<std::string>> values_of(const Search& search, const std::stop_token& stop);

}  // namespace valise::ldap
