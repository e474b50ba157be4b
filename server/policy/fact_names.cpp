#include "policy/fact_names.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "policy/calendar.hpp"
#include "policy/matcher.hpp"

namespace valise::policy {
namespace {

constexpr std::pair<std::string_view, std::string_view> builders[] = {
    {"SealedMode", "sealed_mode"},
    {"Unsealed", "unsealed"},
    {"Type", "type"},
    {"Host", "host"},
    {"Payload", "payload"},
    {"Mechanism", "mechanism"},
    {"TlsVersion", "tls"},
    {"Size", "size"},
    {"Keys", "keys"},
    {"UnknownDevices", "unknown_devices"},
    {"Devices", "devices"},
    {"NewDevices", "new_devices"},
    {"Uses", "uses"},
    {"Sessions", "sessions"},
    {"DeviceAge", "device_age"},
    {"Client", "client"},
    {"Language", "language"},
    {"Subscription", "subscription"},
    {"Asked", "asked"},
    {"Pending", "pending"},
    {"Shown", "shown"},
    {"Affiliation", "affiliation"},
    {"Occupants", "occupants"},
    {"Label", "label"},
    {"Datacenter", "datacenter"},
};

// Facts may come from a log or a stanza: hostile.
std::string quoted(std::string_view text) { return "\"" + log::printable(text) + "\""; }

std::string address(const Party& party) {
  if (party.bare.empty()) return "nobody";
  return log::printable(std::string(party.bare) + (party.resource.empty() ? "" : "/") + std::string(party.resource));
}

std::string tags_of(const Facts& facts, const Decision& decision) {
  std::string out;
  const auto add = [&](std::string_view tag) { out += (out.empty() ? "" : ", ") + quoted(tag); };
  std::ranges::for_each(facts.tags, add);
  std::ranges::for_each(decision.added_tags(), add);
  return out.empty() ? "none" : out;
}

std::string yes_or_no(bool value) { return value ? "true" : "false"; }

std::string date(const Facts& facts) {
  const auto day = civil_from_day(facts.day);
  return fmt::format("{:04}-{:02}-{:02}", day.year, day.month, day.day);
}

using Say = std::string (*)(const Facts&);
constexpr std::pair<std::string_view, Say> texts[] = {
    {"kind",
     [](const Facts& f) {
       return quoted(event_names[static_cast<std::size_t>(exact_event(f.event, f.type, f.payload))]);
     }},
    {"direction", [](const Facts& f) { return quoted(direction_names[static_cast<std::size_t>(f.direction)]); }},
    {"host", [](const Facts& f) { return quoted(f.host); }},
    {"from", [](const Facts& f) { return address(f.from); }},
    {"to", [](const Facts& f) { return address(f.to); }},
    {"type", [](const Facts& f) { return quoted(f.type); }},
    {"payload", [](const Facts& f) { return quoted(f.payload); }},
    {"size", [](const Facts& f) { return fmt::format("{}", f.size); }},
    {"sealed_mode", [](const Facts& f) { return quoted(f.sealed_mode); }},
    {"unsealed", [](const Facts& f) { return quoted(f.unsealed); }},
    {"sealed", [](const Facts& f) { return std::string(f.sealed ? "true" : "false"); }},
    {"omemo", [](const Facts& f) { return quoted(omemo_names[static_cast<std::size_t>(f.omemo)]); }},
    {"keys", [](const Facts& f) { return fmt::format("{}", f.keys); }},
    {"unknown_devices", [](const Facts& f) { return fmt::format("{}", f.unknown_devices); }},
    {"ip", [](const Facts& f) { return f.ip.known ? f.ip.text() : std::string("not known"); }},
    {"mechanism", [](const Facts& f) { return quoted(f.mechanism); }},
    {"tls", [](const Facts& f) { return quoted(f.tls); }},
    {"sid", [](const Facts& f) { return fmt::format("{}", f.sid); }},
    {"device_age",
     [](const Facts& f) {
       return f.device_age_s < 0 ? std::string("not known") : fmt::format("{} s", f.device_age_s);
     }},
    {"devices", [](const Facts& f) { return fmt::format("{}", f.devices); }},
    {"new_devices", [](const Facts& f) { return fmt::format("{}", f.new_devices); }},
    {"uses", [](const Facts& f) { return fmt::format("{}", f.uses); }},
    {"sessions", [](const Facts& f) { return fmt::format("{}", f.sessions); }},
    {"client", [](const Facts& f) { return quoted(f.client); }},
    {"language", [](const Facts& f) { return quoted(f.language); }},
    {"children",
     [](const Facts& f) {
       std::string out;
       for (const auto& child : f.children) {
         if (!out.empty()) out += ", ";
         out += quoted(child.name) + " of " + quoted(child.ns);
       }
       return out.empty() ? std::string("none") : out;
     }},
    {"channel_binding", [](const Facts& f) { return quoted(f.mechanism); }},
    {"to_self", [](const Facts& f) { return address(f.from) + " to " + address(f.to); }},
    {"subscription", [](const Facts& f) { return quoted(f.subscription); }},
    {"asked", [](const Facts& f) { return yes_or_no(f.asked); }},
    {"pending", [](const Facts& f) { return yes_or_no(f.pending); }},
    {"shown", [](const Facts& f) { return yes_or_no(f.shown); }},
    {"roster_groups",
     [](const Facts& f) {
       std::string out;
       for (const auto& group : f.roster_groups) out += (out.empty() ? "" : ", ") + quoted(group);
       return out.empty() ? std::string("none") : out;
     }},
    {"from_local", [](const Facts& f) { return yes_or_no(f.from_local); }},
    {"to_local", [](const Facts& f) { return yes_or_no(f.to_local); }},
    {"from_admin", [](const Facts& f) { return yes_or_no(f.from_admin); }},
    {"to_admin", [](const Facts& f) { return yes_or_no(f.to_admin); }},
    {"from_resource", [](const Facts& f) { return quoted(f.from.resource); }},
    {"to_resource", [](const Facts& f) { return quoted(f.to.resource); }},
    {"affiliation", [](const Facts& f) { return quoted(f.affiliation); }},
    {"occupants", [](const Facts& f) { return fmt::format("{}", f.occupants); }},
    {"label", [](const Facts& f) { return quoted(f.label); }},
    {"datacenter", [](const Facts& f) { return quoted(f.datacenter); }},
    {"date", &date},
    {"day_of_year", &date},
    {"holiday", &date},
    {"time",
     [](const Facts& f) {
       return fmt::format("{} {:02}:{:02}", weekday_names[f.minute_of_week / 1440 % 7], f.minute_of_week % 1440 / 60,
                          f.minute_of_week % 60);
     }},
};

}  // namespace

std::string_view fact_of_builder(std::string_view function) noexcept {
  const auto* found = std::ranges::find(builders, function, &std::pair<std::string_view, std::string_view>::first);
  return found == std::end(builders) ? std::string_view() : found->second;
}

std::string fact_text(std::string_view fact, const Facts& facts, const Decision& decision) {
  if (fact == "tag") return tags_of(facts, decision);
  const auto* found = std::ranges::find(texts, fact, &std::pair<std::string_view, Say>::first);
  return found == std::end(texts) ? std::string() : found->second(facts);
}

}  // namespace valise::policy
