// SPDX-License-Identifier: Apache-2.0
#pragma once
// interrupts: the signals that would end the program, as a descriptor to poll, so that a run ends at a place of its
// choosing.
//
// All whose default ends a program and that come from outside: SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2,
// SIGALRM, SIGXCPU, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT and the real-time ones. Those that the parent has told
// us to ignore stay ignored (nohup, background jobs). A handler only notes the signal and wakes poll(2): no signalfd,
// which a sandbox may refuse, and calls that block are interrupted where they can be.
//
// The first signal asks. Whoever repeats it wants the program to end, whatever it is stuck in: 0.9 s after the second
// one it exits with 130 at once. What is finished is in the journal, and children die with us.

#include <signal.h>
#include <time.h>

#include <array>

#include <waitwork/base/unique_fd.hpp>

namespace waitwork::bench {

// One at a time lives in a process, on its main thread.
class interrupts {
 public:
  // Throws environment_error if there is no descriptor to be had.
  interrupts();
  // Puts back what the signals did before; one that has come by then counts as answered.
  ~interrupts();
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;

  // Readable once a signal has come. Not to be read: then it stays readable.
  int fd() const noexcept { return reader_.get(); }

  // Whether one has come.
  bool come() const noexcept;

 private:
  unique_fd reader_;
  unique_fd writer_;
  sigset_t mask_before_;
  std::array<struct sigaction, NSIG> before_;
  sigset_t handled_;
};

// The living object; null if there is none. For those who block in a call and know of no run (patient_write.hpp).
const interrupts* living_interrupts() noexcept;

// While it lives, the calling thread's blocking calls fail with EINTR now and then, ten times a second, so that nobody
// waits in one for ever without looking. Without effect where no interrupts object lives, or where timers are refused:
// then only the signal itself interrupts.
class waking_now_and_then {
 public:
  waking_now_and_then();
  ~waking_now_and_then();
  waking_now_and_then(const waking_now_and_then&) = delete;
  waking_now_and_then& operator=(const waking_now_and_then&) = delete;

 private:
  timer_t timer_{};
  bool running_ = false;
};

}  // namespace waitwork::bench
