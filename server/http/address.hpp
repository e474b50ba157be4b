// Who asks where a proxy stands between, and from which origin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/networks.hpp"
#include "http/message.hpp"

namespace valise::http {

// The field that the declared proxies set. The other one would come from strangers, so it counts for nothing.
enum class ProxyField : std::uint8_t { x_forwarded_for, forwarded };

// The client's address by the proxies' word: the last address in the field that is none of theirs. Each proxy adds
// behind what it was told, so only what a declared one added is believed. Nothing: they said nothing usable.
[[nodiscard]] std::optional<std::string> client_of(const Request& request, ProxyField field, const Networks& proxies);
// What the nearest proxy says of the client's connection to it: "https", "http", "" if it says nothing.
[[nodiscard]] std::string scheme_of(const Request& request, ProxyField field);

// An origin (RFC 6454 §6.1) in its one form: scheme and host in lower case, no port where it is the scheme's own.
// Nothing for what is no origin, "null" among it.
[[nodiscard]] std::optional<std::string> parse_origin(std::string_view text);

}  // namespace valise::http
