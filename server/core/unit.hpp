// One unit of the commit protocol (ARCHITECTURE.md, "The life of a unit"): a metadata record and the rows that must be
// durable with it. Made on a home shard, ordered and written by the committer, completed back on the shard it names.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "core/audit/record.hpp"
#include "core/copies.hpp"
#include "storage/types.hpp"

namespace valise::core {

struct Unit;
// Stands for Unit& in `done`: g++ 12's move_only_function wants to know the size of what a reference refers to.
struct UnitRef {
  UnitRef(Unit& unit) : unit_(&unit) {}
  operator Unit&() const { return *unit_; }

 private:
  Unit* unit_;
};

// Somebody else who wants to know, on another shard and at the same place in the order of ids.
struct Beside {
  Ref<const Watchers> watchers;  // null: nobody
  unsigned shard = 0;
  std::move_only_function<void(UnitRef)> done;  // what it is told has an id and an outcome, and that is ok

  // Asked when the unit is complete: who comes later finds what it made durable.
  [[nodiscard]] bool is_wanted() const noexcept { return watchers && watchers->any(); }
};

struct Unit {
  // -- set by the shard that submits
  std::optional<audit::Record> record;  // nothing: log switched off, or a change that needs no record
  std::vector<storage::Write> writes;
  unsigned shard = 0;         // where `done` is called
  std::size_t keeps = 0;      // bytes that `done` keeps in memory
  bool nobody_waits = false;  // presence, no-store: recorded in the same stream, no `done`
  // Of a message: hashes of its sender's and its recipient's bare JIDs. It may be written before what others have in
  // the line (CommitLine); zero: it keeps its place among all.
  std::array<std::size_t, 2> people{};
  bool at_once = false;  // set by Shard::commit: `done` runs before it returns, nothing is under way
  // Called once, on `shard`, in id order: ok when record and rows are durable; otherwise none of it is. Not at all
  // where the server ends before that is known; it is destroyed on `shard` in any case.
  std::move_only_function<void(UnitRef)> done;
  Beside beside;
  // -- set by the committer
  std::uint64_t id = 0;
  Result<> outcome;
  bool known = true;  // what `outcome` says; false only at the end of the server
};

using UnitPtr = std::unique_ptr<Unit>;

// What a shard does with units that have come back to it.
inline void finish(std::vector<UnitPtr>& units) {
  for (auto& unit : units) {
    if (unit->done && unit->known) unit->done(*unit);
  }
  units.clear();
}

}  // namespace valise::core
