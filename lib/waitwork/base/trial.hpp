// SPDX-License-Identifier: Apache-2.0
#pragma once
// trial: what comes of doing something, found out by a process that may die of it.
//
// A seccomp filter need not answer a system call with an error: it may kill the caller (SIGSYS, as
// a systemd service with SystemCallFilter= has it), and so may the kernel when memory runs out. Who
// only asks "can this be done here" must not end by the answer. So a child process does it and
// writes down each step before it takes it: the last one begun is the one that it died of. About a
// millisecond; nothing of the child's outlives the call.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace waitwork {

// Where the trial, in its process, writes down what it does.
class trial_log {
 public:
  // Writes to descriptor `fd`; -1 for nowhere, where a trial is made without a process of its own.
  explicit trial_log(int fd) noexcept : fd_(fd) {}

  // What is about to be tried: a name without newlines, such as that of a system call.
  void begins(std::string_view step) noexcept { line('b', step); }

  // What the trial found, in words without newlines; the last one counts.
  void answers(std::string_view text) noexcept { line('a', text); }

 private:
  void line(char kind, std::string_view text) noexcept;

  int fd_;
};

struct trial_outcome {
  bool completed = false;  // the trial returned; otherwise `step`, `signal` and `timed_out` say how it ended
  int error = 0;           // positive errno: there was no process to try it in, and nothing was tried
  int signal = 0;          // that ended it; 0 also if nobody can tell
  bool timed_out = false;  // and was then killed
  std::string step;        // the last one begun; empty if none was
  std::string answer;      // empty if it gave none
};

// Runs `trial` in a child process for at most `limit`. The child has the caller's memory as it was,
// and of its threads the calling one only; exceptions count as dying of the step. Never throws but
// for lack of memory.
trial_outcome try_in_child(const std::function<void(trial_log&)>& trial,
                           std::chrono::nanoseconds limit = std::chrono::seconds(20));

}  // namespace waitwork
