// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/timing.hpp>

#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <limits>

#include <waitwork/base/clock.hpp>
#include <waitwork/measure/system_files.hpp>

namespace waitwork {

std::optional<std::int64_t> timer_slack_ns() noexcept {
  const int slack = ::prctl(PR_GET_TIMERSLACK);
  if (slack < 0) return std::nullopt;
  return slack;
}

sleep_overshoot measure_sleep_overshoot() {
  constexpr std::int64_t asked_ns = 200'000;
  std::array<std::int64_t, 25> late_ns{};
  for (std::int64_t& late : late_ns) {
    const timespec duration{.tv_sec = 0, .tv_nsec = asked_ns};
    const std::int64_t start = now_ns();
    // A signal ends the sleep early; that sample is then merely small.
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, nullptr);
    late = std::max<std::int64_t>(now_ns() - start - asked_ns, 0);
  }
  std::ranges::sort(late_ns);
  return {.asked_ns = asked_ns, .median_ns = late_ns[late_ns.size() / 2], .worst_ns = late_ns.back()};
}

double measure_clock_read_ns() noexcept {
  constexpr int batches = 10;
  constexpr int reads = 2000;
  std::int64_t least_ns = std::numeric_limits<std::int64_t>::max();
  for (int batch = 0; batch < batches; ++batch) {
    const std::int64_t start = now_ns();
    std::int64_t end = start;
    for (int read = 0; read < reads; ++read) end = now_ns();
    least_ns = std::min(least_ns, end - start);
  }
  return static_cast<double>(least_ns) / reads;
}

std::string clock_source(const std::filesystem::path& root) {
  return read_system_name(root / "sys/devices/system/clocksource/clocksource0/current_clocksource").value_or("");
}

}  // namespace waitwork
