// <authenticate/> (XEP-0388 §2.3) as values: what a client says of itself, and all that it asks for beside the log-in.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/auth/mechanism.hpp"
#include "core/jid/jid.hpp"
#include "xml/document.hpp"

namespace valise::stream {

// `software` and `device` are cut at 128 bytes.
struct Authenticate {
  std::string mechanism;
  std::optional<std::string> initial_response;  // base64
  std::string agent;                            // the user agent's id, lower case; empty: none
  std::string software, device;
  bool fast = false;                          // XEP-0484 §3.4: the mechanism takes a token
  std::optional<std::uint32_t> count;         // … of the attempt
  bool invalidate = false;                    // §3.6
  std::string wants_token;                    // §3.2: for this mechanism; empty: none
  std::vector<std::string> upgrades;          // XEP-0480 §2.2: tasks
  std::optional<std::string> config_version;  // XEP-0509 §2.2

  xml::DocumentPtr element;                   // the whole: resume() and bind() look into it
  [[nodiscard]] xml::Element resume() const;  // XEP-0198 §9.2
  [[nodiscard]] xml::Element bind() const;    // XEP-0386 §3.2
};

// Fails with malformed_request.
[[nodiscard]] core::auth::Outcome<Authenticate> parse_authenticate(xml::Element element);

// XEP-0386 §3.2.1: tag/generated, or what is generated alone where the tag can't stand in an address. The same client
// gets the same one each time; without an agent it is random. `account`: bare.
[[nodiscard]] std::string generate_resource(std::string_view secret, const core::Jid& account, std::string_view agent,
                                            std::string_view tag);

}  // namespace valise::stream
