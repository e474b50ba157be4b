// Looks at the text of an option (option.hpp, Check): what is wrong with it, or "".
#pragma once

#include <string>
#include <string_view>

namespace valise::config {

// "127.0.0.1:5222", "[::1]:5222", "*:5222" (all addresses): numeric, so that starting needs no name service.
[[nodiscard]] std::string check_listen_address(std::string_view text);
// The same, and nobody on another machine reaches it: 127.0.0.0/8, [::1].
[[nodiscard]] std::string check_loopback_address(std::string_view text);
// XEP-0198 §3: "xmpp.example.org:5222", "192.0.2.1", "[2001:db8::1]:5222". Empty stands for: not used.
[[nodiscard]] std::string check_host_port(std::string_view text);
// "10.0.0.0/8", "::1".
[[nodiscard]] std::string check_network(std::string_view text);
// "https://chat.example.org", "https://chat.example.org:5281": no path. Empty stands for: not used.
[[nodiscard]] std::string check_web_address(std::string_view text);
// The same, or "*".
[[nodiscard]] std::string check_origin(std::string_view text);
// Empty stands for: not used.
[[nodiscard]] std::string check_absolute_path(std::string_view text);

}  // namespace valise::config
