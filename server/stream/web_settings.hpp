// What streams of browsers read of the configuration: one immutable snapshot, resolved per host.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/ref.hpp"
#include "core/settings.hpp"

namespace valise::stream {

struct WebSettings : RefCounted<WebSettings> {
  core::TextMap<std::vector<std::string>> origins;  // by host: of pages that may log in there (RFC 6454); "*": all
  // XEP-0124: the longest that a request is held, that a client has none open, that it may pause.
  unsigned bosh_wait_s = 60;
  unsigned bosh_inactivity_s = 60;
  unsigned bosh_pause_s = 120;

  // What is no page of a browser has no origin, and no key of somebody else's to misuse.
  [[nodiscard]] bool may_speak(std::string_view origin, std::string_view host) const {
    const auto found = origins.find(host);
    return origin.empty() || (found != origins.end() && std::ranges::any_of(found->second, [&](const auto& one) {
                                return one == "*" || one == origin;
                              }));
  }
};

}  // namespace valise::stream
