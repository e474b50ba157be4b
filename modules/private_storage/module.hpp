// The room's inside: one object a shard.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fifo.hpp"
#include "core/shard.hpp"
#include "modules/private_storage/elements.hpp"

namespace valise::modules::private_storage {

class PrivateStorage final : public core::Module {
 public:
  explicit PrivateStorage(core::Shard& shard) : shard_(shard) {}
  void start(core::Registrar& registrar) override;
  void configure(const config::Snapshot& snapshot) override;

 private:
  // Requests of one account are answered one after the other: a change is checked against what is stored.
  struct Line final : core::Part {
    bool busy = false;
    Fifo<core::IqRequest> waiting;
    std::size_t bytes = 0;  // of those that wait; limits.queue bounds it
  };
  [[nodiscard]] Line& line(core::Account& account) const { return account.ensure_part<Line>(slot_); }
  [[nodiscard]] Schema schema_of(const core::Account& account) const;

  // ---- requests.cpp
  void take(core::IqRequest request);
  void begin(core::IqRequest request);
  void answer_get(core::IqRequest request);
  void check_set(core::IqRequest request);
  void commit(core::Account& account, core::IqRequest request, std::vector<storage::Write> writes);
  void replace_bookmarks(core::Account& account, core::IqRequest request, std::string list,
                         std::vector<storage::Write> writes);
  void next(const core::Jid& account);

  core::Shard& shard_;
  unsigned slot_ = 0;
  std::size_t max_bytes_ = 256 * 1024;
  std::size_t max_element_ = 96 * 1024;
  std::vector<std::string> opened_;
};

}  // namespace valise::modules::private_storage
