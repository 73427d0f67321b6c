// SPDX-License-Identifier: Apache-2.0
#pragma once
// child_process: one program run to its end under a time limit, with what it said and what it cost.
//
// The child leads a process group of its own, so that whatever it started dies with it, whether it ends by itself, is
// past its time or the run is interrupted; and it dies when its parent is killed. The waiting is a single poll(2) on
// the answer, the process itself (process_end.hpp) and the interrupt: the runner sleeps while the child measures.
//
// What a child has: a descriptor to answer on; /dev/null as standard input and output; a standard error whose end is
// kept for whoever has to explain a crash; no other descriptor. Every signal at its default and none blocked, but
// SIGXFSZ ignored. A umask of 077, no core files, a stack limit of at least 8 MiB where the hard one allows it, and the
// environment of environment_for_children() (process_state.hpp). The other limits, nice value, affinity and the current
// directory are the caller's.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace waitwork::bench {

// What a child answers on.
inline constexpr int child_answer_fd = 3;

struct child_options {
  std::string executable;              // path, handed to execv as it is
  std::vector<std::string> arguments;  // without the program's name
  std::chrono::nanoseconds time_limit{};
  int interrupt_fd = -1;        // readable when the child is to be killed; -1 for none
  bool forward_errors = false;  // also pass the child's standard error on to ours
  std::function<void()> tick;   // called about once a second while the child runs; may be empty
};

enum class child_end {
  exited,      // `code` is its exit code
  signalled,   // `code` is the signal
  timed_out,   // killed at the time limit
  interrupted  // killed because interrupt_fd became readable
};

struct child_result {
  child_end end = child_end::exited;
  int code = 0;
  std::string answer;                // what it wrote to descriptor 3
  std::string last_words;            // the last line of its standard error, at most a few hundred bytes
  std::uint64_t peak_rss_bytes = 0;  // of the child and of descendants that it waited for; 0 if it would not die
  std::chrono::nanoseconds elapsed{};
};

// Runs the child to its end. Throws environment_error if no process can be started, or if the system does not say how
// it ended.
child_result run_child_process(const child_options& options);

}  // namespace waitwork::bench
