#include "modules/roster/book.hpp"

#include <gtest/gtest.h>

namespace {

using namespace valise;
using modules::roster::Book;
using modules::roster::is_hidden;
using modules::roster::looks_equal;
using storage::RosterItem;

RosterItem item(std::string jid, std::string name = {}, std::uint64_t version = 1) {
  return {.jid = std::move(jid), .name = std::move(name), .version = version};
}
RosterItem hidden(std::string jid) {
  auto row = item(std::move(jid));
  row.pending_in = " <presence type='subscribe'/>";
  return row;
}

TEST(Book, FindsWhatTheStoreHeldInAnyOrder) {
  Book book({7, {item("c@x"), item("a@x"), item("b@x")}});
  EXPECT_EQ(book.version(), 7u);
  for (const auto* jid : {"a@x", "b@x", "c@x"}) {
    ASSERT_NE(book.find(jid), nullptr) << jid;
    EXPECT_EQ(book.find(jid)->jid, jid);
  }
  EXPECT_EQ(book.find("d@x"), nullptr);
  EXPECT_EQ(book.find(""), nullptr);
}

TEST(Book, ShowsAChangeAtOnceAndKeepsItWhenDurable) {
  Book book({});
  book.begin("a@x", item("a@x", "Anna"));
  EXPECT_EQ(book.find("a@x")->name, "Anna");
  EXPECT_EQ(book.version(), 0u);
  book.succeeded("a@x", item("a@x", "Anna"), 42);
  EXPECT_EQ(book.find("a@x")->name, "Anna");
  EXPECT_EQ(book.find("a@x")->version, 42u);
  EXPECT_EQ(book.version(), 42u);
}

TEST(Book, TakesAFailedChangeBack) {
  Book book({5, {item("a@x", "old")}});
  book.begin("a@x", item("a@x", "new"));
  book.failed("a@x");
  EXPECT_EQ(book.find("a@x")->name, "old");
  book.begin("b@x", item("b@x"));
  book.failed("b@x");
  EXPECT_EQ(book.find("b@x"), nullptr);
  book.begin("a@x", std::nullopt);
  EXPECT_EQ(book.find("a@x"), nullptr);
  book.failed("a@x");
  EXPECT_EQ(book.find("a@x")->name, "old");
  EXPECT_EQ(book.version(), 5u);
}

TEST(Book, EndsWithWhatTheStoreHoldsHoweverSeveralUnitsFared) {
  Book book({1, {item("a@x", "0")}});
  book.begin("a@x", item("a@x", "1"));
  book.begin("a@x", item("a@x", "2"));
  book.failed("a@x");
  EXPECT_EQ(book.find("a@x")->name, "2");
  book.succeeded("a@x", item("a@x", "2"), 9);
  EXPECT_EQ(book.find("a@x")->name, "2");

  book.begin("a@x", item("a@x", "3"));
  book.begin("a@x", item("a@x", "4"));
  book.succeeded("a@x", item("a@x", "3"), 10);
  book.failed("a@x");
  EXPECT_EQ(book.find("a@x")->name, "3");
  EXPECT_EQ(book.find("a@x")->version, 10u);
}

TEST(Book, CountsVisibleAndHiddenRowsThroughEveryChange) {
  Book book({1, {item("a@x"), hidden("h@x")}});
  EXPECT_EQ(book.visible(), 1u);
  EXPECT_EQ(book.hidden(), 1u);
  book.begin("h@x", item("h@x"));
  EXPECT_EQ(book.hidden(), 0u);
  EXPECT_EQ(book.visible(), 2u);
  book.failed("h@x");
  EXPECT_EQ(book.hidden(), 1u);
  book.begin("h@x", std::nullopt);
  book.succeeded("h@x", std::nullopt, 3);
  EXPECT_EQ(book.hidden(), 0u);
  EXPECT_EQ(book.visible(), 1u);
}

TEST(Book, TellsWhatChangedSinceAVersion) {
  Book book({10, {item("a@x", "", 3), item("b@x", "", 10)}});
  book.begin("c@x", item("c@x"));
  book.succeeded("c@x", item("c@x"), 12);
  book.begin("a@x", std::nullopt);
  book.succeeded("a@x", std::nullopt, 13);
  const auto changes = book.since(10);
  ASSERT_TRUE(changes);
  ASSERT_EQ(changes->items.size(), 1u);
  EXPECT_EQ(changes->items[0]->jid, "c@x");
  ASSERT_EQ(changes->removed.size(), 1u);
  EXPECT_EQ(changes->removed[0].second, "a@x");
  EXPECT_TRUE(book.since(13)->items.empty());
}

TEST(Book, KnowsNoChangesOfVersionsBeforeItWasLoadedOrNotItsOwn) {
  Book book({10, {item("a@x")}});
  EXPECT_FALSE(book.since(9));
  EXPECT_FALSE(book.since(11));
  EXPECT_TRUE(book.since(10));
}

TEST(Book, ForgetsOldRemovalsButThenAsksForTheWholeRoster) {
  Book book({1, {}});
  for (std::uint64_t i = 0; i < 70; ++i) {
    const auto jid = "u" + std::to_string(i) + "@x";
    book.begin(jid, item(jid));
    book.succeeded(jid, item(jid), 2 + 2 * i);
    book.begin(jid, std::nullopt);
    book.succeeded(jid, std::nullopt, 3 + 2 * i);
  }
  EXPECT_FALSE(book.since(1));
  const auto recent = book.since(book.version() - 4);
  ASSERT_TRUE(recent);
  EXPECT_EQ(recent->removed.size(), 2u);
}

TEST(Book, AnAddressTakenInAgainIsNotReportedAsRemoved) {
  Book book({1, {item("a@x")}});
  book.begin("a@x", std::nullopt);
  book.succeeded("a@x", std::nullopt, 2);
  book.begin("a@x", item("a@x", "again"));
  book.succeeded("a@x", item("a@x", "again"), 3);
  const auto changes = book.since(1);
  ASSERT_TRUE(changes);
  EXPECT_TRUE(changes->removed.empty());
  EXPECT_EQ(changes->items.size(), 1u);
}

TEST(Look, OfAHiddenRowIsThatOfNone) {
  const auto secret = hidden("a@x");
  const auto shown = item("a@x");
  EXPECT_TRUE(is_hidden(secret));
  EXPECT_TRUE(looks_equal(&secret, nullptr));
  EXPECT_FALSE(looks_equal(&shown, nullptr));
  auto asked = shown;
  asked.pending_in = "<presence type='subscribe'/>";
  EXPECT_FALSE(is_hidden(asked));
  EXPECT_TRUE(looks_equal(&shown, &asked));  // pending in is nobody's business (RFC 6121 §2.1.2)
  asked.ask = true;
  EXPECT_FALSE(looks_equal(&shown, &asked));
}

}  // namespace
