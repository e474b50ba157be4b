// SASL EXTERNAL (RFC 4422 appendix A) for a client that has shown a certificate (XEP-0178 §2). The certificate itself
// is the work of net/tls; what comes here was in one that is valid.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/auth/mechanism.hpp"
#include "core/jid/jid.hpp"

namespace valise::core::auth {

// Names in a certificate as accounts, each once and in their order: those that are bare JIDs with a local part, at a
// domain that is `served`. What is anything else names nobody here.
[[nodiscard]] std::vector<Jid> certificate_accounts(std::span<const std::string> names,
                                                    const std::function<bool(std::string_view domain)>& served);

// Whether one of these accounts can log in at `host`: without one, EXTERNAL is not offered.
[[nodiscard]] bool has_account_of(std::span<const Jid> accounts, std::string_view host);

// The account of `host` that the client logs in to. `authzid`: the mechanism's message. A certificate for several
// accounts needs one (XEP-0178 §2, 11 b). Fails with invalid-authzid, or malformed-request for a NUL.
[[nodiscard]] Outcome<Jid> external_account(std::span<const Jid> accounts, std::string_view authzid,
                                            std::string_view host);

}  // namespace valise::core::auth
