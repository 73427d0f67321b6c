// SPDX-License-Identifier: Apache-2.0
#pragma once
// sandbox: what this process may do that a run relies on, found out by doing it.
//
// Facts for the doctor: which system calls are refused, and whether there is another way; whether a
// child can be started, loopback connected and /proc read. Each call is made in a child process
// (base/trial.hpp), because a filter may kill the caller.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <waitwork/base/refusal.hpp>

#include <harness/process/process_state.hpp>

namespace waitwork::bench {

struct refused_call {
  std::string name;     // as in its manual page
  std::string how;      // "Operation not permitted", "kills the caller"
  std::string instead;  // what is done in its place; empty: nothing, a run stops there
  int ends_run_by = 0;  // the signal by which it kills the runner itself; 0: it does not
};

// The defaults are those of a process that may do everything.
struct sandbox {
  std::vector<refused_call> calls;
  bool proc = true;                    // /proc is mounted
  std::optional<refusal> no_loopback;  // TCP over 127.0.0.1 does not work
  unsigned threads = 0;                // as many as were granted, of as many as were wanted
  unsigned threads_wanted = 0;
  inherited_state inherited;
  int nice = 0;
  // Soft limits; absent: unlimited.
  std::optional<std::uint64_t> stack_bytes;
  std::optional<std::uint64_t> memory_bytes;  // the lower of address space and data
  std::optional<std::uint64_t> file_bytes;
  std::optional<std::uint64_t> cpu_seconds;
};

// Why this process would die in the middle of a run, by a call that a filter answers with death. Nothing if there is no
// such call among those that a run makes. About a millisecond, once in a process.
std::optional<refusal> deadly_call();

// About ten milliseconds.
sandbox look_at_sandbox();

}  // namespace waitwork::bench
