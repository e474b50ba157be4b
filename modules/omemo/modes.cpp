#include "modules/omemo/modes.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/clock.hpp"
#include "base/trim.hpp"

namespace valise::modules::omemo {
namespace {

constexpr std::size_t longest_name = 32;
constexpr std::size_t longest_pattern = 256;
constexpr std::size_t most_patterns = 64;  // of one group: each costs every message something
constexpr std::size_t longest_reason = 256;

constexpr const char* group_form =
    "takes NAME; MODE; MEMBERS, and ; until DATE if it ends: \"pilot; required; ann@example.org, *.it@example.org\"";
constexpr const char* exemption_form =
    "takes ACCOUNT; DIRECTION; until DATE; REASON: \"backup@example.org; sends; until 2027-03-01; its vendor adds "
    "OMEMO in spring\"; directions: sends, receives, both";

// Takes what stands before the next `separator`, or all, off `text`.
std::string_view take(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto piece = trimmed(text.substr(0, end), line_blanks);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return piece;
}

std::optional<Mode> mode_named(std::string_view text) {
  for (const auto mode : {Mode::required, Mode::warn, Mode::off}) {
    if (core::name_of(mode) == text) return mode;
  }
  return std::nullopt;
}

bool is_name(std::string_view text) {
  const auto may = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !text.empty() && text.size() <= longest_name && std::ranges::all_of(text, may);
}

// "until DATE".
std::optional<std::int64_t> until_of(std::string_view text) {
  constexpr std::string_view word = "until ";
  return text.starts_with(word) ? moment_of(trimmed(text.substr(word.size()), line_blanks)) : std::nullopt;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::optional<std::string> account_of(std::string_view text) {
  if (text.find('*') != std::string_view::npos) return std::nullopt;  // which stands for many
  const auto jid = core::Jid::parse(text);
  if (!jid || !jid->is_bare() || !jid->has_local()) return std::nullopt;
  return jid->str();
}

// Null: it may be a member. `patterns`: how many there are.
const char* add_member(Members& members, std::string_view text, std::size_t& patterns) {
  if (text.find('*') == std::string_view::npos) {
    auto account = account_of(text);
    if (!account) return "names a member that is no account, \"name@example.org\"";
    members.add(std::move(*account));
    return nullptr;
  }
  const auto printable = [](char c) { return static_cast<unsigned char>(c) > ' ' && c != 0x7f; };
  const bool fits = text.size() <= longest_pattern && std::ranges::count(text, '@') == 1 &&
                    text.find('/') == std::string_view::npos && std::ranges::all_of(text, printable);
  if (!fits) return "names a pattern that is none of accounts, \"*.it@example.org\"";
  if (++patterns > most_patterns) return "has more than 64 patterns with \"*\"";
  members.add(lower(text));
  return nullptr;
}

// `*` stands for any characters. Linear but for the last star, to which it comes back.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool is_over(const std::optional<std::int64_t>& until_ms, std::int64_t now_ms) {
  return until_ms && now_ms >= *until_ms;
}

}  // namespace

void Members::add(std::string member) {
  if (member.find('*') == std::string::npos) {
    exact_.insert(member);
  } else {
    patterns_.push_back(member);
  }
  all_.push_back(std::move(member));
}

bool Members::contains(std::string_view bare) const {
  return exact_.contains(bare) ||
         std::ranges::any_of(patterns_, [bare](const std::string& pattern) { return matches(pattern, bare); });
}

Holding HostModes::of_host(std::int64_t now_ms) const {
  if (mode == Mode::required && from_ms && now_ms < *from_ms) return {.mode = Mode::warn, .until_ms = from_ms};
  return {.mode = mode, .ordinary = mode == Mode::off};
}

Holding HostModes::of(const core::Jid& from, const core::Jid* to, std::int64_t now_ms) const {
  auto holding = of_host(now_ms);
  if (between_hosts && to != nullptr && to->domain() != from.domain()) {
    const HostModes there{.mode = *between_hosts, .from_ms = from_ms};
    holding = there.of_host(now_ms);
    holding.ordinary = *between_hosts == Mode::off && mode == Mode::off;
  }
  const auto bare = from.bare();
  for (const auto& group : groups) {
    if (is_over(group.until_ms, now_ms) || !group.members.contains(bare)) continue;
    holding = {.mode = group.mode, .ordinary = group.mode == Mode::off && holding.ordinary, .until_ms = group.until_ms};
    break;
  }
  if (holding.mode == Mode::off) return holding;
  for (const auto& one : exemptions) {
    if (is_over(one.until_ms, now_ms)) continue;
    const bool named =
        (one.sends && one.account == bare) || (one.receives && to != nullptr && one.account == to->bare());
    if (named) return {.mode = Mode::off, .exempt = true, .until_ms = one.until_ms};
  }
  return holding;
}

bool HostModes::is_timed() const {
  return from_ms || !exemptions.empty() ||
         std::ranges::any_of(groups, [](const Group& group) { return group.until_ms.has_value(); });
}

std::optional<std::int64_t> moment_of(std::string_view text) {
  constexpr std::string_view date = "2027-03-01";
  if (text.size() != date.size()) {
    const auto moment = parse_utc(text);
    return moment ? std::optional(*moment / 1000) : std::nullopt;
  }
  const auto day = parse_utc(std::string(text) + "T00:00:00Z");
  if (!day) return std::nullopt;
  // The same digits, read at the server's place.
  const std::time_t utc = *day / 1'000'000;
  std::tm parts{};
  gmtime_r(&utc, &parts);
  parts.tm_isdst = -1;
  const auto local = std::mktime(&parts);
  return local == -1 ? std::nullopt : std::optional<std::int64_t>(std::int64_t{local} * 1000);
}

std::expected<Group, std::string> parse_group(std::string_view text) {
  std::array<std::string_view, 4> pieces;
  for (auto& piece : pieces) piece = take(text, ';');
  if (!trimmed(text, line_blanks).empty() || !is_name(pieces[0])) return std::unexpected(group_form);
  const auto mode = mode_named(pieces[1]);
  if (!mode) return std::unexpected("has a mode that is none of required, warn, off: " + std::string(group_form));
  Group group{.name = std::string(pieces[0]), .mode = *mode, .members = {}, .until_ms = until_of(pieces[3])};
  if (!pieces[3].empty() && !group.until_ms) {
    return std::unexpected("has no date, \"until 2027-03-01\", where it ends: " + std::string(group_form));
  }
  std::size_t patterns = 0;
  if (pieces[2].empty()) return std::unexpected(group_form);
  while (!pieces[2].empty()) {
    if (const auto* wrong = add_member(group.members, take(pieces[2], ','), patterns)) return std::unexpected(wrong);
  }
  return group;
}

std::expected<Exemption, std::string> parse_exemption(std::string_view text) {
  std::array<std::string_view, 3> pieces;
  for (auto& piece : pieces) piece = take(text, ';');
  const auto reason = trimmed(text, line_blanks);  // may hold anything
  auto account = account_of(pieces[0]);
  if (!account) return std::unexpected(exemption_form);
  const auto direction = pieces[1];
  const bool both = direction == "both";
  Exemption made{.account = std::move(*account),
                 .sends = both || direction == "sends",
                 .receives = both || direction == "receives",
                 .until_ms = until_of(pieces[2]).value_or(0),
                 .reason = std::string(reason)};
  if (!made.sends && !made.receives) {
    return std::unexpected("has a direction that is none of sends, receives, both: " + std::string(exemption_form));
  }
  if (!until_of(pieces[2])) return std::unexpected("has no end, \"until 2027-03-01\": " + std::string(exemption_form));
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (reason.empty() || reason.size() > longest_reason || std::ranges::any_of(reason, control)) {
    return std::unexpected("has no reason of 1 to 256 bytes: " + std::string(exemption_form));
  }
  return made;
}

}  // namespace valise::modules::omemo
