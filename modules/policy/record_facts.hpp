// What a rule about Kind("record") sees of a record.
#pragma once

#include <string>

#include "core/audit/read_record.hpp"
#include "core/audit/record.hpp"
#include "policy/facts.hpp"

namespace valise::modules {

class RecordFacts {
 public:
  // Views look into this object, until the next one.
  [[nodiscard]] policy::Facts of(const core::audit::Record& record);

 private:
  std::string json_;
  core::audit::RecordReader reader_;
};

}  // namespace valise::modules
