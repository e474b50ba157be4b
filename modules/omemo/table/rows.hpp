// What the files of this folder have in common. Private to it.
#pragma once

#include <algorithm>

#include "core/namespaces.hpp"
#include "modules/omemo/table/table.hpp"

namespace valise::modules::omemo::table {

[[nodiscard]] std::span<const Row> presence_rows() noexcept;
[[nodiscard]] std::span<const Row> request_rows() noexcept;
[[nodiscard]] std::span<const Row> answer_rows() noexcept;
[[nodiscard]] std::span<const Row> node_rows() noexcept;
[[nodiscard]] std::span<const Row> card_rows() noexcept;
[[nodiscard]] std::span<const Row> private_rows() noexcept;

// Each row has its reason, each that may pass the form in which it does; what has no row ends as `otherwise`.
[[nodiscard]] constexpr bool are_sound(std::span<const Row> rows, Verdict otherwise) noexcept {
  const bool sound = std::ranges::all_of(rows, [](const Row& row) {
    const bool may_pass = row.verdict == Verdict::pass || row.verdict == Verdict::replace || row.by != Switch::none;
    return !row.why.empty() && (!may_pass || row.form != Form::none);
  });
  const auto& last = rows.back();
  return sound && last.name.empty() && last.ns.empty() && last.form == Form::none && last.verdict == otherwise;
}

}  // namespace valise::modules::omemo::table
