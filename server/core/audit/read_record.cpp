#include "core/audit/read_record.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace valise::core::audit {
namespace {

bool take(std::string_view& text, char c) noexcept {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

constexpr std::pair<std::string_view, std::string_view RecordView::*> texts[] = {
    {"kind", &RecordView::kind},
    {"from", &RecordView::from},
    {"resource", &RecordView::resource},
    {"session", &RecordView::session},
    {"source", &RecordView::source},
    {"tls", &RecordView::tls},
    {"mechanism", &RecordView::mechanism},
    {"to", &RecordView::to},
    {"stanza", &RecordView::stanza},
    {"type", &RecordView::type},
    {"encryption", &RecordView::encryption},
    {"verdict", &RecordView::verdict},
    {"reason", &RecordView::reason},
    {"rule", &RecordView::rule},
};
constexpr std::pair<std::string_view, std::uint64_t RecordView::*> numbers[] = {
    {"size", &RecordView::size}, {"device", &RecordView::device}, {"keys", &RecordView::keys}};

template <class Members>
auto* member(const Members& members, std::string_view name) {
  const auto* found = std::ranges::find(members, name, [](const auto& one) { return one.first; });
  return found == std::end(members) ? nullptr : found;
}

// Four hexadecimal digits.
bool read_unit(std::string_view& json, unsigned& out) {
  if (json.size() < 4) return false;
  const auto [stop, fault] = std::from_chars(json.data(), json.data() + 4, out, 16);
  if (fault != std::errc() || stop != json.data() + 4 || json.front() == '-') return false;
  json.remove_prefix(4);
  return true;
}

void append_utf8(std::string& out, unsigned code) {
  const auto push = [&out](unsigned byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return push(code);
  if (code < 0x800) {
    push(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      push(0xe0 | code >> 12);
    } else {
      push(0xf0 | code >> 18);
      push(0x80 | (code >> 12 & 0x3f));
    }
    push(0x80 | (code >> 6 & 0x3f));
  }
  push(0x80 | (code & 0x3f));
}

}  // namespace

// Behind the backslash.
bool RecordReader::append_escape(std::string_view& json) {
  if (take(json, '"')) return unescaped_.push_back('"'), true;
  if (take(json, '\\')) return unescaped_.push_back('\\'), true;
  unsigned unit = 0, low = 0;
  if (!take(json, 'u') || !read_unit(json, unit)) return false;
  if (unit >= 0xdc00 && unit < 0xe000) return false;
  if (unit >= 0xd800 && unit < 0xdc00) {
    if (!take(json, '\\') || !take(json, 'u') || !read_unit(json, low) || low < 0xdc00 || low >= 0xe000) return false;
    unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  }
  append_utf8(unescaped_, unit);
  return true;
}

bool RecordReader::read_text(std::string_view& json, std::string_view& out) {
  if (!take(json, '"')) return false;
  const auto stop = json.find_first_of("\"\\");
  if (stop == std::string_view::npos) return false;
  if (json[stop] == '"') {
    out = json.substr(0, stop);
    json.remove_prefix(stop + 1);
    return true;
  }
  const auto start = unescaped_.size();
  while (!take(json, '"')) {
    if (json.empty()) return false;
    if (take(json, '\\')) {
      if (!append_escape(json)) return false;
      continue;
    }
    const auto plain = std::min(json.find_first_of("\"\\"), json.size());
    unescaped_.append(json.substr(0, plain));
    json.remove_prefix(plain);
  }
  out = std::string_view(unescaped_).substr(start);
  return true;
}

bool RecordReader::read(std::string_view json, RecordView& out) {
  out = {};
  unescaped_.clear();
  unescaped_.reserve(json.size());  // what is unescaped is never longer
  if (!take(json, '{')) return false;
  do {
    std::string_view name, text;
    if (!read_text(json, name) || !take(json, ':')) return false;
    if (json.starts_with('"')) {
      if (!read_text(json, text)) return false;
      if (const auto* known = member(texts, name)) out.*(known->second) = text;
    } else if (json.starts_with("true")) {
      json.remove_prefix(4);
      if (name == "cut") out.cut = true;
    } else {
      std::uint64_t number = 0;
      const auto [stop, fault] = std::from_chars(json.data(), json.data() + json.size(), number);
      if (fault != std::errc()) return false;
      json.remove_prefix(static_cast<std::size_t>(stop - json.data()));
      if (const auto* known = member(numbers, name)) out.*(known->second) = number;
    }
  } while (take(json, ','));
  return json == "}" && !out.kind.empty();
}

}  // namespace valise::core::audit
