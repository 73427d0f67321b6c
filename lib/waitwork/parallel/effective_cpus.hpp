// SPDX-License-Identifier: Apache-2.0
#pragma once
// effective_cpus: how many threads of this process can compute at the same time.
//
// The least of two limits: the affinity mask (taskset, cpusets) and the CPU time that the cgroup
// grants per period
// (--cpus of a container). The core count is neither. std::thread::hardware_concurrency and oneTBB
// 2021.8 see the mask but not the quota, and a process with more runnable threads than its quota is
// stopped for the rest of every period, which shows as a tail of up to 100 ms that no amount of
// repetition explains.

#include <filesystem>
#include <optional>
#include <string>

namespace waitwork {

struct cpu_allowance {
  // CPUs in the affinity mask; at least 1.
  unsigned affinity = 1;
  // CPUs' worth of time per period, e.g. 1.5; the least over this cgroup and all above it. Absent
  // if none limits it.
  std::optional<double> quota;
  // The file that sets `quota`, for people.
  std::string quota_source;

  // min(affinity, quota rounded up), at least 1. Up, because a half CPU still runs a thread, part
  // of the time.
  unsigned effective() const noexcept;
};

// Reads both limits as they are now: a system call and a few small files, about 100 us. Not cached,
// because both may change while the process runs. What cannot be read does not limit.
cpu_allowance read_cpu_allowance();

unsigned effective_cpus();

// The quota part alone, from the files of cgroup.hpp below `root`: v2 (cpu.max) and v1 (cpu.cfs_quota_us,
// cpu.cfs_period_us). Sets allowance.quota and .quota_source.
void read_cpu_quota(const std::filesystem::path& root, cpu_allowance& allowance);

}  // namespace waitwork
