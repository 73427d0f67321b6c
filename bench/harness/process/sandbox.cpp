// SPDX-License-Identifier: Apache-2.0
#include <harness/process/sandbox.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>

#include <waitwork/base/trial.hpp>
#include <waitwork/base/unique_fd.hpp>

namespace waitwork::bench {
namespace {

// The widest row (of the full suite) blocks as many threads.
constexpr unsigned threads_of_the_widest_row = 256;

// Whom it ends if the call kills: the run, or only the rows (or the server) that make it.
enum class caller { runner, rows };

struct call_in_use {
  const char* name;
  int (*attempt)();  // a positive errno, or 0
  const char* instead;
  caller made_by = caller::runner;
  bool survived = false;  // also where it kills, because it is tried before it is used
};

int errno_of(long answer) { return answer >= 0 ? 0 : errno; }

// The answer to nonsense tells an allowed call (EINVAL, EBADF) from a refused one.
int refusal_in(int error) { return error == EPERM || error == EACCES || error == ENOSYS ? error : 0; }

int try_pidfd_open() {
  const unique_fd opened(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  return opened ? 0 : errno;
}

int try_close_range() { return errno_of(::syscall(SYS_close_range, ~0U, ~0U, 0)); }

int try_prctl() { return errno_of(::prctl(PR_SET_PDEATHSIG, 0)); }

int try_epoll_pwait2() {
  return refusal_in(errno_of(::syscall(SYS_epoll_pwait2, -1, nullptr, 0, nullptr, nullptr, 0)));
}

int try_timer_create() {
  timer_t timer{};
  sigevent event{};
  event.sigev_notify = SIGEV_NONE;
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return errno;
  ::timer_delete(timer);
  return 0;
}

int try_wait4() { return refusal_in(errno_of(::wait4(-1, nullptr, WNOHANG, nullptr))); }
int try_waitid() { return refusal_in(errno_of(::waitid(P_ALL, 0, nullptr, WEXITED | WNOHANG))); }

int try_fork() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  if (child < 0) return errno;
  siginfo_t end{};
  ::waitid(P_PID, static_cast<id_t>(child), &end, WEXITED);  // wait4 is tried by itself
  return 0;
}

int try_pipe2() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno;
  const unique_fd reader(ends[0]), writer(ends[1]);
  return 0;
}

// A refusal is an answer that no other cause gives.
int try_pwrite() { return refusal_in(errno_of(::pwrite(-1, "", 1, 0))); }
int try_fsync() { return refusal_in(errno_of(::fsync(-1))); }
int try_fdatasync() { return refusal_in(errno_of(::fdatasync(-1))); }
int try_ftruncate() { return refusal_in(errno_of(::ftruncate(-1, 0))); }
int try_flock() { return refusal_in(errno_of(::flock(-1, LOCK_UN))); }
int try_fcntl() { return refusal_in(errno_of(::fcntl(-1, F_DUPFD_CLOEXEC, 0))); }
int try_dup2() { return refusal_in(errno_of(::dup2(-1, 1000))); }
int try_poll() { return refusal_in(errno_of(::poll(nullptr, 0, 0))); }
int try_renameat() { return refusal_in(errno_of(::renameat(-1, "a", -1, "b"))); }
int try_accept4() { return refusal_in(errno_of(::accept4(-1, nullptr, nullptr, SOCK_CLOEXEC))); }

int try_statx() {
  struct statx status{};
  return refusal_in(errno_of(::statx(AT_FDCWD, "/", 0, STATX_TYPE, &status)));
}

int try_statfs() {
  struct statfs status{};
  return refusal_in(errno_of(::statfs("/", &status)));
}

int try_faccessat2() { return refusal_in(errno_of(::syscall(SYS_faccessat2, AT_FDCWD, "/", F_OK, AT_EACCESS))); }

int try_getrandom() {
  char byte = 0;
  return refusal_in(errno_of(::syscall(SYS_getrandom, &byte, sizeof byte, GRND_NONBLOCK)));
}

int try_sched_setaffinity() { return refusal_in(errno_of(::syscall(SYS_sched_setaffinity, -1, 0, nullptr))); }

int try_madvise() { return refusal_in(errno_of(::madvise(nullptr, 0, MADV_NORMAL))); }

int try_getpriority() {
  errno = 0;
  ::getpriority(PRIO_PROCESS, 0);
  return refusal_in(errno);
}

int try_getrusage() {
  rusage usage{};
  return errno_of(::getrusage(RUSAGE_SELF, &usage));
}

int try_clock_nanosleep() {
  const timespec none{};
  return ::clock_nanosleep(CLOCK_MONOTONIC, 0, &none, nullptr);
}

constexpr std::array calls_in_use{
    call_in_use{"fork", try_fork, ""},
    call_in_use{"pipe2", try_pipe2, ""},
    call_in_use{"pwrite", try_pwrite, ""},
    call_in_use{"fsync", try_fsync, ""},
    call_in_use{"fdatasync", try_fdatasync, ""},
    call_in_use{"ftruncate", try_ftruncate, ""},
    call_in_use{"flock", try_flock, "two runs with one report are not told from each other"},
    call_in_use{"fcntl", try_fcntl, ""},
    call_in_use{"dup2", try_dup2, ""},
    call_in_use{"poll", try_poll, ""},
    call_in_use{"renameat", try_renameat, ""},
    call_in_use{"getrusage", try_getrusage, "", caller::rows},
    call_in_use{"clock_nanosleep", try_clock_nanosleep, ""},
    call_in_use{"statx", try_statx, "the kind of the file system stays unknown"},
    call_in_use{"statfs", try_statfs, "the kind of the file system stays unknown"},
    call_in_use{"faccessat2", try_faccessat2, "a file is opened to see whether it may be written"},
    call_in_use{"getrandom", try_getrandom, "random numbers come from the processor or a device"},
    call_in_use{"sched_setaffinity", try_sched_setaffinity, "threads are not pinned"},
    call_in_use{"madvise", try_madvise, "memory is probed on small pages"},
    call_in_use{"getpriority", try_getpriority, "the nice value stays unknown"},
    call_in_use{"accept4", try_accept4, "", caller::rows},
    call_in_use{"pidfd_open", try_pidfd_open, "a measurement's process is looked at every few milliseconds",
                caller::runner, true},
    call_in_use{"close_range", try_close_range, "descriptors are closed one by one"},
    call_in_use{"prctl", try_prctl, "a pipe ends the children of a run that is killed, and timers keep their slack"},
    call_in_use{"epoll_pwait2", try_epoll_pwait2, "the echo server waits by a timer, at a system call more",
                caller::rows},
    call_in_use{"timer_create", try_timer_create, "a write that blocks is interrupted by the signal alone"},
    call_in_use{"wait4", try_wait4, "waitid tells how a process ended"},
    call_in_use{"waitid", try_waitid, "wait4 tells how a process ended"},
};

// In one child after the other, each going on behind the call that the last one died of.
std::vector<refused_call> try_calls() {
  std::vector<refused_call> refused;
  std::size_t next = 0;
  while (next < calls_in_use.size()) {
    const trial_outcome outcome = try_in_child([&](trial_log& log) {
      std::string errors;
      for (std::size_t index = next; index < calls_in_use.size(); ++index) {
        log.begins(std::to_string(index));
        errors += std::to_string(index) + " " + std::to_string(calls_in_use[index].attempt()) + " ";
        log.answers(errors);
      }
    });
    std::istringstream answers(outcome.answer);
    std::size_t index = 0;
    for (int error = 0; answers >> index >> error;) {
      const call_in_use& call = calls_in_use[index];
      // A limit that was reached, such as that on open files, has an item of its own.
      if (refusal_in(error) != 0) refused.push_back({call.name, std::generic_category().message(error), call.instead});
    }
    if (outcome.error != 0 && next == 0) {
      refused.push_back({"fork or pipe2", std::generic_category().message(outcome.error), ""});
    }
    if (outcome.completed || outcome.error != 0 || outcome.step.empty()) break;
    const auto deadly = static_cast<std::size_t>(std::stoul(outcome.step));
    const call_in_use& call = calls_in_use[deadly];
    const bool ends_run = call.made_by == caller::runner && !call.survived;
    refused.push_back(
        {call.name, "kills the caller", call.survived ? call.instead : "", ends_run ? outcome.signal : 0});
    next = deadly + 1;
  }
  return refused;
}

// A filter cannot be taken back, so once is enough.
const std::vector<refused_call>& refused_calls() {
  static const std::vector<refused_call> refused = try_calls();
  return refused;
}

// A connection to ourselves; the name of the call that failed, and its error in `error`.
const char* connect_to_ourselves(int& error) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const unique_fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const unique_fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto failed = [&](const char* call) {
    error = errno;
    return call;
  };
  if (!listener || !client) return failed("socket");
  if (::bind(listener.get(), generic, bytes) != 0 || ::listen(listener.get(), 1) != 0) return failed("bind");
  if (::getsockname(listener.get(), generic, &bytes) != 0) return failed("getsockname");
  if (::connect(client.get(), generic, bytes) != 0 && errno != EINPROGRESS) return failed("connect");
  return nullptr;
}

