// Every statement that the stores run, by number. The texts are shared; only upserts differ between the engines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace valise::storage::sql {

enum class Dialect : std::uint8_t { sqlite, mariadb };

enum class Statement : std::uint8_t {
  // writes
  put_account,
  set_account_state,
  set_account_keys,
  bury_account,
  put_roster_item,
  remove_roster_item,
  put_roster_version,
  erase_roster,
  erase_roster_version,
  put_pep_node,
  remove_pep_node,
  erase_pep_nodes,
  put_pep_item,
  trim_pep_items,
  remove_pep_item,
  purge_pep_node,
  erase_pep_items,
  put_account_data,
  remove_account_data,
  erase_account_data,
  put_msg,
  put_box,
  put_undelivered,
  deliver,
  undeliver,
  drop_sole_msg,
  release_msg,
  drop_released_msg,
  drop_box,
  erase_release_msgs,
  erase_released_msgs,
  erase_boxes,
  erase_undelivered,
  put_held,
  remove_held,
  set_held_due,
  erase_held,
  raise_high_water,
  mark_log,
  // queries
  newest_pep_item_to_go,
  end_of_box_slice,
  get_account,
  get_accounts,
  get_removing,
  get_roster,
  get_pep_nodes,
  get_pep_items,
  get_pep_item,
  get_pep_item_names,
  get_account_data,
  get_one_account_data,
  get_data_of_all,
  get_undelivered,
  get_message,
  has_message,
  get_archive,
  get_archive_back,
  get_conversation,
  get_conversation_back,
  count_archive,
  count_conversation,
  is_archived,
  get_newest_received,
  get_undelivered_ids,
  get_held_due,
  get_held_of,
  get_messages_after,
  get_high_water,
  get_log_mark,
  count_
};

inline constexpr std::size_t statement_count = static_cast<std::size_t>(Statement::count_);

[[nodiscard]] std::string_view text(Statement statement, Dialect dialect) noexcept;

}  // namespace valise::storage::sql
