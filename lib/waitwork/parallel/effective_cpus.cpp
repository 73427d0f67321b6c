#include <waitwork/parallel/effective_cpus.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>

#include <waitwork/base/affinity.hpp>
#include <waitwork/base/cgroup.hpp>

namespace waitwork {
namespace {

struct quota_limit {
  double cpus;
  std::filesystem::path source;
};

// cpu.max is "max 100000" or "150000 100000".
std::optional<quota_limit> read_v2(const std::filesystem::path& directory) {
  std::ifstream file(directory / "cpu.max");
  double quota_us = 0;
  double period_us = 0;
  if (!(file >> quota_us >> period_us) || quota_us <= 0 || period_us <= 0) return std::nullopt;
  return quota_limit{quota_us / period_us, directory / "cpu.max"};
}

// cpu.cfs_quota_us is -1 for no limit.
std::optional<quota_limit> read_v1(const std::filesystem::path& directory) {
  double quota_us = 0;
  double period_us = 0;
  if (!(std::ifstream(directory / "cpu.cfs_quota_us") >> quota_us) || quota_us <= 0) {
    return std::nullopt;
  }
  if (!(std::ifstream(directory / "cpu.cfs_period_us") >> period_us) || period_us <= 0) {
    return std::nullopt;
  }
  return quota_limit{quota_us / period_us, directory / "cpu.cfs_quota_us"};
}

}  // namespace

unsigned cpu_allowance::effective() const noexcept {
  if (!quota || *quota >= static_cast<double>(affinity)) return std::max(affinity, 1u);
  return std::max(static_cast<unsigned>(std::ceil(*quota)), 1u);
}

void read_cpu_quota(const std::filesystem::path& root, cpu_allowance& allowance) {
  for (const cgroup_directory& each : cgroup_directories(root, "cpu")) {
    const auto limit = each.unified ? read_v2(each.path) : read_v1(each.path);
    if (limit && (!allowance.quota || limit->cpus < *allowance.quota)) {
      allowance.quota = limit->cpus;
      allowance.quota_source = limit->source.string();
    }
  }
}

cpu_allowance read_cpu_allowance() {
  cpu_allowance allowance;
  allowance.affinity = static_cast<unsigned>(affinity_cpus().size());
  read_cpu_quota("/", allowance);
  return allowance;
}

unsigned effective_cpus() { return read_cpu_allowance().effective(); }

}  // namespace waitwork
