#pragma once

#include "config/snapshot.hpp"
#include "core/settings.hpp"
#include "net/tls/context.hpp"
#include "storage/store.hpp"

namespace valise {

// From the configuration to the plain values that the kernel runs on.
[[nodiscard]] Ref<const core::Settings> make_settings(const config::Snapshot& config);
[[nodiscard]] net::TlsSettings make_tls_settings(const config::Snapshot& config);
[[nodiscard]] Result<std::unique_ptr<storage::Store>> open_store(const config::Snapshot& config);

}  // namespace valise
