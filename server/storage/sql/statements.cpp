#include "storage/sql/statements.hpp"

#include <array>

namespace valise::storage::sql {
namespace {

struct Text {
  Statement statement;
  std::string_view shared;
  std::string_view mariadb = {};  // where it differs
};

// In the order of the enumeration: text() indexes it.
constexpr std::array<Text, statement_count> texts{{
    {Statement::put_account,
     "REPLACE INTO account (domain, localpart, state, scram, created_ms) VALUES (?, ?, ?, ?, ?)"},
    {Statement::set_account_state, "UPDATE account SET state = ? WHERE domain = ? AND localpart = ? AND state < 2"},
    {Statement::set_account_keys, "UPDATE account SET scram = ? WHERE domain = ? AND localpart = ? AND state < 2"},
    {Statement::bury_account,
     "INSERT INTO account (domain, localpart, state, scram, created_ms) VALUES (?, ?, 2, x'', 0) "
     "ON CONFLICT (domain, localpart) DO UPDATE SET state = 2, scram = x''",
     "INSERT INTO account (domain, localpart, state, scram, created_ms) VALUES (?, ?, 2, x'', 0) "
     "ON DUPLICATE KEY UPDATE state = 2, scram = x''"},
    {Statement::put_roster_item,
     "REPLACE INTO roster (owner, jid, name, contact_groups, subscription, ask, approved, pending_in, version) "
     "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    {Statement::remove_roster_item, "DELETE FROM roster WHERE owner = ? AND jid = ?"},
    {Statement::put_roster_version, "REPLACE INTO roster_version (owner, version) VALUES (?, ?)"},
    {Statement::erase_roster, "DELETE FROM roster WHERE owner = ?"},
    {Statement::erase_roster_version, "DELETE FROM roster_version WHERE owner = ?"},
    {Statement::put_pep_node, "REPLACE INTO pep_node (owner, node, config) VALUES (?, ?, ?)"},
    {Statement::remove_pep_node, "DELETE FROM pep_node WHERE owner = ? AND node = ?"},
    {Statement::erase_pep_nodes, "DELETE FROM pep_node WHERE owner = ?"},
    {Statement::put_pep_item,
     "REPLACE INTO pep_item (owner, node, id, publisher, version, place, payload) VALUES (?, ?, ?, ?, ?, ?, ?)"},
    {Statement::trim_pep_items,
     "DELETE FROM pep_item WHERE owner = ? AND node = ? AND (version < ? OR (version = ? AND place <= ?))"},
    {Statement::remove_pep_item, "DELETE FROM pep_item WHERE owner = ? AND node = ? AND id = ?"},
    {Statement::purge_pep_node, "DELETE FROM pep_item WHERE owner = ? AND node = ?"},
    {Statement::erase_pep_items, "DELETE FROM pep_item WHERE owner = ?"},
    {Statement::put_account_data, "REPLACE INTO account_data (owner, kind, name, value) VALUES (?, ?, ?, ?)"},
    {Statement::remove_account_data, "DELETE FROM account_data WHERE owner = ? AND kind = ? AND name = ?"},
    {Statement::erase_account_data, "DELETE FROM account_data WHERE owner = ?"},
    // A unit written again after a lost answer puts back everything that it wrote, the count of boxes included: the
    // units behind it in the same batch then run again as well, over the state they knew.
    {Statement::put_msg,
     "REPLACE INTO msg (id, boxes, pair, sender, recipient, stanza_id, digest, stanza) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
     "INSERT INTO msg (id, boxes, pair, sender, recipient, stanza_id, digest, stanza) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
     "ON DUPLICATE KEY UPDATE boxes = VALUES(boxes)"},
    {Statement::put_box, "REPLACE INTO box (owner, id, peer, direction) VALUES (?, ?, ?, ?)",
     "INSERT INTO box (owner, id, peer, direction) VALUES (?, ?, ?, ?) "
     "ON DUPLICATE KEY UPDATE peer = VALUES(peer), direction = VALUES(direction)"},
    {Statement::put_undelivered, "REPLACE INTO undelivered (owner, id) VALUES (?, ?)",
     "INSERT INTO undelivered (owner, id) VALUES (?, ?) ON DUPLICATE KEY UPDATE id = VALUES(id)"},
    {Statement::deliver, "DELETE FROM undelivered WHERE owner = ? AND id = ?"},
    {Statement::undeliver,
     "REPLACE INTO undelivered (owner, id) SELECT owner, id FROM box WHERE owner = ? AND id = ? AND direction <> 1",
     "INSERT INTO undelivered (owner, id) SELECT owner, id FROM box WHERE owner = ? AND id = ? AND direction <> 1 "
     "ON DUPLICATE KEY UPDATE undelivered.id = box.id"},
    {Statement::drop_sole_msg,
     "DELETE FROM msg WHERE id = ? AND boxes = 1 "
     "AND EXISTS (SELECT 1 FROM box WHERE box.owner = ? AND box.id = msg.id)"},
    {Statement::release_msg,
     "UPDATE msg SET boxes = boxes - 1 WHERE id = ? AND boxes > 0 "
     "AND EXISTS (SELECT 1 FROM box WHERE box.owner = ? AND box.id = msg.id)"},
    {Statement::drop_released_msg, "DELETE FROM msg WHERE id = ? AND boxes = 0"},
    {Statement::drop_box, "DELETE FROM box WHERE owner = ? AND id = ?"},
    {Statement::erase_release_msgs,
     "UPDATE msg SET boxes = boxes - 1 WHERE boxes > 0 "
     "AND id IN (SELECT box.id FROM box WHERE box.owner = ? AND box.id > ? AND box.id <= ?)",
     // MariaDB 10.11 would scan all of msg for an IN.
     "UPDATE box STRAIGHT_JOIN msg ON msg.id = box.id SET msg.boxes = msg.boxes - 1 "
     "WHERE msg.boxes > 0 AND box.owner = ? AND box.id > ? AND box.id <= ?"},
    {Statement::erase_released_msgs,
     "DELETE FROM msg WHERE boxes = 0 "
     "AND id IN (SELECT box.id FROM box WHERE box.owner = ? AND box.id > ? AND box.id <= ?)",
     "DELETE msg FROM box STRAIGHT_JOIN msg ON msg.id = box.id "
     "WHERE msg.boxes = 0 AND box.owner = ? AND box.id > ? AND box.id <= ?"},
    {Statement::erase_boxes, "DELETE FROM box WHERE owner = ? AND id > ? AND id <= ?"},
    {Statement::erase_undelivered, "DELETE FROM undelivered WHERE owner = ?"},
    {Statement::put_held,
     "REPLACE INTO held (id, owner, due_ms, sender, recipient, stanza_id, digest, rule, unsealed, reason, "
     "stanza) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    {Statement::remove_held, "DELETE FROM held WHERE id = ?"},
    {Statement::set_held_due, "UPDATE held SET due_ms = ? WHERE owner = ?"},
    {Statement::erase_held, "DELETE FROM held WHERE owner = ?"},
    {Statement::raise_high_water, "UPDATE high_water SET id = ? WHERE one = 1 AND id < ?"},
    {Statement::mark_log, "UPDATE high_water SET id = ?, log_size = ?, log_chain = ? WHERE one = 1 AND id <= ?"},

    {Statement::newest_pep_item_to_go,
     "SELECT version, place FROM pep_item WHERE owner = ? AND node = ? AND version <= ? AND (version < ? OR place <= "
     "?) "
     "ORDER BY version DESC, place DESC LIMIT 1 OFFSET ?"},
    {Statement::end_of_box_slice,
     "SELECT MAX(s.id) FROM (SELECT id FROM box WHERE owner = ? AND id > ? ORDER BY id LIMIT 2000) s"},
    {Statement::get_account, "SELECT state, scram, created_ms FROM account WHERE domain = ? AND localpart = ?"},
    {Statement::get_accounts,
     "SELECT localpart, state, created_ms FROM account WHERE domain = ? AND state < 2 ORDER BY localpart"},
    // Once a start: it looks at every row, for an index would be kept up for good.
    {Statement::get_removing, "SELECT localpart, domain FROM account WHERE state = 3"},
    // One statement, so that the version and the items belong together without a read transaction.
    {Statement::get_roster,
     "SELECT v.version, r.jid, r.name, r.contact_groups, r.subscription, r.ask, r.approved, r.pending_in, r.version "
     "FROM roster_version v LEFT JOIN roster r ON r.owner = v.owner WHERE v.owner = ? ORDER BY r.jid"},
    {Statement::get_pep_nodes, "SELECT node, config FROM pep_node WHERE owner = ? ORDER BY node"},
    {Statement::get_pep_items,
     "SELECT id, publisher, version, payload FROM pep_item WHERE owner = ? AND node = ? "
     "ORDER BY version DESC, place DESC LIMIT ?"},
    {Statement::get_pep_item,
     "SELECT id, publisher, version, payload FROM pep_item WHERE owner = ? AND node = ? AND id = ?"},
    {Statement::get_pep_item_names,
     "SELECT id, version FROM pep_item WHERE owner = ? AND node = ? ORDER BY version DESC, place DESC LIMIT ?"},
    {Statement::get_account_data, "SELECT name, value FROM account_data WHERE owner = ? AND kind = ? ORDER BY name"},
    {Statement::get_one_account_data, "SELECT name, value FROM account_data WHERE owner = ? AND kind = ? AND name = ?"},
    {Statement::get_data_of_all, "SELECT owner, value FROM account_data WHERE kind = ? AND name = ? ORDER BY owner"},
    // STRAIGHT_JOIN / CROSS JOIN: begin with the few undelivered rows, whatever the statistics say.
    {Statement::get_undelivered,
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest, m.stanza, b.direction FROM undelivered u "
     "CROSS JOIN msg m ON m.id = u.id CROSS JOIN box b ON b.owner = u.owner AND b.id = u.id "
     "WHERE u.owner = ? AND u.id > ? ORDER BY u.id LIMIT ?",
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest, m.stanza, b.direction FROM undelivered u "
     "STRAIGHT_JOIN msg m ON m.id = u.id STRAIGHT_JOIN box b ON b.owner = u.owner AND b.id = u.id "
     "WHERE u.owner = ? AND u.id > ? ORDER BY u.id LIMIT ?"},
    {Statement::get_message,
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest, m.stanza, b.direction, "
     "EXISTS (SELECT 1 FROM undelivered u WHERE u.owner = b.owner AND u.id = b.id) "
     "FROM box b JOIN msg m ON m.id = b.id WHERE b.owner = ? AND b.id = ?"},
    {Statement::has_message, "SELECT 1 FROM msg WHERE id = ?"},
    // A page: a range of the box's own index, or of msg_pair, in its order.
    {Statement::get_archive,
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest, m.stanza, b.direction "
     "FROM box b CROSS JOIN msg m ON m.id = b.id "
     "WHERE b.owner = ? AND b.id > ? AND b.id < ? AND b.direction < 2 ORDER BY b.id LIMIT ?",
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest, m.stanza, b.direction "
     "FROM box b STRAIGHT_JOIN msg m ON m.id = b.id "
     "WHERE b.owner = ? AND b.id > ? AND b.id < ? AND b.direction < 2 ORDER BY b.id LIMIT ?"},
    {Statement::get_archive_back,
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest, m.stanza, b.direction "
     "FROM box b CROSS JOIN msg m ON m.id = b.id "
     "WHERE b.owner = ? AND b.id > ? AND b.id < ? AND b.direction < 2 ORDER BY b.id DESC LIMIT ?",
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest, m.stanza, b.direction "
     "FROM box b STRAIGHT_JOIN msg m ON m.id = b.id "
     "WHERE b.owner = ? AND b.id > ? AND b.id < ? AND b.direction < 2 ORDER BY b.id DESC LIMIT ?"},
    {Statement::get_conversation,
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest, m.stanza, b.direction "
     "FROM msg m INDEXED BY msg_pair CROSS JOIN box b ON b.owner = ? AND b.id = m.id "
     "WHERE m.pair = ? AND m.pair <> 0 AND m.id > ? AND m.id < ? AND b.peer = ? AND b.direction < 2 "
     "AND (? = '' OR m.sender = ? OR m.recipient = ?) ORDER BY m.id LIMIT ?",
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest, m.stanza, b.direction "
     "FROM msg m FORCE INDEX (msg_pair) STRAIGHT_JOIN box b ON b.owner = ? AND b.id = m.id "
     "WHERE m.pair = ? AND m.id > ? AND m.id < ? AND b.peer = ? AND b.direction < 2 "
     "AND (? = '' OR m.sender = ? OR m.recipient = ?) ORDER BY m.id LIMIT ?"},
    {Statement::get_conversation_back,
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest, m.stanza, b.direction "
     "FROM msg m INDEXED BY msg_pair CROSS JOIN box b ON b.owner = ? AND b.id = m.id "
     "WHERE m.pair = ? AND m.pair <> 0 AND m.id > ? AND m.id < ? AND b.peer = ? AND b.direction < 2 "
     "AND (? = '' OR m.sender = ? OR m.recipient = ?) ORDER BY m.id DESC LIMIT ?",
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest, m.stanza, b.direction "
     "FROM msg m FORCE INDEX (msg_pair) STRAIGHT_JOIN box b ON b.owner = ? AND b.id = m.id "
     "WHERE m.pair = ? AND m.id > ? AND m.id < ? AND b.peer = ? AND b.direction < 2 "
     "AND (? = '' OR m.sender = ? OR m.recipient = ?) ORDER BY m.id DESC LIMIT ?"},
    {Statement::count_archive,
     "SELECT COUNT(*) FROM (SELECT 1 AS one FROM box b WHERE b.owner = ? AND b.id > ? AND b.id < ? AND b.direction < 2 "
     "LIMIT ?) c"},
    {Statement::count_conversation,
     "SELECT COUNT(*) FROM (SELECT 1 AS one FROM msg m INDEXED BY msg_pair CROSS JOIN box b "
     "ON b.owner = ? AND b.id = m.id "
     "WHERE m.pair = ? AND m.pair <> 0 AND m.id > ? AND m.id < ? AND b.peer = ? AND b.direction < 2 LIMIT ?) c",
     "SELECT COUNT(*) FROM (SELECT 1 AS one FROM msg m FORCE INDEX (msg_pair) STRAIGHT_JOIN box b "
     "ON b.owner = ? AND b.id = m.id "
     "WHERE m.pair = ? AND m.id > ? AND m.id < ? AND b.peer = ? AND b.direction < 2 LIMIT ?) c"},
    {Statement::is_archived, "SELECT 1 FROM box WHERE owner = ? AND id = ? AND direction < 2"},
    {Statement::get_newest_received,
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest FROM box b CROSS JOIN msg m ON m.id = b.id "
     "WHERE b.owner = ? AND b.id > ? AND b.direction = 0 ORDER BY b.id DESC LIMIT ?",
     "SELECT m.id, m.sender, m.recipient, m.stanza_id, m.digest FROM box b STRAIGHT_JOIN msg m ON m.id = b.id "
     "WHERE b.owner = ? AND b.id > ? AND b.direction = 0 ORDER BY b.id DESC LIMIT ?"},
    {Statement::get_undelivered_ids, "SELECT id FROM undelivered WHERE owner = ? AND id >= ? AND id <= ?"},
    {Statement::get_held_due,
     "SELECT id, owner, due_ms, sender, recipient, stanza_id, digest, rule, unsealed, reason, stanza FROM held "
     "WHERE due_ms <= ? AND due_ms >= ? AND (due_ms > ? OR id > ?) ORDER BY due_ms, id LIMIT ?"},
    {Statement::get_held_of,
     "SELECT id, owner, due_ms, sender, recipient, stanza_id, digest, rule, unsealed, reason, '' FROM held "
     "WHERE owner = ? AND id > ? ORDER BY id LIMIT ?"},
    {Statement::get_messages_after,
     "SELECT id, sender, recipient, stanza_id, digest FROM "
     "(SELECT id, sender, recipient, stanza_id, digest FROM msg WHERE id > ? ORDER BY id LIMIT ?) m UNION ALL "
     "SELECT id, sender, recipient, stanza_id, digest FROM "
     "(SELECT id, sender, recipient, stanza_id, digest FROM held WHERE id > ? "
     "AND NOT EXISTS (SELECT 1 FROM msg WHERE msg.id = held.id) ORDER BY id LIMIT ?) h "
     "ORDER BY id LIMIT ?"},
    {Statement::get_high_water, "SELECT id FROM high_water WHERE one = 1"},
    {Statement::get_log_mark, "SELECT log_size, log_chain FROM high_water WHERE one = 1 AND log_size IS NOT NULL"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].statement != static_cast<Statement>(i) || texts[i].shared.empty()) return false;
  }
  return true;
}
static_assert(in_order(), "the table follows the enumeration");

}  // namespace

std::string_view text(Statement statement, Dialect dialect) noexcept {
  const Text& found = texts[static_cast<std::size_t>(statement)];
  return dialect == Dialect::mariadb && !found.mariadb.empty() ? found.mariadb : found.shared;
}

}  // namespace valise::storage::sql
