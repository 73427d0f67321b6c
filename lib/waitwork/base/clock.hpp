// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one clock of the project: CLOCK_MONOTONIC in nanoseconds, a vDSO call of about 25 ns. It is also the clock of
// io_uring's timeouts, so that a deadline computed here means the same to the kernel.

#include <time.h>

#include <chrono>
#include <cstdint>

namespace waitwork {

using nanoseconds = std::chrono::nanoseconds;
using time_point = std::chrono::time_point<std::chrono::steady_clock, nanoseconds>;

inline std::int64_t now_ns() noexcept {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace waitwork
