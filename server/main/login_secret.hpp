#pragma once

#include <string>

#include "base/error.hpp"

namespace valise {

// What makes the salts of accounts that do not exist (auth::FakeKeys): 32 bytes in `folder`/login-secret, mode 0600,
// made when they are not there yet; a folder that is missing is made with mode 0700. Where `former_folder` still holds
// it, it moves. Errors: a file that others may read or that group or others may change, one of another size, a folder
// that cannot be written.
[[nodiscard]] Result<std::string> login_secret(const std::string& folder, const std::string& former_folder);

}  // namespace valise
