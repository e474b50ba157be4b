// Private to this folder: where something stands in a policy, which may be made of several files (include).
#pragma once

#include <string>

namespace valise::policy {

struct Place {
  unsigned line = 0;  // 0: not known
  unsigned file = 0;  // index of State::files; 0: the policy's own
  [[nodiscard]] auto operator<=>(const Place&) const = default;
};

// What is wrong, and where.
struct Fault {
  Place place;
  std::string text;
};

}  // namespace valise::policy
