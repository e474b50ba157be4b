// XEP-0401: links by which people make an account and become contacts, with XEP-0379 and XEP-0445.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& invitations_manifest();

}  // namespace valise::modules
