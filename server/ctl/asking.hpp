// A command that is one question to the server: asked, and its answer or error printed.
#pragma once

#include <string>

#include "client.hpp"
#include "show.hpp"

namespace valise::ctl {

// Where to ask, and how to print. Kept by the command line's callbacks.
struct Asking {
  const std::string& socket;  // of the server
  const bool& json;           // for scripts
};

[[nodiscard]] std::expected<nlohmann::json, Failure> ask(const Asking& asking, nlohmann::json request);
// Returns the exit code.
int print(const nlohmann::json& answer, const Asking& asking, const Layout& layout);
int ask_and_print(const Asking& asking, nlohmann::json request, const Layout& layout);

}  // namespace valise::ctl
