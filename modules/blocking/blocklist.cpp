#include "modules/blocking/blocklist.hpp"

#include <algorithm>
#include <ranges>

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

bool Blocklist::will_hold(std::string_view address) const {
  for (const auto& change : under_way_ | std::views::reverse) {
    if (std::ranges::find(change.addresses, address) != change.addresses.end()) return change.adds;
  }
  return addresses_.contains(address);
}

std::vector<std::string> Blocklist::will_be() const {
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
  return {all.begin(), all.end()};
}

std::size_t Blocklist::size_with(const std::vector<std::string>& more) const {
  const auto size = under_way_.empty() ? addresses_.size() : will_be().size();
  const auto added = std::ranges::count_if(more, [this](const auto& address) { return !will_hold(address); });
  return size + static_cast<std::size_t>(added);
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
