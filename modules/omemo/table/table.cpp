#include "modules/omemo/table/table.hpp"

#include "modules/omemo/table/rows.hpp"

namespace valise::modules::omemo::table {

std::string_view name_of(Path path) noexcept {
  switch (path) {
    case Path::presence:
      return "presence";
    case Path::request:
      return "request";
    case Path::answer:
      return "answer";
    case Path::node:
      return "node";
    case Path::card:
      return "card";
    case Path::private_xml:
      return "private_xml";
  }
  return "?";
}

std::span<const Row> rows(Path path) noexcept {
  switch (path) {
    case Path::presence:
      return presence_rows();
    case Path::request:
      return request_rows();
    case Path::answer:
      return answer_rows();
    case Path::node:
      return node_rows();
    case Path::card:
      return card_rows();
    case Path::private_xml:
      return private_rows();
  }
  return private_rows();
}

const Row& row_of(Path path, std::string_view name, std::string_view ns, std::string_view type) noexcept {
  const auto all = rows(path);
  for (const auto& row : all) {
    if (row.ns == ns && (row.name == name || row.name.empty()) && (row.type.empty() || row.type == type)) return row;
  }
  return all.back();
}

const Row& row_of_node(std::string_view node) noexcept {
  const auto all = node_rows();
  for (const auto& row : all.first(all.size() - 1)) {
    if (row.prefix ? node.starts_with(row.name) : node == row.name) return row;
  }
  return all.back();
}

bool passes(const Row& row, core::Switches switches) noexcept {
  return (row.verdict == Verdict::pass || row.verdict == Verdict::replace) != is_turned(switches, row.by);
}

}  // namespace valise::modules::omemo::table
