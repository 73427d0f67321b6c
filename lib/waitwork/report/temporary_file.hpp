// SPDX-License-Identifier: Apache-2.0
#pragma once
// temporary_file: a file that is written out of sight and then takes its final name, whole, by a rename.
//
// It lies in the directory of the final name as `.<name>.waitwork-<own name>`. A killed process leaves it there, and
// the next one removes it: the name proves that it is ours (waitwork/base/own_name.hpp), and a lock that is held while
// it is written proves that nobody is at it. A file without a name (O_TMPFILE) would leave nothing behind, but not
// every file system has it (overlayfs before 6.3, NFS, FUSE), replacing a file needs a name again, and one way that
// always runs is worth more than two of which one is never tried.

#include <filesystem>
#include <string>

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/report/destination.hpp>

namespace waitwork {

class temporary_file {
 public:
  // Empty, for `target`, which must not be in_place. Throws environment_error.
  explicit temporary_file(const destination& target);
  // Removes it, unless it has its final name.
  ~temporary_file();
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;

  int fd() const noexcept { return fd_.get(); }

  // Returns when the file is on the device under its final name, with mode and, as far as this process may, owner of
  // the file that it replaces. Throws environment_error: with the old file in place, or, if it is the directory that
  // could not be brought to the device, the new one.
  void take_final_name();

 private:
  void open();
  void take_over_owner_and_mode();

  const destination& target_;
  unique_fd directory_;
  std::string name_;  // in the directory; empty once there is nothing to remove
  unique_fd fd_;
};

// Removes what processes that are no more left of writing `target`, and nothing else: regular files of this user with a
// name that only a temporary_file for this target has, that nobody holds a lock on. What cannot be removed stays.
void remove_stale_temporaries(const destination& target) noexcept;

}  // namespace waitwork
