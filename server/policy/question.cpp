#include "policy/question.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/nearest.hpp"
#include "policy/calendar.hpp"
#include "policy/matcher.hpp"

namespace valise::policy {
namespace {

constexpr std::size_t longest = 4096;
constexpr std::size_t most_of_a_list = 64;

constexpr std::pair<std::string_view, bool Facts::*> flags[] = {
    {"sealed", &Facts::sealed},         {"asked", &Facts::asked},           {"pending", &Facts::pending},
    {"shown", &Facts::shown},           {"from_local", &Facts::from_local}, {"to_local", &Facts::to_local},
    {"from_admin", &Facts::from_admin}, {"to_admin", &Facts::to_admin},
};

using Done = std::expected<void, std::string>;

Done set_name(std::string_view name, std::string_view value, std::span<const std::string_view> known, auto& into) {
  const auto found = std::ranges::find(known, value);
  if (found == known.end()) {
    return std::unexpected(fmt::format("{} cannot be \"{}\"; it takes \"{}\"{}", name, log::printable(value),
                                       fmt::join(known, "\", \""), config::nearest_hint(value, known)));
  }
  into = static_cast<std::remove_reference_t<decltype(into)>>(found - known.begin());
  return {};
}

template <class Number>
Done set_number(std::string_view name, std::string_view value, Number& into) {
  std::uint32_t number = 0;
  const auto* end = value.data() + value.size();
  const auto [stop, fault] = std::from_chars(value.data(), end, number);
  if (value.empty() || fault != std::errc() || stop != end) {
    return std::unexpected(fmt::format("{} takes a whole number up to 4294967295", name));
  }
  into = number;
  return {};
}

// "a,b", added to what is there.
Done set_list(std::string_view name, std::string_view value, std::vector<std::string>& into) {
  for (std::size_t at = 0; at <= value.size() && !value.empty();) {
    const auto comma = std::min(value.find(',', at), value.size());
    if (comma > at) into.emplace_back(value.substr(at, comma - at));
    at = comma + 1;
    if (into.size() > most_of_a_list) return std::unexpected(fmt::format("{} takes at most {}", name, most_of_a_list));
  }
  return {};
}

// "10:00" → minutes of the day.
std::optional<unsigned> time_of_day(std::string_view text) {
  unsigned hour = 0, minute = 0;
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto a = std::from_chars(text.data(), text.data() + 2, hour);
  const auto b = std::from_chars(text.data() + 3, text.data() + 5, minute);
  if (a.ec != std::errc() || a.ptr != text.data() + 2 || b.ec != std::errc() || b.ptr != text.data() + 5)
    return std::nullopt;
  if (hour > 23 || minute > 59) return std::nullopt;
  return hour * 60 + minute;
}

// "2026-07-14 10:00" in the machine's zone.
std::optional<std::int64_t> date_and_time(std::string_view text) {
  if (text.size() != 16 || text[4] != '-' || text[7] != '-' || text[10] != ' ') return std::nullopt;
  const auto minutes = time_of_day(text.substr(11));
  int parts[3] = {};
  const std::size_t starts[] = {0, 5, 8}, sizes[] = {4, 2, 2};
  for (int i = 0; i < 3; ++i) {
    const auto* end = text.data() + starts[i] + sizes[i];
    const auto [stop, fault] = std::from_chars(text.data() + starts[i], end, parts[i]);
    if (fault != std::errc() || stop != end) return std::nullopt;
  }
  if (!minutes) return std::nullopt;
  std::tm local{};
  local.tm_year = parts[0] - 1900;
  local.tm_mon = parts[1] - 1;
  local.tm_mday = parts[2];
  local.tm_hour = static_cast<int>(*minutes / 60);
  local.tm_min = static_cast<int>(*minutes % 60);
  local.tm_isdst = -1;
  const auto wanted = local;
  const auto seconds = std::mktime(&local);
  if (local.tm_mday != wanted.tm_mday || local.tm_mon != wanted.tm_mon) return std::nullopt;  // 31 June
  return static_cast<std::int64_t>(seconds) * 1000;
}

}  // namespace

LocalTime local_time(std::int64_t utc_seconds) {
  const auto seconds = static_cast<std::time_t>(utc_seconds);
  std::tm local{};
  localtime_r(&seconds, &local);
  return {static_cast<std::uint16_t>(((local.tm_wday + 6) % 7 * 24 + local.tm_hour) * 60 + local.tm_min),
          day_from_civil(
              {local.tm_year + 1900, static_cast<unsigned>(local.tm_mon + 1), static_cast<unsigned>(local.tm_mday)})};
}

Question::Question(Normalise normalise) : normalise_(std::move(normalise)) {
  const auto now = local_time(utc_now_ms() / 1000);
  plain_.minute_of_week = now.minute_of_week;
  plain_.day = now.day;
}

std::vector<std::string_view> Question::names() {
  return {"affiliation",
          "asked",
          "at",
          "children",
          "client",
          "datacenter",
          "device_age",
          "devices",
          "direction",
          "from",
          "from_admin",
          "from_local",
          "host",
          "ip",
          "keys",
          "kind",
          "label",
          "language",
          "mechanism",
          "new_devices",
          "occupants",
          "omemo",
          "payload",
          "pending",
          "prekeys",
          "roster_groups",
          "sealed",
          "sealed_length",
          "sealed_mode",
          "sessions",
          "shown",
          "sid",
          "size",
          "subscription",
          "tags",
          "tls",
          "to",
          "to_admin",
          "to_local",
          "type",
          "unknown_devices",
          "unsealed",
          "uses"};
}

std::expected<void, std::string> Question::set_party(OwnedParty& party, std::string_view value) const {
  std::optional<std::string> jid;
  if (normalise_) {
    jid = normalise_(value);
  } else if (!value.empty()) {
    jid = lower_address(value);
  }
  if (!jid) return std::unexpected(fmt::format("\"{}\" is not an address", log::printable(value)));
  const auto slash = std::min(jid->find('/'), jid->size());
  party.bare = jid->substr(0, slash);
  party.resource = slash < jid->size() ? jid->substr(slash + 1) : "";
  const auto at = party.bare.find('@');
  party.domain = at == std::string::npos ? party.bare : party.bare.substr(at + 1);
  return {};
}

std::expected<void, std::string> Question::set_at(std::string_view value) {
  if (const auto date = date_and_time(value)) {
    const auto then = local_time(*date / 1000);
    plain_.minute_of_week = then.minute_of_week;
    plain_.day = then.day;
    return {};
  }
  const auto day = std::ranges::find(weekday_names, value.substr(0, 3));
  const auto minutes = value.size() == 9 && value[3] == ' ' ? time_of_day(value.substr(4)) : std::nullopt;
  if (day == weekday_names.end() || !minutes) {
    return std::unexpected(
        fmt::format("at takes \"2026-07-14 10:00\" or \"tue 10:00\", not \"{}\"", log::printable(value)));
  }
  plain_.minute_of_week = static_cast<std::uint16_t>((day - weekday_names.begin()) * 1440 + *minutes);
  return {};
}

std::expected<void, std::string> Question::set(std::string_view name, std::string_view value) {
  if (value.size() > longest) return std::unexpected(fmt::format("{} takes at most {} bytes", name, longest));
  if (name == "kind") return set_name(name, value, event_names, plain_.event);
  if (name == "direction") return set_name(name, value, direction_names, plain_.direction);
  if (name == "from") return set_party(from_, value);
  if (name == "to") return set_party(to_, value);
  if (name == "at") return set_at(value);
  if (name == "size") return set_number(name, value, plain_.size);
  if (name == "sid") return set_number(name, value, plain_.sid);
  if (name == "keys") return set_number(name, value, plain_.keys);
  if (name == "prekeys") return set_number(name, value, plain_.prekeys);
  if (name == "unknown_devices") return set_number(name, value, plain_.unknown_devices);
  if (name == "sealed_length") return set_number(name, value, plain_.sealed_length);
  if (name == "device_age") return set_number(name, value, plain_.device_age_s);
  if (name == "devices") return set_number(name, value, plain_.devices);
  if (name == "new_devices") return set_number(name, value, plain_.new_devices);
  if (name == "occupants") return set_number(name, value, plain_.occupants);
  if (name == "uses") return set_number(name, value, plain_.uses);
  if (name == "sessions") return set_number(name, value, plain_.sessions);
  for (const auto& [flag, field] : flags) {
    constexpr std::string_view words[] = {"false", "true"};
    if (name == flag) return set_name(name, value, words, plain_.*field);
  }
  if (name == "subscription") {
    std::size_t state = 0;
    if (auto done = set_name(name, value, subscription_names, state); !done) return done;
    plain_.subscription = subscription_names[state];
    return {};
  }
  if (name == "roster_groups") return set_list(name, value, roster_groups_);
  if (name == "children") {  // "body jabber:client,x": names, each with its namespace or without
    if (auto done = set_list(name, value, children_); !done) return done;
    child_views_.clear();
    for (const std::string_view child : children_) {
      const auto space = std::min(child.find(' '), child.size());
      child_views_.push_back({child.substr(0, space), child.substr(std::min(space + 1, child.size()))});
    }
    return {};
  }
  if (name == "omemo") {
    omemo_ = true;
    return set_name(name, value, omemo_names, plain_.omemo);
  }
  if (name == "sealed_mode") {
    std::size_t mode = 0;
    if (auto done = set_name(name, value, mode_names, mode); !done) return done;
    plain_.sealed_mode = mode_names[mode];
    return {};
  }
  if (name == "ip") {
    const auto ip = IpAddress::parse(value);
    if (!ip)
      return std::unexpected(fmt::format("ip takes 192.0.2.1 or 2001:db8::1, not \"{}\"", log::printable(value)));
    plain_.ip = *ip;
    return {};
  }
  if (name == "tags") {
    if (auto done = set_list(name, value, tags_); !done) return done;
    tag_views_.assign(tags_.begin(), tags_.end());
    return {};
  }
  std::string* text = name == "host"          ? &host_
                      : name == "type"        ? &type_
                      : name == "payload"     ? &payload_
                      : name == "unsealed"    ? &unsealed_
                      : name == "mechanism"   ? &mechanism_
                      : name == "tls"         ? &tls_
                      : name == "language"    ? &language_
                      : name == "client"      ? &client_
                      : name == "affiliation" ? &affiliation_
                      : name == "label"       ? &label_
                      : name == "datacenter"  ? &datacenter_
                                              : nullptr;
  if (text == nullptr) {
    return std::unexpected(
        fmt::format("there is no fact \"{}\" to give{}", log::printable(name), config::nearest_hint(name, names())));
  }
  typed_ |= name == "type";
  *text = value;
  return {};
}

namespace {
bool is_publication(Event event) { return wider_event(event) == Event::publish; }
}  // namespace

Facts Question::facts(std::int64_t now_ms) const {
  Facts facts = plain_;
  facts.from = from_.view();
  facts.to = to_.view();
  facts.now_ms = now_ms;
  facts.payload = payload_;
  facts.unsealed = unsealed_;
  facts.mechanism = mechanism_;
  facts.tls = tls_;
  facts.language = language_;
  facts.tags = tag_views_;
  facts.client = client_;
  facts.affiliation = affiliation_;
  facts.label = label_;
  facts.datacenter = datacenter_;
  facts.roster_groups = roster_groups_;
  facts.children = child_views_;
  if (facts.omemo != Omemo::none) facts.sealed = true;
  if (facts.sealed && !omemo_) facts.omemo = Omemo::legacy;  // what most clients send
  facts.host = !host_.empty()                                          ? std::string_view(host_)
               : facts.direction == Direction::in && !to_.bare.empty() ? to_.domain
                                                                       : from_.domain;
  facts.type = type_;
  if (!typed_) {
    if (facts.event == Event::message || facts.event == Event::unsealed) facts.type = "normal";
    if (facts.event == Event::presence) facts.type = "available";
    if (facts.event == Event::iq) facts.type = "get";
    if (is_publication(facts.event) || facts.event == Event::registration) facts.type = "set";
    if (facts.event == Event::subscription) facts.type = "subscribe";
  }
  // A person publishes at himself (modules/policy).
  if (facts.event == Event::device && facts.payload.empty()) facts.payload = "urn:xmpp:omemo:2:devices";
  if (is_publication(facts.event) && to_.bare.empty()) facts.to = {from_.bare, from_.domain, {}};
  return facts;
}

}  // namespace valise::policy
