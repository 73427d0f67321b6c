#include <waitwork/measure/memory_allowance.hpp>

#include <algorithm>
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
  if (const auto kib = parse_number(value_of(info, "MemAvailable").value_or(""))) limit(*kib << 10);
  // "max" is not a number, and so no limit.
  for (const cgroup_directory& each : cgroup_directories(root, "memory")) {
    limit(read_system_number(each.path / (each.unified ? "memory.max" : "memory.limit_in_bytes")));
  }
  return least;
}

}  // namespace waitwork
