#pragma once
// interrupts: SIGINT, SIGTERM and SIGHUP as a descriptor to poll, so that a run ends at a place of
// its choosing.
//
// While an object lives the signals are blocked and wait on the descriptor; nothing runs in a
// signal handler. A SIGHUP that the parent has told us to ignore (nohup) stays ignored.

#include <signal.h>

#include <waitwork/base/unique_fd.hpp>

namespace waitwork::bench {

class interrupts {
 public:
  interrupts();
  ~interrupts();  // a signal that has come by then counts as answered
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;

  // Readable once a signal has come. Not to be read: then it stays readable.
  int fd() const noexcept { return fd_.get(); }

 private:
  sigset_t before_;
  unique_fd fd_;
};

}  // namespace waitwork::bench
