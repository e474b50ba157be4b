#include "modules/invitation_page/clients.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace valise::modules::invitation_page {
namespace {

struct Names {
  Platform platform;
  std::string_view option, people;
};
constexpr std::array<Names, platforms> names{{{Platform::android, "android", "Android"},
                                              {Platform::ios, "ios", "iPhone, iPad"},
                                              {Platform::macos, "macos", "macOS"},
                                              {Platform::windows, "windows", "Windows"},
                                              {Platform::linux, "linux", "Linux"},
                                              {Platform::web, "web", "Web"}}};

std::string_view cut(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  auto part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  while (part.starts_with(' ')) part.remove_prefix(1);
  while (part.ends_with(' ')) part.remove_suffix(1);
  return part;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// RFC 3986's characters of an address, none of which ends a quoted attribute.
bool is_address(std::string_view text) {
  constexpr std::string_view scheme = "https://";
  const bool plain = std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~:/?#[]@!$&()*+,=%").find(c) != std::string_view::npos;
  });
  return plain && text.starts_with(scheme) && text.size() > scheme.size() && text[scheme.size()] != '/' &&
         text.size() <= 256;
}

}  // namespace

std::string_view name_of(Platform platform) noexcept {
  const auto found = std::ranges::find(names, platform, &Names::platform);
  return found == names.end() ? std::string_view() : found->people;
}

bool Client::runs(Platform platform) const noexcept { return std::ranges::find(runs_on, platform) != runs_on.end(); }

std::optional<Client> parse_client(std::string_view text) {
  Client client;
  client.name = cut(text, ';');
  auto where = cut(text, ';');
  client.url = cut(text, ';');
  const auto last = cut(text, ';');
  client.registers = last == "registers";
  if (client.name.empty() || client.name.size() > 64 || std::ranges::any_of(client.name, is_control)) return {};
  if (!is_address(client.url) || !(last.empty() || client.registers) || !text.empty() || where.empty()) return {};
  while (!where.empty()) {
    const auto found = std::ranges::find(names, cut(where, ','), &Names::option);
    if (found == names.end() || client.runs(found->platform)) return {};
    client.runs_on.push_back(found->platform);
  }
  return client;
}

Platform platform_of(std::string_view user_agent) noexcept {
  const auto says = [&](std::string_view word) { return user_agent.find(word) != std::string_view::npos; };
  // The more particular first: Android says Linux, an iPhone says Mac OS X. An iPad may pass for a Mac.
  if (says("Android")) return Platform::android;
  if (says("iPhone") || says("iPad") || says("iPod")) return Platform::ios;
  if (says("Windows")) return Platform::windows;
  if (says("Macintosh") || says("Mac OS X")) return Platform::macos;
  if (says("CrOS")) return Platform::web;
  if (says("Linux") || says("X11")) return Platform::linux;
  return Platform::unknown;
}

}  // namespace valise::modules::invitation_page
