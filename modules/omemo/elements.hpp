// What an element of a message becomes, by the form that its row in the table names (docs/sealed-table.md).
#pragma once

#include <string>

#include "core/stanza.hpp"
#include "modules/omemo/table/table.hpp"

namespace valise::modules::omemo {

// Writes `element` anew as its row says. False: it is not what the row describes, and nothing was written. Seals,
// bodies and the name of the encryption are the allow-list's own.
[[nodiscard]] bool append_as(std::string& out, xml::Element element, const table::MessageRow& row,
                             const core::Stanza& message);

// A header without keys (Converse, where no device of that version is trusted): nothing in it can be read.
[[nodiscard]] bool is_for_nobody(xml::Element encrypted);

}  // namespace valise::modules::omemo
