// The clients that the page names, and on what a visitor would run one. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace valise::modules::invitation_page {

enum class Platform : std::uint8_t { android, ios, macos, windows, linux, web, unknown };
inline constexpr unsigned platforms = 6;  // that clients run on

[[nodiscard]] std::string_view name_of(Platform platform) noexcept;  // for people, in every language

struct Client {
  std::string name;
  std::string url;  // of its home page
  std::vector<Platform> runs_on;
  bool registers = false;  // it makes the account of an invitation itself (XEP-0445)

  [[nodiscard]] bool runs(Platform platform) const noexcept;
};

// "Conversations; android; https://conversations.im/; registers". Nothing for what is not written so: name of 1 to
// 64 bytes, platforms between commas, https address; the last part may be missing.
[[nodiscard]] std::optional<Client> parse_client(std::string_view text);

// By a browser's User-Agent; unknown where it does not say.
[[nodiscard]] Platform platform_of(std::string_view user_agent) noexcept;

}  // namespace valise::modules::invitation_page
