// Which rows of the table of what passes (docs/sealed-table.md) are not as they are by default on a host.
#pragma once

#include <cstdint>

namespace valise::core {

struct Switches {
  std::uint32_t turned = 0;  // a bit each; modules/omemo/table knows which
  friend bool operator==(const Switches&, const Switches&) = default;
};

}  // namespace valise::core
