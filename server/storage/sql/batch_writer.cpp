#include "storage/sql/batch_writer.hpp"

#include <algorithm>
#include <tuple>

#include "storage/sql/check.hpp"
#include "storage/sql/codec.hpp"
#include "storage/sql/conversation.hpp"

namespace valise::storage::sql {
namespace {

template <class Enum>
Value code(Enum value) {
  return Value::number(static_cast<std::uint64_t>(value));
}

// box.direction.
Value direction_of(const BoxOwner& box) {
  return box.archived ? code(box.direction) : Value::number(only_until_delivered);
}

// msg.pair. Where others than two who name each other archive a message there is none: it is in no conversation.
Value conversation_of(const std::vector<const BoxOwner*>& owners) {
  const BoxOwner* archived[2]{};
  std::size_t count = 0;
  for (const auto* box : owners) {
    if (!box->archived) continue;
    if (count < 2) archived[count] = box;
    ++count;
  }
  if (count == 1) return Value::number(alone_of(archived[0]->owner, archived[0]->peer));
  const bool mutual = count == 2 && archived[0]->owner == archived[1]->peer && archived[1]->owner == archived[0]->peer;
  return Value::number(mutual ? pair_of(archived[0]->owner, archived[0]->peer) : std::int64_t{0});
}

}  // namespace

Result<> BatchWriter::write(Connection& connection, std::span<const WriteSet* const> sets) {
  clear();
  connection_ = &connection;
  std::uint64_t greatest = 0;
  const LogMark* mark = nullptr;
  for (const WriteSet* set : sets) {
    if (set->log) mark = &*set->log;
    id_ = set->id;
    place_ = 0;
    greatest = std::max(greatest, id_);
    for (const auto& write : set->writes) {
      if (auto added = std::visit([this](const auto& w) { return add(w); }, write); !added) return added;
      ++place_;
    }
  }
  if (auto flushed = flush_messages(); !flushed) return flushed;
  if (auto flushed = flush_roster(); !flushed) return flushed;
  if (greatest == 0) return {};
  const auto id = Value::number(greatest);
  if (mark == nullptr) return run_one(Statement::raise_high_water, id, id);
  const std::string_view chain(reinterpret_cast<const char*>(mark->chain.data()), mark->chain.size());
  return run_one(Statement::mark_log, id, Value::number(mark->size), Value::blob(chain), id);
}

void BatchWriter::clear() {
  for (Rows* rows : {&messages_, &boxes_, &undelivered_, &roster_items_, &scratch_}) rows->clear();
  kept_.clear();
  dropped_.clear();
  greatest_mark_ = 0;
  roster_versions_.clear();
  encoded_.clear();
}

std::string_view BatchWriter::keep(std::string encoded) { return encoded_.emplace_back(std::move(encoded)); }

Result<> BatchWriter::run(Statement statement, Rows& rows, std::uint64_t* changed) {
  if (rows.count == 0) return {};
  const auto done = connection_->run(statement, rows.values, rows.count);
  rows.clear();
  if (!done) return std::unexpected(done.error());
  if (changed) *changed = *done;
  return {};
}

template <class... Values>
Result<> BatchWriter::run_one(Statement statement, Values... row) {
  scratch_.clear();
  scratch_.add(row...);
  return run(statement, scratch_);
}

// ---- accounts and rosters

Result<> BatchWriter::add(const PutAccount& write) {
  const auto& account = write.account;
  const auto [domain, local] = split_bare(account.jid);
  return run_one(Statement::put_account, Value::text(domain), Value::text(local), code(account.state),
                 Value::blob(keep(encode_keys(account.keys))), Value::number(account.created_ms));
}

Result<> BatchWriter::add(const SetAccountState& write) {
  const auto [domain, local] = split_bare(write.jid);
  return run_one(Statement::set_account_state, code(write.state), Value::text(domain), Value::text(local));
}

Result<> BatchWriter::add(const SetAccountKeys& write) {
  const auto [domain, local] = split_bare(write.jid);
  return run_one(Statement::set_account_keys, Value::blob(keep(encode_keys(write.keys))), Value::text(domain),
                 Value::text(local));
}

Result<> BatchWriter::add(const EraseAccount& write) {
  if (auto flushed = flush_messages(); !flushed) return flushed;
  if (auto flushed = flush_roster(); !flushed) return flushed;
  const auto [domain, local] = split_bare(write.jid);
  if (auto done = run_one(Statement::bury_account, Value::text(domain), Value::text(local)); !done) return done;
  for (const auto statement : {Statement::erase_roster, Statement::erase_roster_version, Statement::erase_pep_items,
                               Statement::erase_pep_nodes, Statement::erase_account_data, Statement::erase_undelivered,
                               Statement::erase_held}) {
    if (auto done = run_one(statement, Value::text(write.jid)); !done) return done;
  }
  return erase_boxes(write.jid);
}

// In slices, all in the one transaction: no statement runs so long that a time-out of the connection takes the store
// for dead, over and over again. The box rows go last: they name the messages.
Result<> BatchWriter::erase_boxes(std::string_view owner) {
  const auto name = Value::text(owner);
  for (std::uint64_t after = 0;;) {
    std::optional<std::uint64_t> end;
    const Value query[] = {name, Value::number(after)};
    if (auto found = connection_->select(Statement::end_of_box_slice, query,
                                         [&](const Row& row) -> Result<> {
                                           if (!row.null(0)) end = row.id(0);
                                           return {};
                                         });
        !found) {
      return found;
    }
    if (!end) return {};
    for (const auto statement :
         {Statement::erase_release_msgs, Statement::erase_released_msgs, Statement::erase_boxes}) {
      if (auto done = run_one(statement, name, Value::number(after), Value::number(*end)); !done) return done;
    }
    after = *end;
  }
}

Result<> BatchWriter::add(const PutRosterItem& write) {
  const auto& item = write.item;
  roster_items_.add(Value::text(write.owner), Value::text(item.jid), Value::text(item.name),
                    Value::blob(keep(encode_groups(item.groups))), code(item.subscription), code(item.ask),
                    code(item.approved), Value::text(item.pending_in), Value::number(id_));
  roster_versions_[write.owner] = id_;
  return {};
}

Result<> BatchWriter::add(const RemoveRosterItem& write) {
  if (auto flushed = flush_roster(); !flushed) return flushed;
  roster_versions_[write.owner] = id_;
  return run_one(Statement::remove_roster_item, Value::text(write.owner), Value::text(write.jid));
}

Result<> BatchWriter::flush_roster() {
  if (auto done = run(Statement::put_roster_item, roster_items_); !done) return done;
  for (const auto& [owner, version] : roster_versions_) scratch_.add(Value::text(owner), Value::number(version));
  roster_versions_.clear();
  return run(Statement::put_roster_version, scratch_);
}

// ---- PEP

Result<> BatchWriter::add(const PutPepNode& write) {
  return run_one(Statement::put_pep_node, Value::text(write.owner), Value::text(write.node.node),
                 Value::blob(keep(encode_config(write.node.config))));
}

Result<> BatchWriter::add(const RemovePepNode& write) {
  if (auto done = run_one(Statement::purge_pep_node, Value::text(write.owner), Value::text(write.node)); !done) {
    return done;
  }
  return run_one(Statement::remove_pep_node, Value::text(write.owner), Value::text(write.node));
}

Result<> BatchWriter::add(const PutPepItem& write) {
  const auto owner = Value::text(write.owner);
  const auto node = Value::text(write.item.node);
  if (auto done =
          run_one(Statement::put_pep_item, owner, node, Value::text(write.item.id), Value::text(write.item.publisher),
                  Value::number(id_), Value::number(place_), Value::text(write.item.payload));
      !done) {
    return done;
  }
  // The newest of those to go names all that go. What was published behind it does not count: a batch that is written
  // again finds that there already.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> newest_to_go;
  const auto published = Value::number(id_);
  const Value query[] = {
      owner, node, published, published, Value::number(place_), Value::number(std::uint64_t{write.keep})};
  if (auto found = connection_->select(Statement::newest_pep_item_to_go, query,
                                       [&](const Row& row) -> Result<> {
                                         newest_to_go.emplace(row.id(0), row.id(1));
                                         return {};
                                       });
      !found) {
    return found;
  }
  if (!newest_to_go) return {};
  const auto version = Value::number(newest_to_go->first);
  return run_one(Statement::trim_pep_items, owner, node, version, version, Value::number(newest_to_go->second));
}

Result<> BatchWriter::add(const RemovePepItem& write) {
  return run_one(Statement::remove_pep_item, Value::text(write.owner), Value::text(write.node), Value::text(write.id));
}

Result<> BatchWriter::add(const PurgePepNode& write) {
  return run_one(Statement::purge_pep_node, Value::text(write.owner), Value::text(write.node));
}

// ---- what modules keep

Result<> BatchWriter::add(const PutAccountData& write) {
  return run_one(Statement::put_account_data, Value::text(write.owner), code(write.kind), Value::text(write.data.name),
                 Value::text(write.data.value));
}

Result<> BatchWriter::add(const RemoveAccountData& write) {
  return run_one(Statement::remove_account_data, Value::text(write.owner), code(write.kind), Value::text(write.name));
}

// ---- messages

Result<> BatchWriter::add(const PutMessage& write) {
  if (write.boxes.empty()) return {};  // nobody's: the same state as after its last box row went
  if (id_ <= greatest_mark_) {  // gathered puts run before gathered marks: only a put behind its own mark must wait
    if (auto flushed = flush_messages(); !flushed) return flushed;
  }
  // An owner has one row a message. One who writes to himself is named twice: the inbound row holds what he still
  // has to get, so it comes first and stays.
  owners_.clear();
  for (const auto& box : write.boxes) owners_.push_back(&box);
  std::ranges::sort(owners_, {}, [](const BoxOwner* b) { return std::tie(b->owner, b->direction, b->delivered); });
  owners_.erase(std::ranges::unique(owners_, {}, &BoxOwner::owner).begin(), owners_.end());
  for (const auto* box : owners_) {
    boxes_.add(Value::text(box->owner), Value::number(id_), Value::text(box->peer), direction_of(*box));
    if (box->direction == Direction::in && !box->delivered) {
      undelivered_.add(Value::text(box->owner), Value::number(id_));
    }
  }
  const auto& message = write.message;
  messages_.add(Value::number(id_), Value::number(owners_.size()), conversation_of(owners_), Value::text(message.from),
                Value::text(message.to), Value::text(message.stanza_id), Value::blob(message.digest),
                Value::text(message.stanza));
  return {};
}

Result<> BatchWriter::add(const MarkDelivered& write) {
  auto& marks = write.keep ? kept_ : dropped_;
  for (const auto id : write.ids) {
    marks.push_back({write.owner, id});
    greatest_mark_ = std::max(greatest_mark_, id);
  }
  return {};
}

// Rare: behind what was gathered, so that the order holds.
Result<> BatchWriter::add(const MarkUndelivered& write) {
  if (auto flushed = flush_messages(); !flushed) return flushed;
  for (const auto id : write.ids) {
    if (auto done = run_one(Statement::undeliver, Value::text(write.owner), Value::number(id)); !done) return done;
  }
  return {};
}

// What waits is looked up here, within the transaction: it may have begun to wait since the caller read.
Result<> BatchWriter::add(const ExpireMessages& write) {
  if (write.ids.empty()) return {};
  if (auto flushed = flush_messages(); !flushed) return flushed;
  const auto [first, last] = std::ranges::minmax(write.ids);
  std::vector<std::uint64_t> waiting;
  const Value query[] = {Value::text(write.owner), Value::number(first), Value::number(last)};
  if (auto found = connection_->select(Statement::get_undelivered_ids, query,
                                       [&](const Row& row) -> Result<> {
                                         waiting.push_back(row.id(0));
                                         return {};
                                       });
      !found) {
    return found;
  }
  for (const auto id : write.ids) {
    if (std::ranges::find(waiting, id) != waiting.end()) continue;
    dropped_.push_back({write.owner, id});
    greatest_mark_ = std::max(greatest_mark_, id);
  }
  return {};
}

// ---- messages that are held back

Result<> BatchWriter::add(const PutHeld& write) {
  const auto& message = write.message;
  return run_one(Statement::put_held, Value::number(id_), Value::text(message.owner), Value::number(message.due_ms),
                 Value::text(message.from), Value::text(message.to), Value::text(message.stanza_id),
                 Value::blob(message.digest), Value::text(message.rule), Value::text(message.unsealed),
                 Value::text(message.reason), Value::text(message.stanza));
}

Result<> BatchWriter::add(const RemoveHeld& write) { return run_one(Statement::remove_held, Value::number(write.id)); }

Result<> BatchWriter::add(const SetHeldDue& write) {
  return run_one(Statement::set_held_due, Value::number(write.due_ms), Value::text(write.owner));
}

Result<> BatchWriter::flush_messages() {
  if (auto done = run(Statement::put_msg, messages_); !done) return done;
  if (auto done = run(Statement::put_box, boxes_); !done) return done;
  if (auto done = run(Statement::put_undelivered, undelivered_); !done) return done;

  for (const auto* marks : {&kept_, &dropped_}) {
    for (const auto& mark : *marks) scratch_.add(Value::text(mark.owner), Value::number(mark.id));
  }
  kept_.clear();
  greatest_mark_ = 0;
  if (auto done = run(Statement::deliver, scratch_); !done) return done;
  return drop_boxes();
}

Result<> BatchWriter::drop_boxes() {
  if (dropped_.empty()) return {};
  // Named twice, a row would be counted off twice.
  std::ranges::sort(dropped_);
  dropped_.erase(std::ranges::unique(dropped_).begin(), dropped_.end());
  const auto by_id = [this] {
    for (const auto& mark : dropped_) scratch_.add(Value::number(mark.id), Value::text(mark.owner));
  };
  // Nearly every message dropped here has one box: then one statement is all that msg needs.
  std::uint64_t sole = 0;
  by_id();
  if (auto done = run(Statement::drop_sole_msg, scratch_, &sole); !done) return done;
  if (sole < dropped_.size()) {
    by_id();
    if (auto done = run(Statement::release_msg, scratch_); !done) return done;
    for (const auto& mark : dropped_) scratch_.add(Value::number(mark.id));
    if (auto done = run(Statement::drop_released_msg, scratch_); !done) return done;
  }
  for (const auto& mark : dropped_) scratch_.add(Value::text(mark.owner), Value::number(mark.id));
  dropped_.clear();
  return run(Statement::drop_box, scratch_);
}

}  // namespace valise::storage::sql
