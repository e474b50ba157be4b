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

std::vector<std::string> Blocklist::will_be() const {
  std::vector<std::string> all;
  for (const auto& address : addresses_) {
    if (will_hold(address)) all.push_back(address);
  }
  for (const auto& [address, changes] : pending_) {
    if (changes.back().adds && !addresses_.contains(address)) all.push_back(address);
  }
  std::ranges::sort(all);
  return all;
}

bool Blocklist::will_hold(std::string_view address) const {
  const auto found = pending_.find(address);
  return found == pending_.end() ? addresses_.contains(address) : found->second.back().adds;
}

std::size_t Blocklist::size_with(const std::vector<std::string>& more) const {
  const auto added = std::ranges::count_if(more, [this](const auto& address) { return !will_hold(address); });
  return coming_ + static_cast<std::size_t>(added);
}

Blocklist::Change Blocklist::begin(bool adds, std::vector<std::string> addresses) {
  Change change{.number = ++numbers_, .adds = adds, .addresses = std::move(addresses)};
  for (const auto& address : change.addresses) {
    coming_ -= will_hold(address) ? 1 : 0;
    pending_[address].push_back({change.number, adds});
    coming_ += adds ? 1 : 0;
  }
  return change;
}

void Blocklist::end(const Change& change, bool durable) {
  for (const auto& address : change.addresses) {
    const auto found = pending_.find(address);
    if (found == pending_.end()) continue;
    coming_ -= found->second.back().adds ? 1 : 0;
    std::erase_if(found->second, [&](const Pending& pending) { return pending.number == change.number; });
    if (found->second.empty()) pending_.erase(found);
    if (durable && change.adds) addresses_.insert(address);
    if (durable && !change.adds) addresses_.erase(address);
    coming_ += will_hold(address) ? 1 : 0;
  }
}

}  // namespace valise::modules::blocking
