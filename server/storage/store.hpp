// The contract that both stores keep (tests/storage runs one suite against each). Blocking calls: a Writer belongs to
// the committer's store thread, a Reader to one thread of the ReadPool; neither is ever touched by a shard.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "storage/types.hpp"

namespace valise::storage {

class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<std::optional<Account>> account(std::string_view jid) = 0;  // deleted ones too: the name rests
  virtual Result<std::vector<Account>> accounts(
      std::string_view domain) = 0;                         // without keys, by name; none that is gone
  virtual Result<std::vector<std::string>> removing() = 0;  // bare JIDs of the accounts in that state
  virtual Result<Roster> roster(std::string_view owner) = 0;
  virtual Result<std::vector<PepNode>> pep_nodes(std::string_view owner) = 0;
  // Newest first, at most `limit`; `item_id` not empty: only that one.
  virtual Result<std::vector<PepItem>> pep_items(std::string_view owner, std::string_view node, std::size_t limit,
                                                 std::string_view item_id = {}) = 0;
  // All of a node, newest first, at most `limit`.
  virtual Result<std::vector<PepItemName>> pep_item_names(std::string_view owner, std::string_view node,
                                                          std::size_t limit) = 0;
  // By name. `name` not empty: only that one.
  virtual Result<std::vector<AccountData>> account_data(std::string_view owner, DataKind kind,
                                                        std::string_view name = {}) = 0;
  // Of all owners, by name: what they keep under `name`. It looks at every row of that kind: for work that is done once
  // a day.
  virtual Result<std::vector<std::pair<std::string, std::string>>> data_of_all(DataKind kind,
                                                                               std::string_view name) = 0;
  // Inbound box rows not yet delivered, in id order, ids greater than `after`, at most `limit`.
  virtual Result<std::vector<BoxMessage>> undelivered(std::string_view owner, std::uint64_t after,
                                                      std::size_t limit) = 0;
  // The box row of `id`, or nothing. For recovery after a crash and for tests.
  virtual Result<std::optional<BoxMessage>> message(std::string_view owner, std::uint64_t id) = 0;
  virtual Result<bool> has_message(std::uint64_t id) = 0;
  // A page of an archive, answered by an index: at most `limit` messages from the beginning of the range on or, with
  // `newest_first`, from its end back, in that order. `delivered` is not looked up.
  virtual Result<std::vector<BoxMessage>> archived(const ArchiveRange& range, std::size_t limit, bool newest_first) = 0;
  // How many there are in the range, counted up to `most`. `party` is not looked at.
  virtual Result<std::uint64_t> archive_size(const ArchiveRange& range, std::uint64_t most) = 0;
  virtual Result<bool> is_archived(std::string_view owner, std::uint64_t id) = 0;
  // Archived inbound messages with ids greater than `after`, without the stanza, newest first, at most `limit`.
  virtual Result<std::vector<BoxMessage>> newest_received(std::string_view owner, std::uint64_t after,
                                                          std::size_t limit) = 0;
  // Held messages due at `until_ms` or before, behind `after`, in the order in which they are due, at most `limit`.
  virtual Result<std::vector<HeldMessage>> held_due(std::int64_t until_ms, HeldPlace after, std::size_t limit) = 0;
  // Those of an owner with ids greater than `after`, without the stanza, in id order, at most `limit`.
  virtual Result<std::vector<HeldMessage>> held_of(std::string_view owner, std::uint64_t after, std::size_t limit) = 0;
  // Messages with an id greater than `after`, held ones too, without the stanza, in id order (start-up check against
  // the log).
  virtual Result<std::vector<BoxMessage>> messages_after(std::uint64_t after, std::size_t limit) = 0;
  // The greatest id in any table; 0 for an empty store.
  virtual Result<std::uint64_t> greatest_id() = 0;
  // That of the last set that had one; nothing before the first.
  virtual Result<std::optional<LogMark>> log_mark() = 0;
};

class Writer {
 public:
  virtual ~Writer() = default;
  // One transaction, durable when it returns. Errors: `unavailable` (store away or outcome unknown: call again with the
  // same sets), anything else: this batch can never be written as it is (the committer then retries each set alone).
  virtual Result<> commit(std::span<const WriteSet* const> sets) = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  // From now on this process alone may write; first of all. Two servers on one store would give out the same ids and
  // overwrite each other's accounts. A check against a mistake, no fence: MariaDB forgets it when it restarts.
  // Errors: conflict (another valised has it), unavailable.
  virtual Result<> claim() = 0;
  // Brings the schema to this version (numbered migrations, each in its own transaction where the engine can).
  virtual Result<> migrate() = 0;
  virtual Result<std::unique_ptr<Reader>> open_reader() = 0;
  virtual Result<std::unique_ptr<Writer>> open_writer() = 0;
  // After the last Reader and Writer is gone: leaves the store as a copy of its files should find it.
  virtual Result<> settle() = 0;
  virtual std::string describe() const = 0;  // "sqlite /var/lib/valise/valise.db", "mariadb 10.11 at db1 (TLS)"
};

struct SqliteOptions {
  std::string path;
};

struct MariadbOptions {
  std::string host;  // empty with a socket
  unsigned port = 3306;
  std::string unix_socket;  // loopback set-ups and tests; TLS is then not used
  std::string user;
  std::string password_file;  // read at each connect; never logged
  std::string database;
  std::string ca_file;    // the private CA: required with a host (TLS is enforced, host name verified)
  std::string cert_file;  // client certificate, optional
  std::string key_file;
  unsigned connect_timeout_s = 5;
  unsigned io_timeout_s = 10;
};

Result<std::unique_ptr<Store>> open_sqlite(SqliteOptions options);
Result<std::unique_ptr<Store>> open_mariadb(MariadbOptions options);

}  // namespace valise::storage
