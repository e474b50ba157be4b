#pragma once

#include "base/log.hpp"
#include "config/snapshot.hpp"
#include "core/settings.hpp"
#include "net/tls/context.hpp"
#include "storage/store.hpp"

namespace valise {

// From the configuration to the plain values that the kernel runs on.
[[nodiscard]] Ref<const core::Settings> make_settings(const config::Snapshot& config);
// state.path, or what stands for it when it is empty.
[[nodiscard]] std::string state_folder(const config::Snapshot& config);
[[nodiscard]] log::Level log_level(const config::Snapshot& config);
[[nodiscard]] net::TlsSettings make_tls_settings(const config::Snapshot& config);
[[nodiscard]] Result<std::unique_ptr<storage::Store>> open_store(const config::Snapshot& config);

}  // namespace valise
