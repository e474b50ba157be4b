// What may wait, or be left out, while nobody looks at a client (XEP-0352 §3.2). Pure.
#pragma once

#include <cstdint>
#include <string>

#include "core/stanza.hpp"

namespace valise::modules::csi {

enum class Urgency : std::uint8_t {
  now,            // a person or a program waits for it, or it changes what is stored
  waits,          // until the client is active, or something has to go
  means_nothing,  // once it is late
};

struct Judgement {
  Urgency urgency = Urgency::now;
  std::string about;  // of what waits: a later one about the same replaces it
};

// `client`: full address of the client.
[[nodiscard]] Judgement judge(const core::Stanza& stanza, const core::Jid& client);

}  // namespace valise::modules::csi