std::optional<refusal> loopback_refused() {
  const trial_outcome outcome = try_in_child([](trial_log& log) {
    log.begins("socket");
    int error = 0;
    const char* const call = connect_to_ourselves(error);
    log.answers(call == nullptr ? "well" : call + (" " + std::to_string(error)));
  });
  if (outcome.error != 0 || outcome.answer == "well") return std::nullopt;
  if (!outcome.completed) return explain_call_death("socket", outcome.signal);
  std::istringstream answer(outcome.answer);
  std::string call;
  int error = 0;
  answer >> call >> error;
  return explain_call_error(call, error);
}

// In a process of its own, which takes them all with it.
unsigned granted_threads(unsigned wanted) {
  const trial_outcome outcome = try_in_child([wanted](trial_log& log) {
    std::mutex mutex;
    std::condition_variable never;
    unsigned started = 0;
    try {
      for (; started < wanted; ++started) {
        std::thread([&] {
          std::unique_lock lock(mutex);
          never.wait(lock, [] { return false; });
        }).detach();
        if (started % 16 == 0) log.answers(std::to_string(started));
      }
    } catch (const std::system_error&) {
    }
    log.answers(std::to_string(started));
    ::_exit(0);
  });
  if (outcome.answer.empty()) return 0;
  return static_cast<unsigned>(std::stoul(outcome.answer));
}

