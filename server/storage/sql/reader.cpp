#include "storage/sql/reader.hpp"

#include <algorithm>
#include <limits>

#include "base/clock.hpp"
#include "storage/sql/check.hpp"
#include "storage/sql/codec.hpp"
#include "storage/sql/conversation.hpp"

namespace valise::storage::sql {
namespace {

constexpr std::int64_t first_wait_ms = 50;
constexpr std::int64_t longest_wait_ms = 5000;

Value limit_value(std::size_t limit) {
  return Value::number(std::uint64_t{std::min<std::size_t>(limit, std::numeric_limits<std::int32_t>::max())});
}

// A number that a row must hold within 0 … last.
template <class Enum>
Result<Enum> decode(const Row& row, unsigned column, Enum last) {
  const auto value = row.integer(column);
  if (value < 0 || value > static_cast<std::int64_t>(last)) {
    return fail(ErrorCode::corrupt, "stored row: a code is out of range");
  }
  return static_cast<Enum>(value);
}

BoxMessage message_of(const Row& row) {
  return {.id = row.id(0),
          .from = std::string(row.bytes(1)),
          .to = std::string(row.bytes(2)),
          .stanza_id = std::string(row.bytes(3)),
          .digest = std::string(row.bytes(4))};
}

Result<BoxMessage> bare_message_of(const Row& row) { return message_of(row); }

// The columns of message_of, the stanza and box.direction.
Result<BoxMessage> box_message_of(const Row& row) {
  const auto code = row.integer(6);
  if (code < 0 || code > static_cast<std::int64_t>(only_until_delivered)) {
    return fail(ErrorCode::corrupt, "stored row: a code is out of range");
  }
  auto message = message_of(row);
  message.stanza = row.bytes(5);
  message.archived = code != static_cast<std::int64_t>(only_until_delivered);
  message.direction = code == static_cast<std::int64_t>(Direction::out) ? Direction::out : Direction::in;
  return message;
}

Result<RosterItem> roster_item_of(const Row& row) {
  auto groups = decode_groups(row.bytes(3));
  if (!groups) return std::unexpected(groups.error());
  const auto subscription = decode(row, 4, Subscription::both);
  if (!subscription) return std::unexpected(subscription.error());
  return RosterItem{.jid = std::string(row.bytes(1)),
                    .name = std::string(row.bytes(2)),
                    .groups = *std::move(groups),
                    .subscription = *subscription,
                    .ask = row.integer(5) != 0,
                    .approved = row.integer(6) != 0,
                    .pending_in = std::string(row.bytes(7)),
                    .version = row.id(8)};
}

}  // namespace

Result<std::unique_ptr<Reader>> SqlReader::open(OpenConnection open) {
  std::unique_ptr<SqlReader> reader(new SqlReader(std::move(open)));
  if (auto connected = reader->connect(); !connected) return std::unexpected(connected.error());
  return reader;
}

Result<> SqlReader::connect() {
  if (connection_) return {};
  const auto now = steady_ms();
  if (now < next_attempt_ms_) return std::unexpected(away_);
  auto opened = open_();
  if (!opened) {
    wait_ms_ = std::clamp(wait_ms_ * 2, first_wait_ms, longest_wait_ms);
    next_attempt_ms_ = steady_ms() + wait_ms_;
    away_ = opened.error();
    return std::unexpected(away_);
  }
  connection_ = *std::move(opened);
  wait_ms_ = next_attempt_ms_ = 0;
  return {};
}

Result<> SqlReader::query(Statement statement, std::initializer_list<Value> values, const std::function<void()>& reset,
                          const OnRow& on_row) {
  for (bool again = false;; again = true) {
    if (auto connected = connect(); !connected) return connected;
    auto done = connection_->select(statement, {values.begin(), values.size()}, on_row);
    if (done || done.error().code != ErrorCode::unavailable) return done;
    connection_.reset();
    if (again) return done;
    reset();
  }
}

Result<std::optional<Account>> SqlReader::account(std::string_view jid) {
  std::optional<Account> account;
  const auto [domain, local] = split_bare(jid);
  auto done = query(
      Statement::get_account, {Value::text(domain), Value::text(local)}, [&] { account.reset(); },
      [&](const Row& row) -> Result<> {
        const auto state = decode(row, 0, AccountState::removing);
        if (!state) return std::unexpected(state.error());
        auto keys = decode_keys(row.bytes(1));
        if (!keys) return std::unexpected(keys.error());
        account =
            Account{.jid = std::string(jid), .state = *state, .keys = *std::move(keys), .created_ms = row.integer(2)};
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return account;
}

Result<std::vector<Account>> SqlReader::accounts(std::string_view domain) {
  std::vector<Account> accounts;
  auto done = query(
      Statement::get_accounts, {Value::text(domain)}, [&] { accounts.clear(); },
      [&](const Row& row) -> Result<> {
        const auto state = decode(row, 1, AccountState::removing);
        if (!state) return std::unexpected(state.error());
        std::string jid(row.bytes(0));
        if (!jid.empty()) jid += '@';
        jid += domain;
        accounts.push_back({.jid = std::move(jid), .state = *state, .created_ms = row.integer(2)});
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return accounts;
}

Result<std::vector<std::string>> SqlReader::removing() {
  std::vector<std::string> names;
  auto done = query(
      Statement::get_removing, {}, [&] { names.clear(); },
      [&](const Row& row) -> Result<> {
        names.push_back(std::string(row.bytes(0)) + '@' + std::string(row.bytes(1)));
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return names;
}

Result<Roster> SqlReader::roster(std::string_view owner) {
  Roster roster;
  auto done = query(
      Statement::get_roster, {Value::text(owner)}, [&] { roster = {}; },
      [&](const Row& row) -> Result<> {
        roster.version = row.id(0);
        if (row.null(1)) return {};  // changed once, empty now
        auto item = roster_item_of(row);
        if (!item) return std::unexpected(item.error());
        roster.items.push_back(*std::move(item));
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return roster;
}

Result<std::vector<PepNode>> SqlReader::pep_nodes(std::string_view owner) {
  std::vector<PepNode> nodes;
  auto done = query(
      Statement::get_pep_nodes, {Value::text(owner)}, [&] { nodes.clear(); },
      [&](const Row& row) -> Result<> {
        auto config = decode_config(row.bytes(1));
        if (!config) return std::unexpected(config.error());
        nodes.push_back({.node = std::string(row.bytes(0)), .config = *std::move(config)});
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return nodes;
}

Result<std::vector<PepItem>> SqlReader::pep_items(std::string_view owner, std::string_view node, std::size_t limit,
                                                  std::string_view item_id) {
  std::vector<PepItem> items;
  const auto reset = [&] { items.clear(); };
  const auto on_row = [&](const Row& row) -> Result<> {
    if (items.size() < limit) {
      items.push_back({.node = std::string(node),
                       .id = std::string(row.bytes(0)),
                       .publisher = std::string(row.bytes(1)),
                       .payload = std::string(row.bytes(3)),
                       .version = row.id(2)});
    }
    return {};
  };
  auto done = item_id.empty() ? query(Statement::get_pep_items,
                                      {Value::text(owner), Value::text(node), limit_value(limit)}, reset, on_row)
                              : query(Statement::get_pep_item,
                                      {Value::text(owner), Value::text(node), Value::text(item_id)}, reset, on_row);
  if (!done) return std::unexpected(done.error());
  return items;
}

Result<std::vector<AccountData>> SqlReader::account_data(std::string_view owner, DataKind kind, std::string_view name) {
  std::vector<AccountData> found;
  const auto reset = [&] { found.clear(); };
  const auto on_row = [&](const Row& row) -> Result<> {
    found.push_back({.name = std::string(row.bytes(0)), .value = std::string(row.bytes(1))});
    return {};
  };
  const auto number = Value::number(static_cast<std::uint64_t>(kind));
  auto done = name.empty() ? query(Statement::get_account_data, {Value::text(owner), number}, reset, on_row)
                           : query(Statement::get_one_account_data, {Value::text(owner), number, Value::text(name)},
                                   reset, on_row);
  if (!done) return std::unexpected(done.error());
  return found;
}

Result<std::vector<PepItemName>> SqlReader::pep_item_names(std::string_view owner, std::string_view node,
                                                           std::size_t limit) {
  std::vector<PepItemName> names;
  auto done = query(
      Statement::get_pep_item_names, {Value::text(owner), Value::text(node), limit_value(limit)},
      [&] { names.clear(); },
      [&](const Row& row) -> Result<> {
        names.push_back({.id = std::string(row.bytes(0)), .version = row.id(1)});
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return names;
}

Result<std::vector<BoxMessage>> SqlReader::messages(Statement statement, std::initializer_list<Value> values,
                                                    ReadMessage read) {
  std::vector<BoxMessage> found;
  auto done = query(
      statement, values, [&] { found.clear(); },
      [&](const Row& row) -> Result<> {
        auto message = read(row);
        if (!message) return std::unexpected(message.error());
        found.push_back(*std::move(message));
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return found;
}

Result<std::vector<BoxMessage>> SqlReader::undelivered(std::string_view owner, std::uint64_t after, std::size_t limit) {
  if (after > max_id) return {};
  return messages(Statement::get_undelivered, {Value::text(owner), Value::number(after), limit_value(limit)},
                  &box_message_of);
}

Result<std::optional<BoxMessage>> SqlReader::message(std::string_view owner, std::uint64_t id) {
  std::optional<BoxMessage> found;
  if (id > max_id) return found;
  auto done = query(
      Statement::get_message, {Value::text(owner), Value::number(id)}, [&] { found.reset(); },
      [&](const Row& row) -> Result<> {
        auto message = box_message_of(row);
        if (!message) return std::unexpected(message.error());
        found = *std::move(message);
        found->delivered = row.integer(7) == 0;
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return found;
}

Result<bool> SqlReader::has_message(std::uint64_t id) {
  bool found = false;
  if (id > max_id) return found;
  auto done = query(
      Statement::has_message, {Value::number(id)}, [&] { found = false; },
      [&](const Row&) -> Result<> {
        found = true;
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return found;
}

Result<std::vector<BoxMessage>> SqlReader::archived(const ArchiveRange& range, std::size_t limit, bool newest_first) {
  std::vector<BoxMessage> messages;
  std::size_t kept = 0;  // of the query before
  const auto reset = [&] { messages.resize(kept); };
  const auto on_row = [&](const Row& row) -> Result<> {
    auto message = box_message_of(row);
    if (!message) return std::unexpected(message.error());
    messages.push_back(*std::move(message));
    return {};
  };
  const auto owner = Value::text(range.owner), after = Value::number(std::min(range.after, max_id)),
             before = Value::number(std::min(range.before, max_id)), most = limit_value(limit);
  if (range.peer.empty()) {
    auto done = query(newest_first ? Statement::get_archive_back : Statement::get_archive, {owner, after, before, most},
                      reset, on_row);
    if (!done) return std::unexpected(done.error());
    return messages;
  }
  // What both sides archive and what only this one does: two ranges of one index, of which the second is nearly always
  // empty.
  const auto statement = newest_first ? Statement::get_conversation_back : Statement::get_conversation;
  const auto peer = Value::text(range.peer), party = Value::text(range.party);
  for (const auto pair : {pair_of(range.owner, range.peer), alone_of(range.owner, range.peer)}) {
    kept = messages.size();
    auto done =
        query(statement, {owner, Value::number(pair), after, before, peer, party, party, party, most}, reset, on_row);
    if (!done) return std::unexpected(done.error());
  }
  if (newest_first) {
    std::ranges::sort(messages, std::greater{}, &BoxMessage::id);
  } else {
    std::ranges::sort(messages, {}, &BoxMessage::id);
  }
  if (messages.size() > limit) messages.resize(limit);
  return messages;
}

Result<std::uint64_t> SqlReader::archive_size(const ArchiveRange& range, std::uint64_t most) {
  std::uint64_t size = 0, counted = 0;
  const auto reset = [&] { size = 0; };
  const auto on_row = [&](const Row& row) -> Result<> {
    size = row.id(0);
    return {};
  };
  const auto owner = Value::text(range.owner), after = Value::number(std::min(range.after, max_id)),
             before = Value::number(std::min(range.before, max_id)), limit = Value::number(std::min(most, max_id));
  if (range.peer.empty()) {
    auto done = query(Statement::count_archive, {owner, after, before, limit}, reset, on_row);
    if (!done) return std::unexpected(done.error());
    return size;
  }
  for (const auto pair : {pair_of(range.owner, range.peer), alone_of(range.owner, range.peer)}) {
    auto done = query(Statement::count_conversation,
                      {owner, Value::number(pair), after, before, Value::text(range.peer), limit}, reset, on_row);
    if (!done) return std::unexpected(done.error());
    counted += size;
  }
  return std::min(counted, most);
}

Result<bool> SqlReader::is_archived(std::string_view owner, std::uint64_t id) {
  bool found = false;
  if (id > max_id) return found;
  auto done = query(
      Statement::is_archived, {Value::text(owner), Value::number(id)}, [&] { found = false; },
      [&](const Row&) -> Result<> {
        found = true;
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return found;
}

Result<std::vector<BoxMessage>> SqlReader::newest_received(std::string_view owner, std::uint64_t after,
                                                           std::size_t limit) {
  if (after > max_id) return {};
  return messages(Statement::get_newest_received, {Value::text(owner), Value::number(after), limit_value(limit)},
                  &bare_message_of);
}

Result<std::vector<std::pair<std::string, std::string>>> SqlReader::data_of_all(DataKind kind, std::string_view name) {
  std::vector<std::pair<std::string, std::string>> found;
  auto done = query(
      Statement::get_data_of_all, {Value::number(static_cast<std::uint64_t>(kind)), Value::text(name)},
      [&] { found.clear(); },
      [&](const Row& row) -> Result<> {
        found.emplace_back(row.bytes(0), row.bytes(1));
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return found;
}

Result<std::vector<HeldMessage>> SqlReader::held(Statement statement, std::initializer_list<Value> values) {
  std::vector<HeldMessage> found;
  auto done = query(
      statement, values, [&] { found.clear(); },
      [&](const Row& row) -> Result<> {
        found.push_back({.id = row.id(0),
                         .owner = std::string(row.bytes(1)),
                         .due_ms = row.integer(2),
                         .from = std::string(row.bytes(3)),
                         .to = std::string(row.bytes(4)),
                         .stanza_id = std::string(row.bytes(5)),
                         .digest = std::string(row.bytes(6)),
                         .rule = std::string(row.bytes(7)),
                         .unsealed = std::string(row.bytes(8)),
                         .reason = std::string(row.bytes(9)),
                         .stanza = std::string(row.bytes(10))});
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return found;
}

Result<std::vector<HeldMessage>> SqlReader::held_due(std::int64_t until_ms, HeldPlace after, std::size_t limit) {
  const auto from = Value::number(after.due_ms);
  return held(Statement::get_held_due,
              {Value::number(until_ms), from, from, Value::number(std::min(after.id, max_id)), limit_value(limit)});
}

Result<std::vector<HeldMessage>> SqlReader::held_of(std::string_view owner, std::uint64_t after, std::size_t limit) {
  if (after > max_id) return {};
  return held(Statement::get_held_of, {Value::text(owner), Value::number(after), limit_value(limit)});
}

Result<std::vector<BoxMessage>> SqlReader::messages_after(std::uint64_t after, std::size_t limit) {
  if (after > max_id) return {};
  const auto from = Value::number(after), most = limit_value(limit);
  return messages(Statement::get_messages_after, {from, most, from, most, most}, &bare_message_of);
}

Result<std::uint64_t> SqlReader::greatest_id() {
  std::uint64_t greatest = 0;
  auto done = query(
      Statement::get_high_water, {}, [&] { greatest = 0; },
      [&](const Row& row) -> Result<> {
        greatest = row.id(0);
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return greatest;
}

Result<std::optional<LogMark>> SqlReader::log_mark() {
  std::optional<LogMark> mark;
  auto done = query(
      Statement::get_log_mark, {}, [&] { mark.reset(); },
      [&](const Row& row) -> Result<> {
        const auto chain = row.bytes(1);
        mark.emplace().size = row.id(0);
        if (chain.size() != mark->chain.size()) return fail(ErrorCode::corrupt, "high_water.log_chain: not 32 bytes");
        std::ranges::copy(chain, mark->chain.begin());
        return {};
      });
  if (!done) return std::unexpected(done.error());
  return mark;
}

}  // namespace valise::storage::sql
