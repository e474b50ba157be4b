// OMEMO on the wire, both versions: what is published, what is sent, and how it is read back. docs/sealed.md §2 and
// §3.7 tell what the server takes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "selftest/device.hpp"
#include "selftest/outcome.hpp"
#include "selftest/stanza.hpp"
#include "selftest/version.hpp"

namespace valise::ctl::selftest {

// An item of a publish-subscribe node (XEP-0060, XEP-0163), as clients publish it.
struct Publication {
  std::string node;
  std::string item;
  std::string payload;
  bool many_items = false;  // the node holds one of each device
};

[[nodiscard]] Publication device_list(Version version, std::uint32_t device);
[[nodiscard]] Publication bundle(Version version, std::uint32_t device, const Bundle& bundle);
// <pubsub/> for an iq: with publish-options (XEP-0060 §7.1.5), and the request for what somebody published.
[[nodiscard]] std::string publish(const Publication& publication);
[[nodiscard]] std::string request_of(const Publication& publication);

// A <message/> with the sealed element and what stands beside it in clients.
[[nodiscard]] std::string message(Version version, const std::string& to, const std::string& id, const Sealed& sealed);
// What is sealed: the text itself, or in omemo:2 an envelope around it (XEP-0420).
[[nodiscard]] std::string content(Version version, const std::string& from, const std::string& to,
                                  const std::string& text);

// Of the answer to request_of: <iq/> to the devices, or to the bundle.
[[nodiscard]] Outcome<std::vector<std::uint32_t>> read_device_list(Version version, Element iq);
[[nodiscard]] Outcome<Bundle> read_bundle(Version version, Element iq);
[[nodiscard]] Outcome<Sealed> read_message(Version version, Element message);
// The text in what was sealed for `to` by `from`.
[[nodiscard]] Outcome<std::string> read_content(Version version, const std::string& content, const std::string& from,
                                                const std::string& to, xmpp_ctx_t* context);

}  // namespace valise::ctl::selftest
