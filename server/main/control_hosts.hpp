// Which of our hosts a command of valisectl is about. Control threads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace valise {

class App;

// That the server has this host; else `not_found`.
[[nodiscard]] Result<> known_host(App& app, std::string_view host);
// That one or, if it is empty, all. Errors: not_found.
[[nodiscard]] Result<std::vector<std::string>> hosts_asked_for(App& app, const std::string& host);

}  // namespace valise
