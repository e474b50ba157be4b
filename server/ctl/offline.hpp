// What valisectl does on files, without the server: the audit log and certificates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace valise::ctl {

// Each returns the exit code: 0 sound, 1 not, 2 could not be done.
// `known`: "SIZE:CHAIN" as an earlier call printed it, or "". Exit codes: 0 sound, 1 not sound, 2 nothing could be
// checked.
int audit_verify(const std::string& folder, const std::string& known, bool json);
int audit_show(const std::string& folder, std::uint64_t from, std::uint64_t count);
int make_certificate(const std::string& ca_folder, const std::vector<std::string>& names,
                     const std::string& certificate_file, const std::string& key_file);

}  // namespace valise::ctl
