// SPDX-License-Identifier: Apache-2.0
#include <harness/streams/interrupts.hpp>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include <waitwork/base/check.hpp>
#include <waitwork/base/refusal.hpp>

#include <harness/words/exit_code.hpp>

namespace waitwork::bench {
namespace {

constexpr timeval last_grace{0, 900'000};
constexpr timespec between_wakes{0, 100'000'000};

const interrupts* living = nullptr;

// What the handler works on. Lock-free atomics, relaxed: only the thread that is interrupted looks at more than one.
std::atomic<int> signals_come = 0;
std::atomic<int> wake_fd = -1;
std::atomic<bool> alarm_ignored = false;  // by the parent; then only the timers of ours count
static_assert(std::atomic<int>::is_always_lock_free);

// Async-signal-safe.
void on_signal(int signal, siginfo_t* info, void*) {
  // A timer of waking_now_and_then: to interrupt a call is all that it is for.
  if (signal == SIGALRM && info->si_code == SI_TIMER) return;
  const int come = signals_come.load(std::memory_order_relaxed);
  // The kernel's own SIGALRM, after the second signal: the grace is over.
  if (signal == SIGALRM && info->si_code == SI_KERNEL && come >= 2) ::_exit(static_cast<int>(exit_code::interrupted));
  if (signal == SIGALRM && alarm_ignored.load(std::memory_order_relaxed)) return;
  const int error_before = errno;
  signals_come.store(come + 1, std::memory_order_relaxed);
  if (come == 1) {
    const itimerval end{{}, last_grace};
    ::setitimer(ITIMER_REAL, &end, nullptr);
  }
  [[maybe_unused]] const ssize_t written = ::write(wake_fd.load(std::memory_order_relaxed), "!", 1);
  errno = error_before;
}

bool ends_a_program(int signal) {
  switch (signal) {
    case SIGHUP:
    case SIGINT:
    case SIGQUIT:
    case SIGTERM:
    case SIGUSR1:
    case SIGUSR2:
    case SIGALRM:
    case SIGXCPU:
    case SIGVTALRM:
    case SIGPROF:
    case SIGIO:
    case SIGPWR:
    case SIGSTKFLT:
      return true;
    default:
      return signal >= SIGRTMIN && signal <= SIGRTMAX;  // without the two that the library keeps for itself
  }
}

bool ignored(int signal) {
  struct sigaction current{};
  return ::sigaction(signal, nullptr, &current) == 0 && current.sa_handler == SIG_IGN;
}

}  // namespace

interrupts::interrupts() {
  WAITWORK_CHECK(living == nullptr, "one object at a time hears the signals");
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) throw call_error("watch", "signals", "pipe2", errno);
  reader_.reset(ends[0]);
  writer_.reset(ends[1]);
  signals_come.store(0, std::memory_order_relaxed);
  wake_fd.store(ends[1], std::memory_order_relaxed);
  alarm_ignored.store(ignored(SIGALRM), std::memory_order_relaxed);
  struct sigaction handling{};
  handling.sa_sigaction = on_signal;
  handling.sa_flags = SA_SIGINFO;  // and not SA_RESTART: whoever blocks is to look
  sigemptyset(&handled_);
  for (int signal = 1; signal < NSIG; ++signal) {
    if (!ends_a_program(signal) || (ignored(signal) && signal != SIGALRM)) continue;
    const auto place = static_cast<std::size_t>(signal);
    if (::sigaction(signal, &handling, &before_[place]) == 0) sigaddset(&handled_, signal);
  }
  living = this;
  ::pthread_sigmask(SIG_UNBLOCK, &handled_, &mask_before_);
}

interrupts::~interrupts() {
  if (signals_come.load(std::memory_order_relaxed) > 1) {
    const itimerval none{};
    ::setitimer(ITIMER_REAL, &none, nullptr);
  }
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  for (int signal = 1; signal < NSIG; ++signal) {
    if (sigismember(&handled_, signal) == 1) ::sigaction(signal, &before_[static_cast<std::size_t>(signal)], nullptr);
  }
  wake_fd.store(-1, std::memory_order_relaxed);
  living = nullptr;
}

bool interrupts::come() const noexcept { return signals_come.load(std::memory_order_relaxed) > 0; }

const interrupts* living_interrupts() noexcept { return living; }

waking_now_and_then::waking_now_and_then() {
  if (living == nullptr) return;
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGALRM;
  event._sigev_un._tid = static_cast<pid_t>(::syscall(SYS_gettid));
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) return;
  running_ = true;
  const itimerspec often{between_wakes, between_wakes};
  ::timer_settime(timer_, 0, &often, nullptr);
}

waking_now_and_then::~waking_now_and_then() {
  if (running_) ::timer_delete(timer_);
}

}  // namespace waitwork::bench
