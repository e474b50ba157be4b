#include "modules/invitations/book.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/crypto.hpp"
#include "xml/writer.hpp"

namespace valise::modules::invitations {
namespace {

constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::size_t token_bytes = 20;
constexpr std::size_t token_length = token_bytes * 8 / 5;

template <class T>
bool read_number(std::string_view text, T& number) {
  return std::from_chars(text.data(), text.data() + text.size(), number).ptr == text.data() + text.size() &&
         !text.empty();
}

}  // namespace

std::string new_token() {
  const auto bytes = crypto::random_string(token_bytes);
  std::string token;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (held += 8; held >= 5; held -= 5) token += alphabet[bits >> (held - 5) & 31U];
  }
  return token;
}

std::string id_of(std::string_view token) {
  const bool fits = token.size() == token_length &&
                    std::ranges::all_of(token, [](char c) { return alphabet.find(c) != std::string_view::npos; });
  return fits ? crypto::hex_encode(crypto::digest(crypto::Hash::sha256, token)) : std::string();
}

std::string write(const Invitation& invitation) {
  std::string out;
  xml::Writer writer(out);
  writer.open("invitation").attribute("host", invitation.host).attribute_if("inviter", invitation.inviter);
  writer.attribute_if("name", invitation.name).attribute("account", invitation.account ? "1" : "0");
  writer.attribute("contact", invitation.contact ? "1" : "0").attribute("uses", std::to_string(invitation.uses));
  writer.attribute("created", std::to_string(invitation.created_ms));
  writer.attribute("expires", std::to_string(invitation.expires_ms));
  for (const auto& group : invitation.groups) writer.element("group", {}, group);
  writer.close();
  return out;
}

std::optional<Invitation> read(std::string_view id, std::string_view row) {
  const auto document = xml::parse_element(row);
  if (!document || document->root().name() != "invitation") return std::nullopt;
  const auto root = document->root();
  Invitation read{.id = std::string(id),
                  .host = std::string(root.attribute_or_empty("host")),
                  .inviter = std::string(root.attribute_or_empty("inviter")),
                  .name = std::string(root.attribute_or_empty("name")),
                  .groups = {},
                  .account = root.attribute_or_empty("account") == "1",
                  .contact = root.attribute_or_empty("contact") == "1"};
  const bool numbers = read_number(root.attribute_or_empty("uses"), read.uses) &&
                       read_number(root.attribute_or_empty("created"), read.created_ms) &&
                       read_number(root.attribute_or_empty("expires"), read.expires_ms);
  for (const auto child : root.children()) {
    if (!child.is_text() && child.name() == "group") read.groups.push_back(child.text());
  }
  return numbers && !read.host.empty() ? std::optional(std::move(read)) : std::nullopt;
}

std::string write_over(std::int64_t at_ms) {
  std::string out;
  xml::Writer(out).open("over").attribute("at", std::to_string(at_ms)).close();
  return out;
}

std::optional<std::int64_t> read_over(std::string_view row) {
  const auto document = xml::parse_element(row);
  std::int64_t at_ms = 0;
  if (!document || document->root().name() != "over") return std::nullopt;
  return read_number(document->root().attribute_or_empty("at"), at_ms) ? std::optional(at_ms) : std::nullopt;
}

void Book::add(Invitation invitation) {
  auto id = invitation.id;
  entries_.insert_or_assign(std::move(id), Entry{std::move(invitation), {}, {}});
}

void Book::add_use(std::string_view id, std::string_view account) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  found->second.users.emplace(account);
  found->second.invitation.used = static_cast<unsigned>(found->second.users.size());
}

const Invitation* Book::find(std::string_view id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.invitation;
}

const Invitation* Book::find_beginning(std::string_view id, bool& several) const {
  const auto found = entries_.lower_bound(id);
  several = false;
  if (found == entries_.end() || !found->first.starts_with(id)) return nullptr;
  const auto next = std::next(found);
  several = next != entries_.end() && next->first.starts_with(id);
  return several ? nullptr : &found->second.invitation;
}

bool Book::is_open(std::string_view id) const {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return false;
  const auto& entry = found->second;
  return entry.users.size() + entry.under_way.size() < entry.invitation.uses;
}

bool Book::is_kept(std::string_view name, std::string_view id, std::int64_t now_ms) const {
  return std::ranges::any_of(entries_, [&](const auto& pair) {
    const auto& kept = pair.second.invitation;
    return kept.name == name && kept.id != id && kept.expires_ms > now_ms;
  });
}

bool Book::begin(std::string_view id, std::string_view account) {
  if (!is_open(id)) return false;
  auto& entry = entries_.find(id)->second;
  if (entry.users.contains(std::string(account))) return false;
  return entry.under_way.emplace(account).second;
}

bool Book::finish(std::string_view id, std::string_view account, bool used) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return false;
  auto& entry = found->second;
  entry.under_way.erase(std::string(account));
  if (used) add_use(id, account);
  return entry.users.size() >= entry.invitation.uses;
}

void Book::remove(std::string_view id) {
  const auto found = entries_.find(id);
  if (found != entries_.end()) entries_.erase(found);
}

std::vector<std::string> Book::add_over(std::string id, std::int64_t at_ms) {
  const auto [place, added] = over_.emplace(std::move(id), at_ms);
  if (added) over_by_time_.emplace(at_ms, place->first);
  return over_.size() > most_over ? forget_over(std::numeric_limits<std::int64_t>::max(), over_.size() - most_over)
                                  : std::vector<std::string>();
}

std::vector<std::string> Book::forget_over(std::int64_t before_ms, std::size_t most) {
  std::vector<std::string> forgotten;
  while (!over_by_time_.empty() && over_by_time_.begin()->first < before_ms && forgotten.size() < most) {
    forgotten.push_back(over_by_time_.begin()->second);
    over_.erase(forgotten.back());
    over_by_time_.erase(over_by_time_.begin());
  }
  return forgotten;
}

std::vector<std::string> Book::expired(std::int64_t now_ms) const {
  std::vector<std::string> ids;
  for (const auto& [id, entry] : entries_) {
    if (entry.invitation.expires_ms <= now_ms && entry.under_way.empty()) ids.push_back(id);
  }
  return ids;
}

std::size_t Book::count_of(std::string_view inviter, std::int64_t now_ms) const {
  return static_cast<std::size_t>(std::ranges::count_if(entries_, [&](const auto& pair) {
    const auto& one = pair.second.invitation;
    return one.inviter == inviter && one.expires_ms > now_ms;
  }));
}

std::vector<std::string> Book::users(std::string_view id) const {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return {};
  return {found->second.users.begin(), found->second.users.end()};
}

std::vector<Invitation> Book::all() const {
  std::vector<Invitation> all;
  for (const auto& [id, entry] : entries_) all.push_back(entry.invitation);
  std::ranges::sort(all, {}, &Invitation::created_ms);
  return all;
}

}  // namespace valise::modules::invitations
