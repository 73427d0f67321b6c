// SPDX-License-Identifier: Apache-2.0
#include <harness/process/process_end.hpp>

#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <waitwork/base/refusal.hpp>
#include <waitwork/base/trial.hpp>

namespace waitwork::bench {
namespace {

constexpr std::chrono::milliseconds longest_look(20);

// The system call itself: <sys/pidfd.h> of glibc 2.36 declares its function without C linkage.
int open_pidfd(pid_t process) { return static_cast<int>(::syscall(SYS_pidfd_open, process, 0)); }

// Asked once in a process, by a child of it: a filter may kill whoever calls it.
bool pidfds_kill() {
  static pid_t asked_by = 0;
  static bool killed = false;
  if (asked_by == ::getpid()) return killed;
  const trial_outcome outcome = try_in_child([](trial_log&) { ::close(open_pidfd(::getpid())); });
  asked_by = ::getpid();
  killed = outcome.error == 0 && !outcome.completed;
  return killed;
}

std::uint64_t bytes_of(const rusage& usage) { return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024; }  // KiB

// As wait4 would have said it.
int status_of(const siginfo_t& ended) {
  if (ended.si_code == CLD_EXITED) return W_EXITCODE(ended.si_status, 0);
  return W_EXITCODE(0, ended.si_status) | (ended.si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

}  // namespace

process_end::process_end(pid_t child) : child_(child), pidfd_(pidfds_kill() ? -1 : open_pidfd(child)) {}

bool process_end::has_come() const {
  if (pidfd_) {
    pollfd event = {pidfd_.get(), POLLIN, 0};
    return ::poll(&event, 1, 0) > 0;
  }
  siginfo_t state{};
  if (::waitid(P_PID, static_cast<id_t>(child_), &state, WEXITED | WNOHANG | WNOWAIT) == 0) return state.si_pid != 0;
  if (errno == ECHILD)
    return true;  // someone else has collected it: it has ended, and take() will say that it is
                  // lost
  throw call_error("watch", "a measurement's process", "waitid", errno);
}

std::chrono::nanoseconds process_end::look_again(std::chrono::nanoseconds longest) noexcept {
  if (pidfd_) return longest;
  const std::chrono::nanoseconds now = next_look_;
  next_look_ = std::min<std::chrono::nanoseconds>(next_look_ * 5 / 4, longest_look);
  return std::min(now, longest);
}

std::optional<process_status> process_end::take() const {
  int status = 0;
  rusage usage{};
  const pid_t taken = ::wait4(child_, &status, WNOHANG, &usage);
  if (taken == 0) return std::nullopt;
  if (taken == child_) return process_status{status, bytes_of(usage)};
  // The system call has a fifth argument that the library's function leaves out: what the process
  // used.
  siginfo_t state{};
  if (::syscall(SYS_waitid, P_PID, child_, &state, WEXITED | WNOHANG, &usage) != 0) {
    throw call_error("learn", "how a measurement's process ended", "wait4", errno);
  }
  if (state.si_pid == 0) return std::nullopt;
  return process_status{status_of(state), bytes_of(usage)};
}

}  // namespace waitwork::bench
