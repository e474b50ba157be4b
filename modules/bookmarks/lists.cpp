#include "modules/bookmarks/lists.hpp"

#include <algorithm>
#include <map>
#include <ranges>

#include "core/jid/jid.hpp"
#include "xml/writer.hpp"

namespace valise::modules::bookmarks {
namespace {

// XML Schema's boolean.
bool is_true(std::string_view text) noexcept { return text == "true" || text == "1"; }

// What both forms have alike.
Room read_conference(std::string jid, xml::Element conference) {
  const auto ns = conference.ns();
  return {.jid = std::move(jid),
          .name = std::string(conference.attribute_or_empty("name")),
          .nick = conference.child("nick", ns).text(),
          .password = conference.child("password", ns).text(),
          .extensions = {},
          .autojoin = is_true(conference.attribute_or_empty("autojoin"))};
}

void write_conference(xml::Writer& writer, const Room& room) {
  writer.attribute_if("name", room.name);
  if (room.autojoin) writer.attribute("autojoin", "true");
  if (!room.nick.empty()) writer.element("nick", {}, room.nick);
  if (!room.password.empty()) writer.element("password", {}, room.password);
}

// A room as both forms can name it.
std::optional<std::string> room_address(std::string_view text) {
  const auto jid = core::Jid::parse(text);
  if (!jid || !jid->is_bare() || jid->full().size() > max_room_address) return std::nullopt;
  return jid->str();
}

struct Known {
  std::string id;  // as the item is named: it may be another spelling of the room's address
  Room room;
};
// By room. Items that are no rooms are not among them.
std::map<std::string, Known> rooms_of(const std::vector<Item>& items) {
  std::map<std::string, Known> out;
  for (const auto& item : items) {
    auto room = read_item(item);
    if (room) out.try_emplace(room->jid, Known{item.id, *room});
  }
  return out;
}

bool has(const List& list, std::string_view jid) {
  return std::ranges::find(list.rooms, jid, &Room::jid) != list.rooms.end();
}

}  // namespace

bool same_in_list(const Room& a, const Room& b) {
  return a.jid == b.jid && a.name == b.name && a.nick == b.nick && a.password == b.password && a.autojoin == b.autojoin;
}

std::optional<Room> read_item(const Item& item) {
  auto jid = room_address(item.id);
  const auto document = xml::parse_element(item.payload);
  if (!jid || !document || !document->root().is("conference", native_node)) return std::nullopt;
  auto room = read_conference(std::move(*jid), document->root());
  if (const auto extensions = document->root().child("extensions", native_node)) {
    xml::append_tree(room.extensions, extensions, native_node);
  }
  return room;
}

Item write_item(const Room& room) {
  Item item{.id = room.jid, .payload = {}};
  xml::Writer writer(item.payload);
  writer.open("conference", native_node);
  write_conference(writer, room);
  writer.raw(room.extensions).close();
  return item;
}

List read_list(std::string_view xml) {
  List list;
  const auto document = xml::parse_element("<lists>" + std::string(xml) + "</lists>");
  if (!document) return list;
  for (const auto storage : document->root().children()) {
    if (!storage.is("storage", list_node)) continue;
    for (const auto child : storage.children()) {
      if (child.is_text()) continue;
      const bool conference = child.is("conference", list_node);
      auto jid = conference ? room_address(child.attribute_or_empty("jid")) : std::nullopt;
      if (!jid) {
        xml::append_tree(list.rest, child, list_node);
      } else if (!has(list, *jid)) {
        list.rooms.push_back(read_conference(std::move(*jid), child));
      }
    }
  }
  return list;
}

std::string write_list(const List& list) {
  std::string out;
  xml::Writer writer(out);
  writer.open("storage", list_node);
  for (const auto& room : list.rooms) {
    writer.open("conference").attribute("jid", room.jid);
    write_conference(writer, room);
    writer.close();
  }
  writer.raw(list.rest).close();
  return out;
}

Outcome after_item(const std::vector<Item>& before, const List& list, const Item& item, bool removed,
                   std::size_t keep) {
  const auto known = rooms_of(before);
  std::vector<Item> after;  // newest first
  if (!removed) after.push_back(item);
  for (const auto& other : before) {
    if (other.id != item.id && after.size() < keep) after.push_back(other);
  }
  const auto rooms = rooms_of(after);
  Outcome outcome;
  List changed{.rooms = {}, .rest = list.rest};
  for (const auto& room : list.rooms) {
    if (const auto now = rooms.find(room.jid); now != rooms.end()) {
      changed.rooms.push_back(now->second.room);
    } else if (!known.contains(room.jid) && room_address(item.id) != room.jid) {
      if (after.size() + outcome.put.size() < keep) outcome.put.push_back(write_item(room));
      changed.rooms.push_back(room);
    }
  }
  for (const auto& each : after | std::views::reverse) {
    const auto room = read_item(each);
    if (room && !has(changed, room->jid)) changed.rooms.push_back(*room);
  }
  if (!std::ranges::equal(changed.rooms, list.rooms, same_in_list)) outcome.list = std::move(changed);
  return outcome;
}

Outcome after_clearance(const std::vector<Item>& before, const List& list) {
  const auto known = rooms_of(before);
  List left{.rooms = {}, .rest = list.rest};
  std::ranges::copy_if(list.rooms, std::back_inserter(left.rooms),
                       [&](const Room& room) { return !known.contains(room.jid); });
  Outcome outcome;
  if (left.rooms.size() != list.rooms.size()) outcome.list = std::move(left);
  return outcome;
}

std::optional<Outcome> after_list(const std::vector<Item>& before, const List& seen, const List& unseen, List wanted,
                                  std::size_t keep) {
  const auto known = rooms_of(before);
  for (const auto& room : unseen.rooms) {
    if (!has(wanted, room.jid) && !has(seen, room.jid)) wanted.rooms.push_back(room);
  }
  for (const auto& item : before | std::views::reverse) {
    const auto room = read_item(item);
    if (room && !has(wanted, room->jid) && !has(seen, room->jid)) wanted.rooms.push_back(*room);
  }
  Outcome outcome;
  std::size_t fresh = 0;
  for (auto& room : wanted.rooms) {
    const auto item = known.find(room.jid);
    if (item == known.end()) {
      ++fresh;
      outcome.put.push_back(write_item(room));
    } else if (!same_in_list(room, item->second.room)) {
      room.extensions = item->second.room.extensions;
      outcome.put.push_back(write_item(room));
      outcome.put.back().id = item->second.id;
    }
  }
  for (const auto& [jid, item] : known) {
    if (!has(wanted, jid)) outcome.removed.push_back(item.id);
  }
  if (before.size() + fresh > keep + outcome.removed.size()) return std::nullopt;
  outcome.list = std::move(wanted);
  return outcome;
}

}  // namespace valise::modules::bookmarks
