// The addresses that one account has blocked, in memory with the account, and the changes that are under way. Pure.
// A change costs what it names, however many are under way: a store that is away makes many of them wait.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
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
  // Whoever began it keeps it until it is back.
  struct Change {
    std::uint64_t number = 0;
    bool adds = false;                   // else it removes
    std::vector<std::string> addresses;  // each once
  };

  Blocklist() = default;
  explicit Blocklist(Addresses addresses) : addresses_(std::move(addresses)), coming_(addresses_.size()) {}

  // XEP-0191 §5: the very address, its bare address, its domain. `jid` is normalised.
  [[nodiscard]] bool matches(std::string_view jid) const noexcept;
  [[nodiscard]] const Addresses& addresses() const noexcept { return addresses_; }

  // As it will be when all that is under way became durable: all of it, …
  [[nodiscard]] std::vector<std::string> will_be() const;
  // … one address, …
  [[nodiscard]] bool will_hold(std::string_view address) const;
  // … how many it would then hold with these added to it.
  [[nodiscard]] std::size_t size_with(const std::vector<std::string>& more) const;
  // Whether the store may hold it, whatever becomes of what is under way.
  [[nodiscard]] bool may_hold(std::string_view address) const {
    return addresses_.contains(address) || pending_.contains(address);
  }
  // The store holds it, and nothing that is under way touches it.
  [[nodiscard]] bool surely_holds(std::string_view address) const {
    return addresses_.contains(address) && !pending_.contains(address);
  }

  // A change is handed to the committer …
  [[nodiscard]] Change begin(bool adds, std::vector<std::string> addresses);
  // … and is back. Only what became durable changes what is blocked.
  void end(const Change& change, bool durable);

 private:
  // Of one address, a change that is under way; the last one says what will be.
  struct Pending {
    std::uint64_t number;
    bool adds;
  };

  Addresses addresses_;
  std::map<std::string, std::vector<Pending>, std::less<>> pending_;
  std::size_t coming_ = 0;  // of how many addresses will_hold() is true
  std::uint64_t numbers_ = 0;
};

}  // namespace valise::modules::blocking
