// SPDX-License-Identifier: Apache-2.0
#pragma once
// resource_usage: what the kernel charged to this process, so that a report can say why one
// strategy is faster.
//
// getrusage(RUSAGE_SELF) sums all threads of the process, those that have ended included.
// io_uring's worker threads (io-wq, "iou-wrk-*") and SQPOLL threads ("iou-sqp-*") are threads of
// the process that made the ring, since Linux 5.12, and so are in the sum: work that the kernel
// hands to them is charged to us and a ring cannot hide it (tested beside this file; found to hold
// on 6.18). CPU time spent in interrupts and by kernel threads outside of the process, such as
// ksoftirqd or a block device's own threads, is charged to no one here.
//
// Resolution: user + system is exact to a microsecond, since it comes from the scheduler's clock.
// How it divides into user and system is only sampled by the timer tick (every 1 to 10 ms) unless
// the kernel has CONFIG_VIRT_CPU_ACCOUNTING_GEN or _NATIVE, so over less than about a hundred ticks
// the division is rough.

#include <sys/types.h>

#include <cstdint>
#include <filesystem>

#include <waitwork/base/result.hpp>

namespace waitwork {

struct resource_usage {
  std::int64_t user_ns = 0;
  std::int64_t system_ns = 0;
  std::int64_t voluntary_switches = 0;    // a thread went to sleep
  std::int64_t involuntary_switches = 0;  // a thread was made to give up its CPU
  std::int64_t minor_faults = 0;          // resolved without the device
  std::int64_t major_faults = 0;          // waited for the device

  std::int64_t cpu_ns() const noexcept { return user_ns + system_ns; }
  bool operator==(const resource_usage&) const = default;
};

// What this process was charged from its start until now. About 0.5 us with one thread, more with
// many. Throws environment_error where a sandbox refuses to tell.
resource_usage process_usage();

// What was charged between two snapshots.
resource_usage operator-(const resource_usage& later, const resource_usage& earlier) noexcept;

// User and system time of another process and all its threads, in nanoseconds from its start. ESRCH
// once it is gone and reaped. Needs no privilege.
result<std::int64_t> process_cpu_ns(pid_t process) noexcept;

// Worker threads that io_uring runs for this process at this moment. They end when idle for a few
// seconds, so look before the work is over. Reads a directory entry and a small file for each
// thread of the process. `root` is "/" except in tests.
unsigned kernel_worker_threads(const std::filesystem::path& root = "/");

}  // namespace waitwork
