// What a module takes part in, as the table of what passes knows it (docs/sealed-table.md). Each registration that
// could carry something from one person to another is asked for there: a module without a row does not start.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace valise::core {

struct Handled {
  enum class Kind : std::uint8_t {
    iq,     // `type`: "get" or "set"; `place`: "server" or "account"; `name` and `ns`: of the payload
    hook,   // at a stage: `place`: its name; `type`: "message", "presence" or "iq"
    nonza,  // `ns`
    bind,   // what a client asks for with its session, or is told behind it: `ns`; empty: told to each
    owner,  // what has one owner: `place` names the function of Registrar
  };
  std::string_view module;
  Kind kind = Kind::iq;
  std::string_view place{};
  std::string_view type{};
  std::string_view name{};
  std::string_view ns{};
};

// For people: "iq set <x xmlns='urn:x'/> of an account".
[[nodiscard]] std::string describe(const Handled& what);

// Whether the table has a row for it. A function, because the table lies above this layer.
using HasRow = bool (*)(const Handled&);

}  // namespace valise::core
