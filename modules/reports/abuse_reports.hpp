// Reports that come with a block (XEP-0377 §6): modules/blocking hands them on. Published through Shard::publish by
// modules/reports; home shard, the account in memory.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/account.hpp"
#include "core/audit/record.hpp"
#include "storage/types.hpp"
#include "xml/document.hpp"

namespace valise::modules::reports {

// What belongs to the unit of the block. `durable` runs when it is.
struct Taken {
  core::audit::Record record;  // its origin is the caller's
  std::vector<storage::Write> writes;
  std::move_only_function<void()> durable;
};

class AbuseReports {
 public:
  // `report`: a child of the <item/> that blocks `reported`. Nothing: it is no report (XEP-0377 §4), and the block goes
  // on without it.
  [[nodiscard]] virtual std::optional<Taken> take(core::Account& reporter, const std::string& reported,
                                                  xml::Element report) = 0;

 protected:
  ~AbuseReports() = default;
};

}  // namespace valise::modules::reports

namespace valise::modules {
using reports::AbuseReports;
}  // namespace valise::modules
