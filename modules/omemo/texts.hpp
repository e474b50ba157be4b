// What people read when something unsealed is refused: one sentence that says what to do, in French and English.
#pragma once

#include <string_view>

#include "core/flow.hpp"

namespace valise::modules::omemo {

enum class Reason : std::uint8_t {
  plaintext,
  reaction,
  file,
  subject,
  malformed,
  label,  // the classification label is none of the sender's server
  service,
  device_unknown,   // the sending device is not in its account's list, or has published no keys
  device_identity,  // it has published another identity key
  no_device,        // no key is for a device of the recipient
  device_pending,   // the sending device waits for approval
  device_revoked,   // it was revoked
};

[[nodiscard]] std::string_view code_of(Reason reason) noexcept;
[[nodiscard]] core::Text text_of(Reason reason) noexcept;

// The refusal: policy-violation, type modify (wait, where it will do better later), one text, and the application
// condition <sealed-required xmlns='urn:valise:policy:0' reason='…'/>. Clients were seen to read other conditions as
// something else (rooms left, chats closed); this one displays well in all.
[[nodiscard]] core::Verdict refuse(Reason reason);

}  // namespace valise::modules::omemo
