// SPDX-License-Identifier: Apache-2.0
#pragma once
// busy_work: computing that takes a chosen time, needs no memory and has an answer that is known in
// advance. What mixed/wait_work does between its waits.
//
// One step advances eight linear congruential generators of 64 bits, x = a * x + c. Eight
// independent multiplications keep the multiplier busy throughout, so that the time is set by how
// many the core can do and not by how long one takes: two hyper-threads of one core, which share
// that multiplier, do not look like two cores, as they would with work that mostly waits for its
// own results. And what n steps of such a generator lead to can be computed in log n.

#include <cstdint>

namespace waitwork::bench {

// Does `steps` steps from a state made of `seed`; returns a hash of the state that it ends in.
// About 3 ns a step.
std::uint64_t busy_work(std::uint64_t seed, std::uint64_t steps) noexcept;

// What busy_work(seed, steps) returns, without doing it: about 50 ns. To be looked up rather than
// called per unit.
std::uint64_t busy_work_expected(std::uint64_t seed, std::uint64_t steps) noexcept;

// How many steps take one microsecond on this machine, when one thread runs: the median of short
// runs, 30 ms in all, so that one interrupt does not move it. Blocks and keeps the CPU busy all
// that time.
double measure_busy_work_per_us();

}  // namespace waitwork::bench
