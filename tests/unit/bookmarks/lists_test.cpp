#include "modules/bookmarks/lists.hpp"

#include <gtest/gtest.h>

namespace valise::modules::bookmarks {
namespace {

Item item(std::string id, std::string_view name, std::string_view inner = {}) {
  return {.id = std::move(id),
          .payload = "<conference xmlns='urn:xmpp:bookmarks:1' name='" + std::string(name) + "'>" + std::string(inner) +
                     "</conference>"};
}

List list(std::initializer_list<std::pair<std::string_view, std::string_view>> rooms) {
  List out;
  for (const auto& [jid, name] : rooms) out.rooms.push_back({.jid = std::string(jid), .name = std::string(name)});
  return out;
}

std::string named(const std::vector<Room>& rooms) {
  std::string out;
  for (const auto& room : rooms) out += room.jid + "=" + room.name + " ";
  return out;
}

std::string ids(const std::vector<Item>& items) {
  std::string out;
  for (const auto& one : items) out += one.id + "=" + read_item(one)->name + " ";
  return out;
}

TEST(BookmarkLists, BothFormsSayTheSame) {
  const Room room{.jid = "r@m", .name = "R & B", .nick = "<me>", .password = "p", .extensions = {}, .autojoin = true};
  const auto as_item = read_item(write_item(room));
  ASSERT_TRUE(as_item);
  EXPECT_TRUE(same_in_list(*as_item, room));
  const auto as_list = read_list(write_list({.rooms = {room}}));
  ASSERT_EQ(as_list.rooms.size(), 1u);
  EXPECT_TRUE(same_in_list(as_list.rooms.front(), room));
  EXPECT_EQ(write_item({.jid = "r@m"}).payload, "<conference xmlns='urn:xmpp:bookmarks:1'/>");
}

TEST(BookmarkLists, WhatIsNoRoomIsNone) {
  for (const std::string_view id : {"", "not a room", "r@m/nick"}) EXPECT_FALSE(read_item(item(std::string(id), "x")));
  EXPECT_FALSE(read_item({"r@m", "<conference xmlns='storage:bookmarks'/>"}));
  EXPECT_FALSE(read_item({"r@m", ""}));
  EXPECT_FALSE(read_item(item(std::string(513, 'x'), "x")));
  EXPECT_EQ(read_item(item("Room@MUC.example.org", "x"))->jid, "room@muc.example.org");
}

TEST(BookmarkLists, WhatElseStandsInAListStaysThere) {
  const auto read = read_list(
      "<storage xmlns='storage:bookmarks'><url name='W' url='http://x'/><conference jid='r@m' autojoin='1'/>"
      "<conference name='nowhere'/><conference jid='R@m' name='again'/></storage>");
  ASSERT_EQ(read.rooms.size(), 1u);
  EXPECT_TRUE(read.rooms.front().autojoin);
  EXPECT_EQ(read.rooms.front().name, "");
  EXPECT_EQ(write_list(read),
            "<storage xmlns='storage:bookmarks'><conference jid='r@m' autojoin='true'/><url name='W' url='http://x'/>"
            "<conference name='nowhere'/></storage>");
  EXPECT_EQ(write_list(read_list("<other xmlns='storage:bookmarks'/>")), "<storage xmlns='storage:bookmarks'/>");
  EXPECT_EQ(read_list("<storage xmlns='storage:bookmarks'><conference jid='a@m'/></storage>"
                      "<storage xmlns='storage:bookmarks'><conference jid='b@m'/></storage>")
                .rooms.size(),
            2u);
}

TEST(BookmarkLists, AnItemChangesTheList) {
  const std::vector<Item> before{item("b@m", "B"), item("a@m", "A")};  // newest first
  const auto old = list({{"a@m", "A"}, {"b@m", "B"}});
  EXPECT_EQ(named(after_item(before, old, item("c@m", "C"), false, 9).list->rooms), "a@m=A b@m=B c@m=C ");
  EXPECT_EQ(named(after_item(before, old, item("a@m", "A2"), false, 9).list->rooms), "a@m=A2 b@m=B ");
  EXPECT_EQ(named(after_item(before, old, item("a@m", "A"), true, 9).list->rooms), "b@m=B ");
  EXPECT_FALSE(after_item(before, old, item("a@m", "A"), false, 9).list) << "nothing new";
  EXPECT_FALSE(after_item(before, old, {"a@m", "<x/>"}, false, 9).put.size());
  EXPECT_EQ(named(after_item(before, old, item("c@m", "C"), false, 2).list->rooms), "b@m=B c@m=C ")
      << "the oldest goes";
}

TEST(BookmarkLists, RoomsThatOnlyTheListNamesBecomeItemsAsLongAsThereIsPlace) {
  const std::vector<Item> before{item("a@m", "A")};
  const auto old = list({{"x@m", "X"}, {"y@m", "Y"}});
  const auto all = after_item(before, old, item("b@m", "B"), false, 9);
  EXPECT_EQ(ids(all.put), "x@m=X y@m=Y ");
  EXPECT_EQ(named(all.list->rooms), "x@m=X y@m=Y a@m=A b@m=B ");
  const auto some = after_item(before, old, item("b@m", "B"), false, 3);
  EXPECT_EQ(ids(some.put), "x@m=X ");
  EXPECT_EQ(named(some.list->rooms), "x@m=X y@m=Y a@m=A b@m=B ") << "none is lost";
  EXPECT_TRUE(after_item({}, old, item("x@m", ""), true, 9).list->rooms.size() == 1) << "but the one that goes";
}

TEST(BookmarkLists, AllItemsGoAndTakeTheirRoomsWithThem) {
  const auto left = after_clearance({item("a@m", "A")}, list({{"a@m", "A"}, {"x@m", "X"}}));
  EXPECT_EQ(named(left.list->rooms), "x@m=X ");
  EXPECT_FALSE(after_clearance({}, list({{"x@m", "X"}})).list);
}

TEST(BookmarkLists, AListChangesWhatDiffersAlone) {
  const std::string pinned = "<extensions><p xmlns='urn:p'/></extensions>";
  const std::vector<Item> before{item("b@m", "B"), item("A@m", "A", pinned), item("c@m", "C")};
  const auto seen = list({{"a@m", "A"}, {"b@m", "B"}, {"c@m", "C"}});
  const auto outcome = after_list(before, seen, {}, list({{"a@m", "A2"}, {"b@m", "B"}, {"d@m", "D"}}), 9);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(ids(outcome->put), "A@m=A2 d@m=D ") << "under the name that the item has";
  EXPECT_NE(outcome->put.front().payload.find("urn:p"), std::string::npos) << "XEP-0402 §3.4";
  EXPECT_EQ(outcome->removed, std::vector<std::string>{"c@m"});
  EXPECT_EQ(named(outcome->list->rooms), "a@m=A2 b@m=B d@m=D ");
}

TEST(BookmarkLists, WhoHasNotSeenARoomDoesNotRemoveIt) {
  const auto outcome = after_list({item("new@m", "N")}, list({}), list({{"old@m", "O"}}), list({{"a@m", "A"}}), 9);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(ids(outcome->put), "a@m=A old@m=O ");
  EXPECT_TRUE(outcome->removed.empty());
  EXPECT_EQ(named(outcome->list->rooms), "a@m=A old@m=O new@m=N ");
}

TEST(BookmarkLists, MoreRoomsThanAreKeptAreRefused) {
  const std::vector<Item> before{item("a@m", "A"), item("b@m", "B")};
  const auto seen = list({{"a@m", "A"}, {"b@m", "B"}});
  EXPECT_FALSE(after_list(before, seen, {}, list({{"a@m", "A"}, {"b@m", "B"}, {"c@m", "C"}}), 2));
  EXPECT_TRUE(after_list(before, seen, {}, list({{"a@m", "A"}, {"c@m", "C"}}), 2));
}

}  // namespace
}  // namespace valise::modules::bookmarks
