// SPDX-License-Identifier: Apache-2.0
#pragma once
// process_state: what a process has from its parent over exec, set instead of assumed.
//
// A parent may have ignored SIGCHLD (then the kernel keeps no child's end, nor its peak memory),
// blocked every signal, left a stack of 64 KiB or a umask that lets everybody write. None of that
// is the caller's wish for a measurement, and some of it would turn into wrong figures. What a
// caller does mean (limits on memory and files, nice, affinity, the work directory) stays.

#include <string>
#include <vector>

namespace waitwork::bench {

// What was found, for whoever has to report it.
struct inherited_state {
  bool child_signal_ignored = false;         // SIGCHLD ignored, or SA_NOCLDWAIT
  std::vector<std::string> blocked_signals;  // "SIGTERM", "34"
};

// At the beginning of main(), before there is a thread: no signal is blocked; SIGCHLD is at its
// default, as a signal that others ignored must not be; the limit on the stack is at least 8 MiB,
// or as much as may be had, and new threads get as much; a few hundred files may be open, if the
// hard limit allows it; the umask lets its owner read and write our files, and not everybody write
// them. Signals that end a program and are ignored stay so (nohup, background jobs).
void settle_process_state();

// What settle_process_state() found; nothing out of order if it was never called.
const inherited_state& state_at_start();

// Raises the soft limit on the stack as said above, for this process and what it starts.
// Async-signal-safe. Whether it was too low.
bool raise_stack_limit() noexcept;

// What run_child_process() gives a child: this environment without the variables that steer what is
// to be measured or who measures it. BENCHMARK_* (flags of Google Benchmark, meant for the runner),
// OMP_*, GOMP_*, KMP_*, MKL_*, BLIS_*, OPENBLAS_*, GOTO_* and TBB_* (how many threads a library
// starts, which kernels it picks), OPENCV_*, MALLOC_* go, and so do LANG, LANGUAGE and LC_*, for
// which LC_ALL=C comes. As "NAME=value".
std::vector<std::string> environment_for_children();

}  // namespace waitwork::bench
