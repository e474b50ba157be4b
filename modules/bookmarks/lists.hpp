// Bookmarks in their two forms, and what a change of one means for the other: an item a room (XEP-0402), and one list
// of all rooms (XEP-0048), which PEP and private XML share. Pure.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xml/document.hpp"

namespace valise::modules::bookmarks {

inline constexpr std::string_view native_node = "urn:xmpp:bookmarks:1";  // XEP-0402; also the namespace
inline constexpr std::string_view list_node = "storage:bookmarks";       // XEP-0048; also the namespace
inline constexpr std::string_view list_item = "current";                 // XEP-0048 §3.1
inline constexpr std::size_t max_room_address = 512;                     // bytes; an item can't be named by more

struct Room {
  std::string jid;  // bare, canonical
  std::string name;
  std::string nick;
  std::string password;
  std::string extensions;  // <extensions/> (XEP-0402 §2), which the list has no place for; empty: none
  bool autojoin = false;
};
// As far as the list knows.
[[nodiscard]] bool same_in_list(const Room& a, const Room& b);

struct Item {
  std::string id;
  std::string payload;
};
// Nothing: its name is no room, or it is no <conference/>.
[[nodiscard]] std::optional<Room> read_item(const Item& item);
[[nodiscard]] Item write_item(const Room& room);

struct List {
  std::vector<Room> rooms{};  // each once, the first of them
  std::string rest{};         // what else stands in the list, as XML: addresses of pages, rooms without an address
};
// Of one <storage/> or several; anything else is an empty list.
[[nodiscard]] List read_list(std::string_view xml);
[[nodiscard]] std::string write_list(const List& list);

// What has to be written in the other form, and in this one.
struct Outcome {
  std::vector<Item> put{};             // items that are new or say something else
  std::vector<std::string> removed{};  // names of items
  std::optional<List> list{};          // nothing: it stays as it is
};

// A client publishes `item`, or takes it away (without payload). `before`: the items that are there, newest first;
// `keep`: so many are kept. Rooms that only the list names, from before the two forms were one, become items as long as
// there is place.
[[nodiscard]] Outcome after_item(const std::vector<Item>& before, const List& list, const Item& item, bool removed,
                                 std::size_t keep);
// All items go.
[[nodiscard]] Outcome after_clearance(const std::vector<Item>& before, const List& list);
// A client replaces the list that it has seen as `seen` by `wanted`. Rooms that are not in `seen`, be they items or in
// `unseen`, stay. Extensions of an item stay (XEP-0402 §3.4). Nothing: more rooms than `keep`.
[[nodiscard]] std::optional<Outcome> after_list(const std::vector<Item>& before, const List& seen, const List& unseen,
                                                List wanted, std::size_t keep);

}  // namespace valise::modules::bookmarks
