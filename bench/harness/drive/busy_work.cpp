// SPDX-License-Identifier: Apache-2.0
#include <harness/drive/busy_work.hpp>

#include <time.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include <waitwork/base/check.hpp>
#include <waitwork/base/random.hpp>

namespace waitwork::bench {
namespace {

// A multiplication takes 3 or 4 cycles and one can start each cycle: 4 chains would do, 8 leave no
// doubt, and with the multiplier and the counter they still fit the 15 general registers of x86-64.
constexpr std::size_t chain_count = 8;
using chains = std::array<std::uint64_t, chain_count>;

// Knuth's MMIX multiplier (The Art of Computer Programming, volume 2, 3.3.4). The increments are
// odd, which gives each chain the full period, and small, which makes them immediate operands.
constexpr std::uint64_t multiplier = 6364136223846793005u;
constexpr std::uint64_t increment(std::size_t chain) noexcept { return 2 * chain + 1; }

chains initial(std::uint64_t seed) noexcept {
  chains state;
  for (std::size_t i = 0; i < chain_count; ++i) state[i] = mix64(seed * chain_count + i);
  return state;
}

// CPU time rather than elapsed time: who else uses the CPUs while this is measured must not shorten the work of a whole
// run.
std::int64_t thread_cpu_ns() noexcept {
  timespec used;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<std::int64_t>(used.tv_sec) * 1'000'000'000 + used.tv_nsec;
}

std::uint64_t hash(const chains& state) noexcept {
  std::uint64_t value = 0;
  for (const std::uint64_t chain : state) value = mix64(value ^ chain);
  return value;
}

}  // namespace

std::uint64_t busy_work(std::uint64_t seed, std::uint64_t steps) noexcept {
  chains state = initial(seed);
  for (std::uint64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < chain_count; ++i) {
      state[i] = state[i] * multiplier + increment(i);
      // Emits nothing. Each chain stays in a general register: without this the compiler may use
      // vector instructions, and then a step costs something else on each instruction set.
      // Volatile, so that work whose result is not used is done all the same, and done where it is
      // written: between two readings of the clock.
      asm volatile("" : "+r"(state[i]));
    }
  }
  return hash(state);
}

// x after n steps = a^n * x + c * (1 + a + ... + a^(n-1)), both factors by repeated doubling.
std::uint64_t busy_work_expected(std::uint64_t seed, std::uint64_t steps) noexcept {
  std::uint64_t power = 1;                 // a^(steps handled so far)
  std::uint64_t sum = 0;                   // 1 + a + ... up to that power, exclusive
  std::uint64_t block_power = multiplier;  // the same two for 1, 2, 4, ... steps
  std::uint64_t block_sum = 1;
  for (; steps > 0; steps /= 2) {
    if (steps % 2 == 1) {
      sum = sum * block_power + block_sum;
      power *= block_power;
    }
    block_sum *= block_power + 1;
    block_power *= block_power;
  }
  chains state = initial(seed);
  for (std::size_t i = 0; i < chain_count; ++i) state[i] = power * state[i] + sum * increment(i);
  return hash(state);
}

double measure_busy_work_per_us() {
  // Runs of 1 to 2 ms: long against the clock's 25 ns, short against a time slice.
  constexpr std::int64_t shortest_run_ns = 1'000'000;
  const auto time_of = [](std::uint64_t steps) {
    const std::int64_t start = thread_cpu_ns();
    const std::uint64_t result = busy_work(steps, steps);
    const std::int64_t taken = thread_cpu_ns() - start;
    WAITWORK_CHECK(result == busy_work_expected(steps, steps), "the work that was timed was done");
    return std::max<std::int64_t>(taken, 1);
  };
  // Finds the number of steps for a run, and brings the core to its clock rate meanwhile. The
  // shorter of two runs counts, because an interrupt makes one look long.
  std::uint64_t steps = 1024;
  while (std::min(time_of(steps), time_of(steps)) < shortest_run_ns) steps *= 2;
  std::array<double, 15> steps_per_us;
  for (double& rate : steps_per_us) {
    rate = 1000.0 * static_cast<double>(steps) / static_cast<double>(time_of(steps));
  }
  const auto middle = steps_per_us.begin() + steps_per_us.size() / 2;
  std::nth_element(steps_per_us.begin(), middle, steps_per_us.end());
  return *middle;
}

}  // namespace waitwork::bench
