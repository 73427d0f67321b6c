// SPDX-License-Identifier: Apache-2.0
#pragma once
// timing: how well this machine tells and keeps time, since that bounds what a latency in a report
// can mean.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace waitwork {

// How late a short sleep of this thread wakes up.
struct sleep_overshoot {
  std::int64_t asked_ns = 0;
  std::int64_t median_ns = 0;  // beyond what was asked
  std::int64_t worst_ns = 0;
};

// How late the kernel may deliver this thread's timers in order to batch them (PR_GET_TIMERSLACK);
// 50 us unless set otherwise, 0 for real-time threads. Absent if the kernel refuses to say.
std::optional<std::int64_t> timer_slack_ns() noexcept;

// Sleeps 25 times for 200 us: about 7 ms.
sleep_overshoot measure_sleep_overshoot();

// What one reading of the clock costs: about 25 ns through the vDSO, ten times that or more where
// the clock source makes it a system call. The least of several batches; about 1 ms.
double measure_clock_read_ns() noexcept;

// The kernel's clock source, "tsc", "kvm-clock", "hpet", ...; empty if not published. `root` is "/"
// except in tests.
std::string clock_source(const std::filesystem::path& root = "/");

}  // namespace waitwork
