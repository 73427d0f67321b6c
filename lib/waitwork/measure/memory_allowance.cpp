// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/memory_allowance.hpp>

#include <algorithm>
#include <limits>
#include <string>

#include <waitwork/base/cgroup.hpp>
#include <waitwork/measure/system_files.hpp>

namespace waitwork {

std::optional<std::int64_t> memory_allowance_bytes(const std::filesystem::path& root) {
  std::optional<std::int64_t> least;
  const auto limit = [&least](std::optional<std::int64_t> bytes) {
    if (bytes) least = std::min(least.value_or(*bytes), *bytes);
  };
  const std::string info = read_system_file(root / "proc/meminfo").value_or("");
  const std::string available = value_of(info, "MemAvailable").value_or("");
  if (const auto kib = parse_number(available, {1, memory_most_kib})) limit(*kib << 10);
  // "max" is not a number, and so no limit. Nor is 0, under which no process would run.
  constexpr number_range limits{1, std::numeric_limits<std::int64_t>::max()};
  for (const cgroup_directory& each : cgroup_directories(root, "memory")) {
    const auto text = read_system_file(each.path / (each.unified ? "memory.max" : "memory.limit_in_bytes"));
    limit(parse_number(text.value_or(""), limits));
  }
  return least;
}

}  // namespace waitwork
