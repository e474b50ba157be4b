// The addresses that one account has blocked, in memory with the account, and the changes that are under way. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/session.hpp"
#include "core/stanza.hpp"
#include "xml/document.hpp"

namespace valise::modules::blocking {

inline constexpr std::string_view ns_blocking = "urn:xmpp:blocking";
// What a store takes as a name; an address can have 3,071 bytes.
inline constexpr std::size_t longest_address = 2'047;

// The addresses of the <item/>s, prepared, each once, in their order. Errors: `bad-request` for an element that is no
// item and an item without an address, `jid-malformed`, `not-acceptable` for an address that is too long to keep.
[[nodiscard]] std::expected<std::vector<std::string>, core::StanzaError> parse_items(xml::Element command);

class Blocklist final : public core::Part {
 public:
  using Addresses = std::set<std::string, std::less<>>;
  struct Change {
    std::uint64_t number = 0;
    bool adds = false;  // else it removes
    std::vector<std::string> addresses;
  };

  Blocklist() = default;
  explicit Blocklist(Addresses addresses) : addresses_(std::move(addresses)) {}

  // XEP-0191 §5: the very address, its bare address, its domain. `jid` is normalised.
  [[nodiscard]] bool matches(std::string_view jid) const noexcept;
  [[nodiscard]] const Addresses& addresses() const noexcept { return addresses_; }

  // As it will be when all that is under way became durable.
  [[nodiscard]] Addresses will_be() const;
  // How many it would then hold with these added to it.
  [[nodiscard]] std::size_t size_with(const std::vector<std::string>& more) const;
  // What the store may hold, whatever becomes of what is under way.
  [[nodiscard]] Addresses may_be() const;
  // Nothing is under way, and the address is in the store.
  [[nodiscard]] bool surely_holds(std::string_view address) const {
    return under_way_.empty() && addresses_.contains(address);
  }

  // A change is handed to the committer; the number names it …
  [[nodiscard]] std::uint64_t begin(bool adds, std::vector<std::string> addresses);
  // … and is back. Only what became durable changes what is blocked.
  void end(std::uint64_t number, bool durable);

 private:
  Addresses addresses_;
  std::deque<Change> under_way_;
  std::uint64_t numbers_ = 0;
};

}  // namespace valise::modules::blocking
