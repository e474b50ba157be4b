// XEP-0203: the stamp of what comes later than it was sent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::core {

// `by`: the host that says so; `since_ms`: UTC.
[[nodiscard]] inline std::string delay(std::string_view by, std::int64_t since_ms) {
  std::string out;
  xml::Writer(out).open("delay", ns::delay).attribute("from", by).attribute("stamp", format_utc_ms(since_ms)).close();
  return out;
}

}  // namespace valise::core
