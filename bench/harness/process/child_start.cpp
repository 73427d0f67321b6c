// SPDX-License-Identifier: Apache-2.0
#include <harness/process/child_start.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include <waitwork/base/refusal.hpp>
#include <waitwork/base/unique_fd.hpp>

#include <harness/process/child_process.hpp>
#include <harness/process/process_state.hpp>

namespace waitwork::bench {
namespace {

// Present in a child only where PR_SET_PDEATHSIG is refused.
constexpr int lifeline_descriptor = child_answer_fd + 1;

// A pipe into which nobody writes. Its writing end is ours and closes when we are gone, however
// that comes.
struct lifeline {
  lifeline() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    const unique_fd low_reader(ends[0]), low_writer(ends[1]);
    reader.reset(::fcntl(ends[0], F_DUPFD_CLOEXEC, lowest_free_descriptor));
    writer.reset(::fcntl(ends[1], F_DUPFD_CLOEXEC, lowest_free_descriptor));
  }
  unique_fd reader;
  unique_fd writer;
};

// One for all children; a process that was forked from another makes its own, for that one lives
// on.
const lifeline& our_lifeline() {
  static pid_t owner = 0;
  static std::optional<lifeline> only;
  if (owner != ::getpid()) only.emplace();
  owner = ::getpid();
  return *only;
}

// --- in the child, between fork and exec: async-signal-safe calls only
// ------------------------------------------------

[[noreturn]] void give_up(std::string_view sentence, int error) {
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, sentence.data(), sentence.size());
  const char* const reason = ::strerrordesc_np(error);  // async-signal-safe, unlike strerror
  if (reason != nullptr) written = ::write(STDERR_FILENO, reason, ::strlen(reason));
  written = ::write(STDERR_FILENO, "\n", 1);
  ::_exit(127);
}

// The kernel signals the reader of a pipe when its last writer closes, with a signal of the
// reader's choice. That outlives exec, and needs nothing of the program.
bool die_with_lifeline(int reader) {
  if (reader < 0 || ::dup2(reader, lifeline_descriptor) < 0) return false;
  return ::fcntl(lifeline_descriptor, F_SETSIG, SIGKILL) == 0 &&
         ::fcntl(lifeline_descriptor, F_SETOWN, ::getpid()) == 0 &&
         ::fcntl(lifeline_descriptor, F_SETFL, O_ASYNC | O_NONBLOCK) == 0;
}

// The number of a directory entry of /proc/self/fd; -1 for "." and "..".
int descriptor_named(const char* name) {
  int number = 0;
  for (; *name != '\0'; ++name) {
    if (*name < '0' || *name > '9') return -1;
    number = number * 10 + (*name - '0');
  }
  return number;
}

// Without allocating, so by the system call under readdir(3).
bool close_listed_from(int first) {
  const int listing = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (listing < 0) return false;
  alignas(8) std::array<char, 1024> block;
  long filled = 0;
  while ((filled = ::syscall(SYS_getdents64, listing, block.data(), block.size())) > 0) {
    for (long at = 0; at < filled;) {
      const auto* const entry = reinterpret_cast<const dirent64*>(block.data() + at);
      const int fd = descriptor_named(entry->d_name);
      if (fd >= first && fd != listing) ::close(fd);
      at += entry->d_reclen;
    }
  }
  ::close(listing);
  return filled == 0;
}

void close_from(int first) {
  if (::syscall(SYS_close_range, first, ~0U, 0) == 0 || close_listed_from(first)) return;
  // Ours close by themselves; what a parent left us has low numbers, and a limit may be a billion.
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const int end = static_cast<int>(std::min<rlim_t>(files.rlim_cur, 65536));
  for (int fd = first; fd < end; ++fd) ::close(fd);
}

void set_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  // So that a limit on the size of files is an error of write(2), which is reported, and kills
  // nobody.
  ::signal(SIGXFSZ, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void set_limits() {
  const rlimit no_core{0, 0};  // no file in the user's directory for a row that crashes
  ::setrlimit(RLIMIT_CORE, &no_core);
  raise_stack_limit();
}

void set_descriptors(int answer, int errors) {
  ::dup2(errors, STDERR_FILENO);
  if (::dup2(answer, child_answer_fd) < 0) give_up("a process cannot be given its descriptors (dup2): ", errno);
  const int nothing = ::open("/dev/null", O_RDWR);
  // A place without /dev has no /dev/null: then nothing can be read, and what is said is heard with
  // the errors.
  ::dup2(nothing >= 0 ? nothing : errors, STDIN_FILENO);
  ::dup2(nothing >= 0 ? nothing : errors, STDOUT_FILENO);
}

[[noreturn]] void become(const char* executable, char* const* arguments, char* const* variables,
                         const child_birth& wanted, pid_t parent, int lifeline_reader) {
  ::setpgid(0, 0);
  set_descriptors(wanted.answer, wanted.errors);
  int first_unused = child_answer_fd + 1;
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
    const int error = errno;
    if (!die_with_lifeline(lifeline_reader)) give_up("a process cannot be tied to its parent's life: ", error);
    ++first_unused;
  }
  if (::getppid() != parent) ::_exit(127);  // the parent died before the lines above
  close_from(first_unused);
  set_signals();
  set_limits();
  ::umask(077);
  ::execve(executable, arguments, variables);
  give_up("the program cannot be started: ", errno);
}

// ----------------------------------------------------------------------------------------------------------------------

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

pid_t start_child(const child_birth& wanted) {
  std::vector<std::string> words = wanted.arguments;
  words.insert(words.begin(), wanted.executable);
  std::vector<std::string> variables = environment_for_children();
  const std::vector<char*> arguments = pointers_to(words);
  const std::vector<char*> environment = pointers_to(variables);
  const int lifeline_reader = our_lifeline().reader.get();
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw call_error("start", "a process for a measurement", "fork", errno);
  if (child == 0) {
    become(wanted.executable.c_str(), arguments.data(), environment.data(), wanted, parent, lifeline_reader);
  }
  // As in the child: whoever comes first; the group must exist before we may kill it.
  ::setpgid(child, child);
  return child;
}

}  // namespace waitwork::bench
