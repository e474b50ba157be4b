// A request for a page (XEP-0059). First byte: how long the list is (0 to 15) and how many of it one page may hold (0
// to 15); then the element that holds the <set/>. What must hold:
//  - a page lies within the list, and is no longer than asked for and allowed;
//  - it stands where it was asked for: behind `after`, before `before`, at `index`;
//  - what is answered is read back, and leads on to the next page without a gap.
#include <string>
#include <vector>

#include "core/namespaces.hpp"
#include "core/result_set.hpp"
#include "fuzz/check.hpp"
#include "xml/document.hpp"

namespace {

using namespace valise;
using fuzz::check;

std::vector<std::string> list_of(std::size_t length) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < length; ++i) ids.push_back(std::string(1, static_cast<char>('a' + i)));
  return ids;
}

void check_place(const std::vector<std::string>& ids, const core::PageWish& wish, const core::Page& page) {
  const auto end = page.first + page.count;
  if (wish.after) check(page.first > 0 && ids[page.first - 1] == *wish.after, "it does not begin behind its id");
  if (wish.before && wish.before->empty()) check(end == ids.size(), "it does not end with the list");
  if (wish.before && !wish.before->empty()) check(ids.at(end) == *wish.before, "it does not end before its id");
  if (wish.index) check(page.first == std::min(*wish.index, ids.size()), "it does not begin at its place");
  if (!wish.after && !wish.before && !wish.index) check(page.first == 0, "it does not begin with the list");
}

void check_answer(const std::vector<std::string>& ids, const core::Page& page) {
  std::string out;
  xml::Writer writer(out);
  writer.open("query");
  core::append_page(writer, ids, page);
  writer.close();
  const auto document = xml::parse_element(out);
  check(static_cast<bool>(document), "the answer can't be read");
  const auto set = document->root().child("set", core::ns::rsm);
  check(set.child("count", core::ns::rsm).text() == std::to_string(ids.size()), "the count");
  const auto last = set.child("last", core::ns::rsm);
  check(static_cast<bool>(last) == (page.count != 0), "an empty page names an item");
  if (page.count == 0) return;
  check(set.child("first", core::ns::rsm).text() == ids[page.first], "the first item");
  const auto next = core::page_of(ids, {.after = last.text()}, ids.size());
  check(next && next->first == page.first + page.count, "the next page leaves a gap");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto ids = list_of(data[0] & 15U);
  const std::size_t most = data[0] >> 4U;
  const auto document = xml::parse_element({reinterpret_cast<const char*>(data) + 1, size - 1});
  if (!document) return 0;
  const auto wish = core::read_page_wish(document->root());
  if (!wish) {
    check(wish.error().condition == "bad-request", "another error");
    return 0;
  }
  check(wish->has_value() == static_cast<bool>(document->root().child("set", core::ns::rsm)), "a wish out of nothing");
  if (!*wish) return 0;
  const auto& wanted = **wish;
  check(int(wanted.after.has_value()) + int(wanted.before.has_value()) + int(wanted.index.has_value()) <= 1,
        "two places at once");
  const auto page = core::page_of(ids, wanted, most);
  if (!page) {
    check(wanted.after || wanted.before, "nothing was named that could be missing");
    return 0;
  }
  check(page->first <= ids.size() && page->count <= ids.size() - page->first, "it reaches beyond the list");
  check(page->count <= most && page->count <= wanted.max.value_or(most), "it is too long");
  check_place(ids, wanted, *page);
  check_answer(ids, *page);
  return 0;
}
