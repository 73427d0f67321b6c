// SPDX-License-Identifier: Apache-2.0
#pragma once
// crew: several workers that do the same for a while, all from the same moment on, and how much they did together. What
// the probe (probe.hpp) measures rates with.

#include <functional>
#include <vector>

#include <waitwork/base/clock.hpp>
#include <waitwork/measure/probe.hpp>

namespace waitwork {

// Does a batch of a worker's work, some ten microseconds, and returns how much that was. Does not throw.
using batch = std::function<double()>;

// Work per second of all workers, one for each of `work`, in the best of `options.windows` windows; each has worked for
// `warm_up` before the first. Absent if their threads cannot be started.
probed best_rate(const probe_options& options, std::vector<batch> work, nanoseconds warm_up);

// Keeps the calling thread on a CPU, unless the system refuses.
void pin_if_possible(unsigned cpu);

}  // namespace waitwork
