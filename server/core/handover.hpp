// A message whose unit is durable, on its way into the kernel: the sender's <a/> may cover it when one session of the
// recipient has it there. Sessions that end first give it back; if all do, it begins again: other sessions, the store,
// or an error to the sender. So what was accepted is nowhere only in this process.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/departure.hpp"
#include "core/flow.hpp"

namespace valise::core {

class Shard;

class Handover {
 public:
  Handover(Shard& shard, const std::vector<Session*>& targets);
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  // Gives the message to those of its sessions that are still there, and waits for their kernels' buffers. False: none
  // is, and the flow is untouched.
  static bool begin(std::unique_ptr<Handover>& handover, Account& recipient, std::string_view extra);

  Flow flow;

 private:
  struct Way final : Departure {
    void departed(bool sent) override { owner->departed(sent); }
    Handover* owner = nullptr;
    std::uint64_t session = 0;
  };

  void show_others(Account& recipient, std::string_view extra);
  void departed(bool sent);  // deletes this behind the last way

  Shard& shard_;
  std::vector<Way> ways_;
  unsigned open_ = 0;  // ways that nothing is known of yet
  bool reached_ = false;
};

}  // namespace valise::core
