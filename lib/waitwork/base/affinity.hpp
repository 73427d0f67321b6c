// SPDX-License-Identifier: Apache-2.0
#pragma once
// affinity: which CPUs a thread may run on.

#include <vector>

namespace waitwork {

// The numbers of the CPUs in the affinity mask of the calling thread, ascending; at least one.
std::vector<unsigned> affinity_cpus();

// Keeps the calling thread on one CPU from now on. Throws environment_error if the system has no such CPU
// for it, unsupported_error if a sandbox refuses.
void pin_this_thread(unsigned cpu);

}  // namespace waitwork
