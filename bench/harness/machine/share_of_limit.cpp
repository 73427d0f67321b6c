// SPDX-License-Identifier: Apache-2.0
#include <harness/machine/share_of_limit.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

namespace waitwork::bench {
namespace {

using nlohmann::ordered_json;

double value_of(const std::map<std::string, double>& parameters, const char* name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? 0 : found->second;
}

// Of `workers` workers: the figure for one, that for all, or between them what one's would add up to. 0 if not
// measured.
double rate_of(const ordered_json& figures, const std::string& name, unsigned workers, unsigned all_workers) {
  const double one = figures.value(name + "_one", 0.0);
  const double all = figures.value(name + "_all", 0.0);
  if (workers <= 1) return one;
  if (workers >= all_workers || all == 0) return all;
  return std::min(one * workers, all);
}

}  // namespace

std::optional<limit_share> share_of_limit(const ordered_json& limits, const std::map<std::string, double>& parameters,
                                          unsigned workers, double unit_ns) {
  if (!limits.is_object()) return std::nullopt;
  const unsigned all_workers = limits.value("workers", 1u);
  const auto rate = [&](const ordered_json& figures, const char* name) {
    return rate_of(figures, name, workers, all_workers);
  };

  std::optional<limit_share> nearest;
  const auto consider = [&](double limit_seconds, const std::string& by) {
    const double share = limit_seconds * 1e9 / unit_ns;
    if (!nearest || share > nearest->share) nearest = limit_share{share, by};
  };

  if (const double flops = value_of(parameters, "flops_per_unit"); flops > 0) {
    const bool f64 = value_of(parameters, "flops_are_f64") != 0;
    const double peak = rate(limits, f64 ? "f64_flops" : "f32_flops");
    if (peak == 0) return std::nullopt;
    consider(flops / peak, "arithmetic");
  }

  const double read = value_of(parameters, "bytes_read_per_unit");
  const double written = value_of(parameters, "bytes_written_per_unit");
  if (read + written > 0) {
    const double working_set = value_of(parameters, "working_set_bytes");
    const ordered_json* figures = &limits;
    std::string level = "memory";
    const ordered_json caches = limits.value("caches", ordered_json::array());
    for (const ordered_json& cache : caches) {
      if (working_set == 0 || working_set > cache.value("cache_bytes", 0.0)) continue;
      figures = &cache;
      level = cache.value("level", "");
      break;
    }
    // As much reading as writing is a copy; what is only read is that, and what is only written as fast as a copy.
    const double copied = 2 * std::min(read, written) + std::max(written - read, 0.0);
    const double only_read = std::max(read - written, 0.0);
    const double copy_rate = rate(*figures, "copy_bytes_per_second");
    const double read_rate = rate(*figures, "read_bytes_per_second");
    if ((copied > 0 && copy_rate == 0) || (only_read > 0 && read_rate == 0)) return nearest;
    consider((copied > 0 ? copied / copy_rate : 0) + (only_read > 0 ? only_read / read_rate : 0), level);
  }
  return nearest;
}

}  // namespace waitwork::bench
