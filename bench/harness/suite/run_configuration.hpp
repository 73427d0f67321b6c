// SPDX-License-Identifier: Apache-2.0
#pragma once
// run_configuration: what makes two runs the same run. Rounds taken under different ones cannot be put into one report.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace waitwork::bench {

inline constexpr std::uint64_t most_rounds = 10'000;
// Busy-work steps to a microsecond: a step is a few nanoseconds on any machine that runs this, so what is outside has
// not been measured.
inline constexpr double least_work_per_us = 0.001;
inline constexpr double most_work_per_us = 1e6;
inline constexpr std::size_t longest_filter_bytes = 4'096;

// Whether this is a list of hardware counters that Google Benchmark takes: three names at most, apart by commas. It
// stops the program at a fourth.
constexpr bool are_perf_counters(std::string_view names) { return std::ranges::count(names, ',') < 3; }

struct run_configuration {
  std::string suite;
  std::string filter;
  unsigned rounds = 1;
  std::uint64_t seed = 0;
  double min_time_s = 0;
  double min_warmup_time_s = 0;
  std::uint64_t iterations = 0;  // units to time in each measurement; 0: as many as min_time_s takes
  std::string perf_counters;

  bool operator==(const run_configuration&) const = default;
};

}  // namespace waitwork::bench
