// Disk faults for this process: the write and sync functions of libc are taken over (faults.cpp) and fail on demand for
// files below one folder.
#pragma once

#include <string>

namespace valise::storage::testing {

class DiskFaults {
 public:
  explicit DiskFaults(std::string folder);  // counts operations below `folder` from now on
  ~DiskFaults();                            // the disk is well again
  DiskFaults(const DiskFaults&) = delete;
  DiskFaults& operator=(const DiskFaults&) = delete;

  // The n-th write or sync from now on (1: the next) fails with `error`; with `lasting` also all that follow.
  void arm(int n, int error, bool lasting);
  void disarm();
  [[nodiscard]] bool fired() const;
  [[nodiscard]] int syncs() const;  // since construction, of files below the folder
};

}  // namespace valise::storage::testing
