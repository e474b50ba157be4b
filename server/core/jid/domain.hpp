// The domain part of a JID: host name, IPv4 literal or [IPv6] literal (RFC 7622 §3.2).
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace valise::core {

// Appends the canonical form of `domain` to `out`: lower case, U-labels, one trailing dot removed, an IPv6 address as
// RFC 5952 writes it. A-labels become the U-labels they stand for (RFC 7622 §3.2.1), so that both spellings are one
// domain; an A-label that nameprep would turn into another name (IDNA 2008's sharp s) stays as it is, or its owner
// could pass for that other name. Fails with `invalid`; `out` is then unspecified.
[[nodiscard]] Result<> append_domain(std::string& out, std::string_view domain);

// The form that DNS, SNI and certificates want of a domain that append_domain or Jid::domain gave: A-labels. An address
// literal comes back without its brackets.
[[nodiscard]] std::string ascii_domain(std::string_view canonical);

}  // namespace valise::core
