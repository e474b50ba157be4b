// The fields of a node's configuration (XEP-0060 §16.4.4), one row each: forms, storage and preconditions come from
// here. Private to nodes.hpp's implementation.
#pragma once

#include <span>

#include "modules/pep/nodes.hpp"

namespace valise::modules::pep {

struct Field {
  enum class Type : std::uint8_t { text_single, boolean, list_single, text_multi };
  using Values = std::vector<std::string>;

  std::string_view name;
  Type type;
  std::span<const std::string_view> options{};  // list_single
  Values (*get)(const NodeConfig&, const NodeLimits&);
  std::expected<void, ConfigFault> (*set)(NodeConfig&, const Values&, const NodeLimits&);
};
[[nodiscard]] std::span<const Field> node_fields() noexcept;
// Null: no node has it.
[[nodiscard]] const Field* find_field(std::string_view name) noexcept;

}  // namespace valise::modules::pep
