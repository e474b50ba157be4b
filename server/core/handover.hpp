// A message whose unit is durable, on its way to the sessions that it is for.
//
// Its sender's <a/> may cover it when the kernel has it for one of them, or a row keeps it. It is delivered when the
// kernel has it for a client that acknowledges nothing, or a client has acknowledged it (XEP-0198). While it is not,
// and no session that may still get it has a connection, a row keeps it; if all of them end without it, it begins
// again: other sessions, the store, or an error. So what was accepted is nowhere only in this process.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/custody.hpp"
#include "core/departure.hpp"
#include "core/flow.hpp"
#include "core/unit.hpp"

namespace valise::core {

class Shard;

class Handover {
 public:
  Handover(Shard& shard, const std::vector<Session*>& targets);
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  // Its unit has put Flow::row, which waits: the sender may know.
  void is_stored();
  // Gives the message to those of its sessions that are still there, and waits for what becomes of it. False: none is,
  // nothing keeps it, and the flow is untouched.
  static bool begin(std::unique_ptr<Handover>& handover, Account& recipient, std::string_view extra);
  [[nodiscard]] bool has_targets() const noexcept { return !ways_.empty(); }

  Flow flow;

 private:
  struct Way final : Departure, Custody {
    void departed(bool sent) override { owner->departed(*this, sent); }
    std::size_t waits() override { return owner->waits(); }
    void settled(bool received) override { owner->settled(*this, received); }
    void stranded() override { owner->stranded(*this); }
    [[nodiscard]] std::uint64_t row() const override { return owner->stored_ ? owner->flow.row : 0; }
    [[nodiscard]] bool tells() const override { return owner->flow.tells; }
    [[nodiscard]] bool is_over() const noexcept { return !leaving && !in_custody; }

    Handover* owner = nullptr;
    std::uint64_t session = 0;
    bool acknowledges = false;  // its client does
    bool leaving = false;       // the kernel may still get it
    bool in_custody = false;    // nothing has been heard of it
    bool is_stranded = false;
  };

  void show_others(Account& recipient, const Stanza& stanza, std::string_view extra);
  void departed(Way& way, bool sent);
  std::size_t waits();  // counted for each session that does not read: each keeps it
  void settled(Way& way, bool received);
  void stranded(Way& way);
  void reach();
  void confirm();
  void store_if_stranded();
  void store();
  void stored(Unit& unit);
  void leave();  // deletes this behind the last way
  [[nodiscard]] Account* recipient() const;

  Shard& shard_;
  std::vector<Way> ways_;
  unsigned open_ = 0;       // ways that are not over, and what else must not lose this
  bool reached_ = false;    // the sender may know
  bool confirmed_ = false;  // delivered
  bool storing_ = false;
  bool stored_ = false;  // Flow::row waits, or an identical message does
};

}  // namespace valise::core
