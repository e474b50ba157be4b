#include "modules/blocking/blocklist.hpp"

#include <algorithm>

namespace valise::modules::blocking {
namespace {

using core::StanzaError;

const StanzaError bad_request{.type = StanzaError::Type::modify, .condition = "bad-request"};
const StanzaError malformed_address{.type = StanzaError::Type::modify, .condition = "jid-malformed"};
const StanzaError too_long{
    .type = StanzaError::Type::modify,
    .condition = "not-acceptable",
    .text = {"This address is too long to be kept.", "Cette adresse est trop longue pour être conservée."}};

}  // namespace

std::expected<std::vector<std::string>, StanzaError> parse_items(xml::Element command) {
  std::vector<std::string> addresses;
  std::set<std::string, std::less<>> seen;
  for (const auto item : command.children()) {
    if (item.is_text()) continue;
    const auto jid = item.attribute("jid");
    if (!item.is("item", ns_blocking) || !jid) return std::unexpected(bad_request);
    auto address = core::Jid::parse(*jid);
    if (!address) return std::unexpected(malformed_address);
    if (address->full().size() > longest_address) return std::unexpected(too_long);
    if (seen.insert(address->str()).second) addresses.push_back(address->str());
  }
  return addresses;
}

bool Blocklist::matches(std::string_view jid) const noexcept {
  if (addresses_.empty()) return false;
  if (addresses_.contains(jid)) return true;
  const auto bare = jid.substr(0, jid.find('/'));
  if (bare.size() != jid.size() && addresses_.contains(bare)) return true;
  const auto at = bare.find('@');
  return at != std::string_view::npos && addresses_.contains(bare.substr(at + 1));
}

Blocklist::Addresses Blocklist::will_be() const {
  auto all = addresses_;
  for (const auto& change : under_way_) {
    for (const auto& address : change.addresses) {
      if (change.adds) {
        all.insert(address);
      } else {
        all.erase(address);
      }
    }
  }
  return all;
}

Blocklist::Addresses Blocklist::may_be() const {
  auto all = addresses_;
  for (const auto& change : under_way_) all.insert(change.addresses.begin(), change.addresses.end());
  return all;
}

std::size_t Blocklist::size_with(const std::vector<std::string>& more) const {
  const auto coming = under_way_.empty() ? Addresses() : will_be();
  const auto& all = under_way_.empty() ? addresses_ : coming;
  const auto added = std::ranges::count_if(more, [&all](const auto& address) { return !all.contains(address); });
  return all.size() + static_cast<std::size_t>(added);
}

std::uint64_t Blocklist::begin(bool adds, std::vector<std::string> addresses) {
  under_way_.push_back({++numbers_, adds, std::move(addresses)});
  return numbers_;
}

void Blocklist::end(std::uint64_t number, bool durable) {
  const auto found = std::ranges::find(under_way_, number, &Change::number);
  if (found == under_way_.end()) return;
  const auto change = std::move(*found);
  under_way_.erase(found);
  if (!durable) return;
  for (const auto& address : change.addresses) {
    if (change.adds) {
      addresses_.insert(address);
    } else {
      addresses_.erase(address);
    }
  }
}

}  // namespace valise::modules::blocking
