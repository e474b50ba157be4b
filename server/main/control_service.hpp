// What valisectl asks in the service's name: announcements to people, and what people report. Control threads.
#pragma once

#include <stop_token>
#include <string>

#include <nlohmann/json.hpp>

#include "base/error.hpp"

namespace valise {

class App;

struct Announcement {
  std::string host;
  std::string text;  // UTF-8, at most 16 KiB
  std::string to;    // "online": whoever is available now, as headlines; "all": every account, stored where nobody is
};
// {"sent": …, "failed": …}: accounts. Errors: not_found (the host), invalid (the text), unavailable (the store).
[[nodiscard]] Result<nlohmann::json> announce(App& app, const Announcement& announcement, const std::stop_token& stop);

// The reports of a host, or of all (`host` empty), oldest first.
[[nodiscard]] Result<nlohmann::json> list_reports(App& app, const std::string& host);
// Removes one, by its name. Errors: not_found, pending.
[[nodiscard]] Result<nlohmann::json> finish_report(App& app, const std::string& name, const std::stop_token& stop);

}  // namespace valise
