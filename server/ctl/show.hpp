// The server's answers for people: tables and sentences. Scripts ask for --json, whose members these never change.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace valise::ctl {

// What of an answer is shown, and how; without columns: an object as "name: value" lines (the members of an object in
// it as "outer.inner"), a text as it is.
struct Layout {
  std::vector<std::string_view> columns;  // members of each row, in this order; the last may be long
  std::string_view nothing = "none";      // instead of a table without rows
  std::string (*sentence)(const nlohmann::json& answer) = nullptr;  // instead of all that
};

[[nodiscard]] std::string shown(const nlohmann::json& answer, const Layout& layout);

}  // namespace valise::ctl
