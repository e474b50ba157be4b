#include "show.hpp"

#include <algorithm>
#include <vector>

namespace valise::ctl {
namespace {

using Json = nlohmann::json;

std::string plain(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (!value.is_array()) return value.dump();
  std::string out;
  for (const auto& one : value) out += (out.empty() ? "" : ", ") + plain(one);
  return out;
}

// Characters, not bytes: names hold any script.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80; }));
}

std::string table(const Json& rows, const Layout& layout) {
  if (rows.empty()) return std::string(layout.nothing) + "\n";
  std::vector<std::vector<std::string>> lines(1);
  for (const auto column : layout.columns) {
    lines.front().emplace_back(column);
    std::ranges::transform(lines.front().back(), lines.front().back().begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  }
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (const auto column : layout.columns) line.push_back(plain(row.value(std::string(column), Json(""))));
  }
  std::string out;
  std::vector<std::size_t> widths(layout.columns.size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
  }
  for (const auto& line : lines) {
    for (std::size_t i = 0; i + 1 < widths.size(); ++i)
      out += line[i] + std::string(widths[i] - width(line[i]) + 2, ' ');
    out += line.back() + "\n";
  }
  return out;
}

void append_lines(std::string& out, const Json& object, const std::string& prefix) {
  for (const auto& [name, value] : object.items()) {
    if (value.is_object()) {
      append_lines(out, value, prefix + name + ".");
    } else {
      out += prefix + name + ": " + plain(value) + "\n";
    }
  }
}

}  // namespace

std::string shown(const Json& answer, const Layout& layout) {
  if (layout.sentence != nullptr) return layout.sentence(answer);
  if (answer.is_array()) return table(answer, layout);
  std::string out;
  if (answer.is_object()) {
    append_lines(out, answer, {});
  } else {
    out = plain(answer);
  }
  if (!out.ends_with('\n')) out += '\n';
  return out;
}

}  // namespace valise::ctl
