// What rules see of a stanza and of the session that acts.
#pragma once

#include "core/session.hpp"
#include "core/stanza.hpp"
#include "core/text.hpp"
#include "policy/facts.hpp"

namespace valise::modules {

[[nodiscard]] policy::Party party(const core::Jid& jid);
[[nodiscard]] policy::Event event_of(const core::Stanza& stanza);
// `to`: null for a stanza to nobody yet. The facts look into both.
void fill(policy::Facts& facts, const core::Stanza& stanza, const core::Jid* to, policy::Direction direction,
          core::Language language);
void fill_session(policy::Facts& facts, std::string_view address, std::string_view mechanism, std::string_view tls);
void fill_session(policy::Facts& facts, const core::Session& session);

}  // namespace valise::modules
