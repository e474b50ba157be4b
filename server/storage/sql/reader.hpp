// The Reader of both stores: statements and the way from rows to values. Heals itself: a call that loses its connection
// opens another and asks once more; while the store stays away, calls fail at once with `unavailable`, and a new
// connection is tried after 50 ms, doubling up to 5 s.
#pragma once

#include <functional>
#include <memory>

#include "storage/sql/connection.hpp"
#include "storage/store.hpp"

namespace valise::storage::sql {

using OpenConnection = std::function<Result<std::unique_ptr<Connection>>()>;

class SqlReader final : public Reader {
 public:
  // Opens the first connection. Errors: those of `open`.
  static Result<std::unique_ptr<Reader>> open(OpenConnection open);

  Result<std::optional<Account>> account(std::string_view jid) override;
  Result<std::vector<Account>> accounts(std::string_view domain) override;
  Result<std::vector<std::string>> removing() override;
  Result<Roster> roster(std::string_view owner) override;
  Result<std::vector<PepNode>> pep_nodes(std::string_view owner) override;
  Result<std::vector<PepItem>> pep_items(std::string_view owner, std::string_view node, std::size_t limit,
                                         std::string_view item_id) override;
  Result<std::vector<AccountData>> account_data(std::string_view owner, DataKind kind, std::string_view name) override;
  Result<std::vector<PepItemName>> pep_item_names(std::string_view owner, std::string_view node,
                                                  std::size_t limit) override;
  Result<std::vector<BoxMessage>> undelivered(std::string_view owner, std::uint64_t after, std::size_t limit) override;
  Result<std::optional<BoxMessage>> message(std::string_view owner, std::uint64_t id) override;
  Result<bool> has_message(std::uint64_t id) override;
  Result<std::vector<BoxMessage>> archived(const ArchiveRange& range, std::size_t limit, bool newest_first) override;
  Result<std::uint64_t> archive_size(const ArchiveRange& range, std::uint64_t most) override;
  Result<bool> is_archived(std::string_view owner, std::uint64_t id) override;
  Result<std::vector<BoxMessage>> newest_received(std::string_view owner, std::uint64_t after,
                                                  std::size_t limit) override;
  Result<std::vector<std::pair<std::string, std::string>>> data_of_all(DataKind kind, std::string_view name) override;
  Result<std::vector<HeldMessage>> held_due(std::int64_t until_ms, HeldPlace after, std::size_t limit) override;
  Result<std::vector<HeldMessage>> held_of(std::string_view owner, std::uint64_t after, std::size_t limit) override;
  Result<std::vector<BoxMessage>> messages_after(std::uint64_t after, std::size_t limit) override;
  Result<std::uint64_t> greatest_id() override;
  Result<std::optional<LogMark>> log_mark() override;

 private:
  explicit SqlReader(OpenConnection open) : open_(std::move(open)) {}

  Result<> connect();
  // Runs the query; `reset` empties what `on_row` has gathered, for the second attempt.
  Result<> query(Statement statement, std::initializer_list<Value> values, const std::function<void()>& reset,
                 const OnRow& on_row);
  using ReadMessage = Result<BoxMessage> (*)(const Row& row);
  Result<std::vector<BoxMessage>> messages(Statement statement, std::initializer_list<Value> values, ReadMessage read);

  Result<std::vector<HeldMessage>> held(Statement statement, std::initializer_list<Value> values);

  OpenConnection open_;
  std::unique_ptr<Connection> connection_;
  std::int64_t next_attempt_ms_ = 0;
  std::int64_t wait_ms_ = 0;
  Error away_;
};

}  // namespace valise::storage::sql
