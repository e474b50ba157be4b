// Tests of policies, written in Lua: `valisectl policy test`. The language: lua/README.md, "Tests".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/policy_set.hpp"

namespace valise::policy {

struct TestResult {
  std::string name;
  unsigned line = 0;
  std::string why;  // file:line: what was not as expected; empty: passed
};

struct TestRun {
  std::vector<TestResult> results;   // in the order of the file
  std::optional<PolicyError> error;  // the file cannot be run, or holds no test: there are no results
};

// Runs the file's tests in a sandbox, each against rules that were made anew. Bounded: 1,000 tests, two seconds of
// processor time and 20,000 events each.
[[nodiscard]] TestRun run_test_file(const std::string& path, const PolicyOptions& options = {});

}  // namespace valise::policy
