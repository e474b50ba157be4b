// What valisectl does on files, without the server: the audit log and certificates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace valise::ctl {

// Each returns the exit code (failure.hpp).
// `known`: "SIZE:CHAIN" as an earlier call printed it, or "".
int audit_verify(const std::string& folder, const std::string& known, bool json);
int audit_show(const std::string& folder, std::uint64_t from, std::uint64_t count, bool json);
int make_certificate(const std::string& ca_folder, const std::vector<std::string>& names,
                     const std::string& certificate_file, const std::string& key_file, bool replace, bool json);

}  // namespace valise::ctl
