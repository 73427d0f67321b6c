// SPDX-License-Identifier: Apache-2.0
#pragma once
// pressure: evidence that something other than our code shaped a measurement.
//
// Steal (/proc/stat) is time in which a CPU of this virtual machine wanted to run and the host ran
// something else. Pressure (/proc/pressure/cpu, "some") is time in which at least one task of this
// machine had work and no CPU. Both are of the whole machine, so a difference of two snapshots says
// what happened during one measurement. Mind that a row with more runnable threads than CPUs makes
// pressure itself: there it says nothing about neighbours.
//
// Resolution: steal is counted in ticks of 1/100 s per CPU, so over 0.1 s on two CPUs one tick is 5
// %; pressure is counted in microseconds.

#include <cstdint>
#include <filesystem>
#include <optional>

namespace waitwork {

// Counters since boot. Whatever the machine does not publish is absent.
struct pressure_snapshot {
  std::int64_t taken_ns = 0;
  std::optional<std::int64_t> cpu_some_us;  // total of /proc/pressure/cpu
  std::optional<std::int64_t> steal_ticks;
  std::int64_t all_ticks = 0;  // of all CPUs, idle included; meaningful with steal_ticks
};

struct pressure {
  std::optional<double> cpu_some_percent;  // of the time between the snapshots, 0 to 100
  std::optional<double> steal_percent;     // of the CPU time of all CPUs between them, 0 to 100
};

// Two small files; about 50 us on two CPUs, growing with their number. `root` is "/" except in
// tests.
pressure_snapshot pressure_now(const std::filesystem::path& root = "/");

// What happened between. Absent where either snapshot lacks it or not a tick went by.
pressure operator-(const pressure_snapshot& later, const pressure_snapshot& earlier) noexcept;

}  // namespace waitwork
