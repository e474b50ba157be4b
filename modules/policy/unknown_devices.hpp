// The fact `unknown_devices`: for how many devices a message is sealed that neither its sender's nor its recipient's
// device list names. The lists live on two shards, so it takes two steps.
#pragma once

#include "core/flow.hpp"
#include "modules/pep/devices.hpp"

namespace valise::modules {

// At the sender: keeps in the flow what the sender's own lists do not name.
void note_foreign_devices(core::Flow& flow, const DeviceLists& lists);
// At the recipient: how many of these his lists do not name either.
[[nodiscard]] std::uint32_t count_unknown_devices(const core::Flow& flow, const DeviceLists& lists);

}  // namespace valise::modules
