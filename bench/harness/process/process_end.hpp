// SPDX-License-Identifier: Apache-2.0
#pragma once
// process_end: when a child of ours has ended, and how.
//
// A pidfd is readable once its process has ended. Where pidfd_open(2) is refused (profiles of
// container engines older than the call do) or missing, the process is looked at every few
// milliseconds instead, which costs the runner a thousandth of a CPU. An ended process stays a
// zombie until take() collects it: so its number, and that of its group, cannot meanwhile belong to
// anyone else.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include <waitwork/base/unique_fd.hpp>

namespace waitwork::bench {

// How a process ended and what it cost at most.
struct process_status {
  int wait_status = 0;               // for WIFEXITED and its siblings
  std::uint64_t peak_rss_bytes = 0;  // of the process and of descendants that it waited for
};

class process_end {
 public:
  // `child` is a child of this process, and not waited for by anyone else.
  explicit process_end(pid_t child);

  // To be polled for POLLIN; -1 where there is none, and then has_come() is to be asked every
  // look_again().
  int fd() const noexcept { return pidfd_.get(); }

  // Whether it has ended. A system call. Throws environment_error if the system does not say.
  bool has_come() const;

  // How long to sleep until the next look, at most `longest`: 2 ms at first and 20 in the end, so
  // that what is short is not made longer by much.
  std::chrono::nanoseconds look_again(std::chrono::nanoseconds longest) noexcept;

  // Collects the ended process; nothing if it has not ended. Once. Throws environment_error if the
  // system does not say how it ended: nothing can then be told of it, least of all that it went
  // well.
  std::optional<process_status> take() const;

 private:
  pid_t child_;
  unique_fd pidfd_;
  std::chrono::nanoseconds next_look_ = std::chrono::milliseconds(2);
};

}  // namespace waitwork::bench
