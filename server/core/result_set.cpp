#include "core/result_set.hpp"

#include <algorithm>
#include <charconv>

#include "core/namespaces.hpp"

namespace valise::core {
namespace {

constexpr std::size_t longest_id = 1024;

std::unexpected<StanzaError> malformed() {
  return std::unexpected(StanzaError{.type = StanzaError::Type::modify, .condition = "bad-request"});
}

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::expected<std::optional<PageWish>, StanzaError> read_page_wish(xml::Element parent) {
  const auto set = parent.child("set", ns::rsm);
  if (!set) return std::optional<PageWish>();
  PageWish wish;
  if (const auto max = set.child("max", ns::rsm)) {
    wish.max = number(max.text());
    if (!wish.max) return malformed();
  }
  if (const auto index = set.child("index", ns::rsm)) {
    wish.index = number(index.text());
    if (!wish.index) return malformed();
  }
  if (const auto after = set.child("after", ns::rsm); !after.text().empty()) wish.after = after.text();
  if (const auto before = set.child("before", ns::rsm)) wish.before = before.text();
  const int places = int(wish.after.has_value()) + int(wish.before.has_value()) + int(wish.index.has_value());
  if (places > 1) return malformed();
  if (wish.after.value_or("").size() > longest_id || wish.before.value_or("").size() > longest_id) return malformed();
  return std::optional(std::move(wish));
}

std::optional<Page> page_of(std::span<const std::string> ids, const PageWish& wish, std::size_t most) {
  const auto size = std::min(wish.max.value_or(most), most);
  if (wish.before) {
    auto end = ids.size();
    if (!wish.before->empty()) {
      const auto found = std::ranges::find(ids, *wish.before);
      if (found == ids.end()) return std::nullopt;
      end = static_cast<std::size_t>(found - ids.begin());
    }
    const auto count = std::min(size, end);
    return Page{end - count, count};
  }
  std::size_t first = std::min(wish.index.value_or(0), ids.size());
  if (wish.after) {
    const auto found = std::ranges::find(ids, *wish.after);
    if (found == ids.end()) return std::nullopt;
    first = static_cast<std::size_t>(found - ids.begin()) + 1;
  }
  return Page{first, std::min(size, ids.size() - first)};
}

void append_page(xml::Writer& writer, std::span<const std::string> ids, const Page& page) {
  writer.open("set", ns::rsm);
  if (page.count != 0) {
    writer.open("first").attribute("index", std::to_string(page.first)).text(ids[page.first]).close();
    writer.element("last", {}, ids[page.first + page.count - 1]);
  }
  writer.element("count", {}, std::to_string(ids.size())).close();
}

}  // namespace valise::core
