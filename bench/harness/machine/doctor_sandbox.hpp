// SPDX-License-Identifier: Apache-2.0
#pragma once
// doctor_sandbox: the doctor's judgement of what a sandbox, a limit or a parent restricts
// (sandbox.hpp has the facts).

#include <vector>

#include <harness/machine/doctor.hpp>

namespace waitwork::bench {

// One finding for everything that is looked at, always in the same order: system_calls, proc,
// loopback, threads, stack, memory, file_size, cpu_time, inherited, nice.
std::vector<doctor_item> judge_sandbox(const sandbox& facts);

}  // namespace waitwork::bench
