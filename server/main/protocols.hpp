// The specifications that this server implements, from the kernel's own list and the modules' manifests.
#pragma once

#include <string>

namespace valise {

// One Markdown table, in the order of document numbers. Kept as docs/protocol.md.
[[nodiscard]] std::string describe_protocols();

}  // namespace valise
