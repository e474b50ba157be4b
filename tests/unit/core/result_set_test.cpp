// XEP-0059.
#include "core/result_set.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace valise::core {
namespace {

const std::vector<std::string> ids{"a", "b", "c", "d", "e"};

std::string page(std::string_view set, std::size_t most = 100) {
  const auto text = "<q><set xmlns='http://jabber.org/protocol/rsm'>" + std::string(set) + "</set></q>";
  const auto document = xml::parse_element(text);
  const auto wish = read_page_wish(document->root());
  if (!wish) return std::string(wish.error().condition);
  const auto part = page_of(ids, **wish, most);
  if (!part) return "gone";
  std::string out;
  for (std::size_t i = 0; i < part->count; ++i) out += ids[part->first + i];
  return out + "@" + std::to_string(part->first);
}

TEST(ResultSet, PagesBeginWhereTheyAreAskedTo) {
  EXPECT_EQ(page(""), "abcde@0");
  EXPECT_EQ(page("<max>2</max>"), "ab@0");
  EXPECT_EQ(page("<max>2</max><after>b</after>"), "cd@2");
  EXPECT_EQ(page("<max>9</max><after>d</after>"), "e@4");
  EXPECT_EQ(page("<max>2</max><after/>"), "ab@0");
  EXPECT_EQ(page("<max>2</max><before>d</before>"), "bc@1");
  EXPECT_EQ(page("<max>9</max><before>c</before>"), "ab@0");
  EXPECT_EQ(page("<max>2</max><before/>"), "de@3");
  EXPECT_EQ(page("<max>2</max><index>3</index>"), "de@3");
  EXPECT_EQ(page("<max>9</max>", 3), "abc@0");
  EXPECT_EQ(page("<before/>", 3), "cde@2");
}

TEST(ResultSet, SomePagesAreEmpty) {
  EXPECT_EQ(page("<max>0</max>"), "@0");
  EXPECT_EQ(page("<max>2</max><after>e</after>"), "@5");
  EXPECT_EQ(page("<max>2</max><before>a</before>"), "@0");
  EXPECT_EQ(page("<index>5</index>"), "@5");
  EXPECT_EQ(page("<index>18446744073709551615</index>"), "@5");
  EXPECT_EQ(page_of({}, PageWish{.max = 3}, 9)->count, 0U);
  EXPECT_EQ(page_of({}, PageWish{.before = ""}, 9)->count, 0U);
}

TEST(ResultSet, WhatIsNotThereIsSaid) {
  EXPECT_EQ(page("<after>x</after>"), "gone");
  EXPECT_EQ(page("<before>x</before>"), "gone");
  for (const auto* bad :
       {"<max>x</max>", "<max/>", "<max>-1</max>", "<max>18446744073709551616</max>", "<index>1 </index>",
        "<after>a</after><before>b</before>", "<after>a</after><index>1</index>"}) {
    EXPECT_EQ(page(bad), "bad-request") << bad;
  }
  EXPECT_EQ(page("<after>" + std::string(1025, 'x') + "</after>"), "bad-request");
  const auto document = xml::parse_element("<q><set xmlns='urn:example'/></q>");
  EXPECT_FALSE(*read_page_wish(document->root()));
}

TEST(ResultSet, AnAnswerSaysWhichPartItIs) {
  std::string out;
  xml::Writer writer(out);
  append_page(writer, ids, {.first = 1, .count = 2});
  EXPECT_EQ(
      out,
      "<set xmlns='http://jabber.org/protocol/rsm'><first index='1'>b</first><last>c</last><count>5</count></set>");
  out.clear();
  append_page(writer, ids, {.first = 5, .count = 0});
  EXPECT_EQ(out, "<set xmlns='http://jabber.org/protocol/rsm'><count>5</count></set>");
}

}  // namespace
}  // namespace valise::core
