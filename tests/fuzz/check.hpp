// What must hold, in every build: a fuzz target has no use for an assert that is compiled out.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace fuzz {

// Aborts with `what` on standard error unless `holds`.
inline void check(bool holds, const char* what = "an invariant of this target is broken") {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

}  // namespace fuzz
