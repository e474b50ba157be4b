// Looks at the text of an option (option.hpp, Check): what is wrong with it, or "".
#pragma once

#include <string>
#include <string_view>

namespace valise::config {

// "127.0.0.1:5222", "[::1]:5222", "*:5222" (all addresses): numeric, so that starting needs no name service.
[[nodiscard]] std::string check_listen_address(std::string_view text);
// Empty stands for: not used.
[[nodiscard]] std::string check_absolute_path(std::string_view text);

}  // namespace valise::config
