// Turns units into statement rows. One idea: the rows of many units that need the same statement are gathered and run
// together (array binding on MariaDB, a warm statement and neighbouring pages on SQLite). Writes keep their order
// wherever they could touch the same row; only writes that commute are gathered.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "storage/sql/connection.hpp"
#include "storage/types.hpp"

namespace valise::storage::sql {

class BatchWriter {
 public:
  // Writes all sets over `connection`, within the transaction that the caller has begun. `check` has passed each set.
  // Errors: those of Connection; the caller rolls back.
  Result<> write(Connection& connection, std::span<const WriteSet* const> sets);

 private:
  struct Rows {
    std::vector<Value> values;
    std::size_t count = 0;

    template <class... Values>
    void add(Values... row) {
      (values.push_back(row), ...);
      ++count;
    }
    void clear() {
      values.clear();
      count = 0;
    }
  };
  struct Mark {
    std::string_view owner;
    std::uint64_t id;
    friend auto operator<=>(const Mark&, const Mark&) = default;
  };

  Result<> add(const PutAccount& write);
  Result<> add(const SetAccountState& write);
  Result<> add(const SetAccountKeys& write);
  Result<> add(const EraseAccount& write);
  Result<> add(const PutRosterItem& write);
  Result<> add(const RemoveRosterItem& write);
  Result<> add(const PutPepNode& write);
  Result<> add(const RemovePepNode& write);
  Result<> add(const PutPepItem& write);
  Result<> add(const RemovePepItem& write);
  Result<> add(const PurgePepNode& write);
  Result<> add(const PutAccountData& write);
  Result<> add(const RemoveAccountData& write);
  Result<> add(const PutMessage& write);
  Result<> add(const MarkDelivered& write);
  Result<> add(const MarkUndelivered& write);
  Result<> add(const ExpireMessages& write);
  Result<> add(const PutHeld& write);
  Result<> add(const RemoveHeld& write);
  Result<> add(const SetHeldDue& write);

  Result<> run(Statement statement, Rows& rows, std::uint64_t* changed = nullptr);
  template <class... Values>
  Result<> run_one(Statement statement, Values... row);
  Result<> flush_messages();
  Result<> drop_boxes();
  Result<> flush_roster();
  Result<> erase_boxes(std::string_view owner);
  void clear();
  std::string_view keep(std::string encoded);

  Connection* connection_ = nullptr;
  std::uint64_t id_ = 0;     // of the unit at hand
  std::uint64_t place_ = 0;  // of the write within it

  // Gathered, not yet run; flush_messages() runs puts before marks.
  Rows messages_, boxes_, undelivered_;
  std::vector<Mark> kept_, dropped_;
  std::uint64_t greatest_mark_ = 0;
  Rows roster_items_;
  std::map<std::string_view, std::uint64_t> roster_versions_;

  Rows scratch_;
  std::vector<const BoxOwner*> owners_;
  std::deque<std::string> encoded_;  // bytes that gathered values look into
};

}  // namespace valise::storage::sql
