#pragma once
// child_process: one program run to its end under a time limit, with what it said and what it cost.
//
// The child leads a process group of its own, so that whatever it started dies with it, whether it
// ends by itself, is past its time or the run is interrupted. It dies as well when its parent is
// killed (PR_SET_PDEATHSIG). It answers on descriptor 3; its standard input and output are
// /dev/null; of its standard error the end is kept for whoever has to explain a crash. The waiting
// is a single poll(2) on the answer, the process itself (pidfd) and the interrupt: the runner
// sleeps while the child measures.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace waitwork::bench {

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
  std::string answer;      // what it wrote to descriptor 3
  std::string last_words;  // the last line of its standard error, at most a few hundred bytes
  std::uint64_t peak_rss_bytes = 0;  // of the child and of descendants that it waited for
  std::chrono::nanoseconds elapsed{};
};

// Runs the child to its end. Throws environment_error if no process can be started. Signals that
// the caller blocks are unblocked in the child.
child_result run_child_process(const child_options& options);

}  // namespace waitwork::bench
