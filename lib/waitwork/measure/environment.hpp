// SPDX-License-Identifier: Apache-2.0
#pragma once
// environment: the state of the machine at the start of a run, in the terms of Google Benchmark's
// "context", so that its readers find what they expect. Nothing here identifies the machine; see
// machine.hpp for that.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace waitwork {

struct cpu_cache {
  std::string type;  // "Data", "Instruction", "Unified"
  int level = 0;
  std::int64_t size_bytes = 0;
  unsigned sharing = 0;  // CPUs that share it
  bool operator==(const cpu_cache&) const = default;
};

struct environment {
  std::string host_name;
  unsigned cpus_online = 1;  // of the machine, whether or not we may use them
  // Nominal frequency: the highest that cpufreq allows, else what /proc/cpuinfo says now; 0 if
  // neither tells.
  double mhz = 0;
  // Whether the frequency changes with the load. Absent where there is no cpufreq, as in most
  // virtual machines: that is not knowing, not "no".
  std::optional<bool> cpu_scaling_enabled;
  std::vector<std::string> governors;  // the different scaling governors in use, e.g. {"performance"}
  std::vector<cpu_cache> caches;       // of CPU 0, in the order in which the kernel numbers them
  std::vector<double> load_average;    // 1, 5 and 15 minutes; empty if not published
};

// `root` is "/" except in tests.
environment read_environment(const std::filesystem::path& root = "/");

}  // namespace waitwork
