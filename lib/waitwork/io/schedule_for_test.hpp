// SPDX-License-Identifier: Apache-2.0
#pragma once
// One run of one program on a loop of its own, with everything that happens to it, and what must hold afterwards: the
// run ends, and no frame, buffer, descriptor or request is left.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <waitwork/io/fault_injector_for_test.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/programs_for_test.hpp>

namespace waitwork {

struct schedule {
  schedule(const program& run_program, std::uint64_t of_seed) : what(&run_program), seed(of_seed) {}

  const program* what;
  std::uint64_t seed;  // of the program's script and of the faults
  fault_rates rates;
  intervention plan;
  loop_options options;
  std::optional<std::uint64_t> failing_allocation;  // of those that loop and program make, counted from 0
  bool strict = false;                              // it must come to its full result
};

// Everything chosen by the seed: the faults, how small the rings are, whether and when it is stopped.
schedule schedule_from(const program& what, std::uint64_t seed);

struct outcome {
  bool returned = false;  // run() gave a value
  std::string ended_by;   // or threw this
  std::uint64_t trace = 0;
  std::uint64_t suspensions = 0;
  std::uint64_t requests = 0;
  std::uint64_t submissions = 0;
  std::uint64_t faults = 0;
  std::uint64_t allocations = 0;  // by loop and program
  bool stopped = false;
  loop_counters counters;
};

// Runs it; what does not hold is a test failure that says how to repeat the schedule. A hang or a crash ends the
// process, and says the same.
outcome run(const schedule& chosen);

// How many schedules the seeded tests run for each program: WAITWORK_SCHEDULES, or `usual`, of which a build with
// sanitizers does a tenth. One if WAITWORK_SEED is set.
std::uint64_t schedules_to_run(std::uint64_t usual);

// WAITWORK_SEED, or `usual`: the first of consecutive seeds.
std::uint64_t first_seed(std::uint64_t usual);

}  // namespace waitwork