std::optional<std::uint64_t> soft_limit(int which) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(which), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return std::nullopt;
  return limit.rlim_cur;
}

std::optional<std::uint64_t> lower(std::optional<std::uint64_t> one, std::optional<std::uint64_t> other) {
  if (one && other) return std::min(*one, *other);
  return one ? one : other;
}

}  // namespace

std::optional<refusal> deadly_call() {
  for (const refused_call& call : refused_calls()) {
    if (call.ends_run_by != 0) return explain_call_death(call.name, call.ends_run_by);
  }
  return std::nullopt;
}

sandbox look_at_sandbox() {
  sandbox found;
  found.calls = refused_calls();
  found.proc = ::access("/proc/self/exe", F_OK) == 0;
  found.no_loopback = loopback_refused();
  found.threads_wanted = threads_of_the_widest_row;
  found.threads = granted_threads(found.threads_wanted);
  found.inherited = state_at_start();
  errno = 0;
  found.nice = ::getpriority(PRIO_PROCESS, 0);
  found.stack_bytes = soft_limit(RLIMIT_STACK);
  found.memory_bytes = lower(soft_limit(RLIMIT_AS), soft_limit(RLIMIT_DATA));
  found.file_bytes = soft_limit(RLIMIT_FSIZE);
  found.cpu_seconds = soft_limit(RLIMIT_CPU);
  return found;
}

}  // namespace waitwork::bench
