// SPDX-License-Identifier: Apache-2.0
#include <waitwork/parallel/effective_cpus.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <waitwork/base/affinity.hpp>
#include <waitwork/base/cgroup.hpp>
#include <waitwork/base/small_file.hpp>

namespace waitwork {
namespace {

struct quota_limit {
  double cpus;
  std::filesystem::path source;
};

// The kernel takes periods from 1 ms to 1 s, and there are no machines with a million CPUs; what says otherwise is no
// limit that was set.
constexpr std::int64_t period_most_us = 1'000'000;
constexpr double cpus_most = 1 << 20;

std::optional<double> quota_of(std::optional<std::int64_t> quota_us, std::optional<std::int64_t> period_us) {
  if (quota_us.value_or(0) <= 0 || period_us.value_or(0) <= 0 || *period_us > period_most_us) return std::nullopt;
  const double cpus = static_cast<double>(*quota_us) / static_cast<double>(*period_us);
  return cpus <= cpus_most ? std::optional(cpus) : std::nullopt;
}

std::string read_line(const std::filesystem::path& path) {
  const std::string text = read_small_file(path).value_or("");
  return text.substr(0, text.find('\n'));
}

std::optional<quota_limit> limit_of(std::optional<double> cpus, const std::filesystem::path& source) {
  return cpus ? std::optional(quota_limit{*cpus, source}) : std::nullopt;
}

// cpu.max is "max 100000" or "150000 100000".
std::optional<quota_limit> read_v2(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "cpu.max";
  const std::string line = read_line(file);
  std::string_view period = line;
  const std::string_view quota = take_until(period, ' ');
  return limit_of(quota_of(decimal_number(quota), decimal_number(period)), file);
}

// cpu.cfs_quota_us is -1 for no limit.
std::optional<quota_limit> read_v1(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "cpu.cfs_quota_us";
  const auto quota_us = decimal_number(read_line(file));
  return limit_of(quota_of(quota_us, decimal_number(read_line(directory / "cpu.cfs_period_us"))), file);
}

}  // namespace

unsigned cpu_allowance::effective() const noexcept {
  // Whatever is no number below the affinity, a NaN too, is no limit.
  if (!quota || !(*quota < static_cast<double>(affinity))) return std::max(affinity, 1u);
  return std::max(static_cast<unsigned>(std::ceil(std::max(*quota, 0.0))), 1u);
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
