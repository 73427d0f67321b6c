#include <harness/child_process.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/unique_fd.hpp>

namespace waitwork::bench {
namespace {

constexpr int answer_fd = 3;
constexpr std::int64_t tick_ns = 1'000'000'000;
// A process in the middle of a device flush dies only when the device answers. Past this it is left
// behind.
constexpr std::int64_t death_wait_ns = 10'000'000'000;
constexpr std::size_t last_words_bytes = 400;
// Answers are tens of kilobytes. One that runs away must not take the runner's memory with it.
constexpr std::size_t answer_limit_bytes = std::size_t{64} << 20;

[[noreturn]] void refuse(const char* operation, int error) {
  throw environment_error(operation, "for a measurement", std::generic_category().message(error),
                          "raise the limits on processes and open files (ulimit -u, ulimit -n)");
}

struct pipe_ends {
  unique_fd reader;
  unique_fd writer;
};

// Both ends above the descriptors that the child gives a meaning, so that no dup2() in it
// overwrites another.
pipe_ends make_pipe() {
  std::array<int, 2> low{};
  if (::pipe2(low.data(), O_CLOEXEC) != 0) refuse("make a pipe", errno);
  const unique_fd low_reader(low[0]), low_writer(low[1]);
  pipe_ends ends{unique_fd(::fcntl(low[0], F_DUPFD_CLOEXEC, 10)),
                 unique_fd(::fcntl(low[1], F_DUPFD_CLOEXEC, 10))};
  if (!ends.reader || !ends.writer) refuse("make a pipe", errno);
  ::fcntl(ends.reader.get(), F_SETFL, O_NONBLOCK);
  return ends;
}

// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(const char* executable, char* const* arguments, int answer, int errors,
                         pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // the parent died before the line above
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(nothing, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::dup2(answer, answer_fd);
  ::close_range(answer_fd + 1, ~0U, 0);
  ::signal(SIGPIPE, SIG_DFL);  // which a caller may ignore
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(executable, arguments);
  constexpr std::string_view sentence = "the program cannot be started\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, sentence.data(), sentence.size());
  ::_exit(127);
}

pid_t start(const child_options& options, int answer, int errors) {
  std::vector<char*> arguments;
  arguments.push_back(const_cast<char*>(options.executable.c_str()));
  for (const std::string& argument : options.arguments)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) refuse("start a process", errno);
  if (child == 0) become(options.executable.c_str(), arguments.data(), answer, errors, parent);
  ::setpgid(
      child,
      child);  // as in the child: whoever comes first; the group must exist before we may kill it
  return child;
}

// Moves what can be read now to `text`. False at the end of the file, or when it is more than
// anyone should say.
bool drain(int fd, std::string& text) {
  std::array<char, 65536> chunk;
  while (text.size() < answer_limit_bytes) {
    const ssize_t count = ::read(fd, chunk.data(), chunk.size());
    if (count > 0) {
      text.append(chunk.data(), static_cast<std::size_t>(count));
    } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
      return false;
    } else if (errno == EAGAIN) {
      return true;
    }
  }
  return false;
}

// The system call itself: <sys/pidfd.h> of glibc 2.36 declares its function without C linkage.
int open_pidfd(pid_t process) { return static_cast<int>(::syscall(SYS_pidfd_open, process, 0)); }

// Collects what the child says, and knows why it was ended if it was.
class watch {
 public:
  watch(const child_options& options, pid_t child, unique_fd answer, unique_fd errors)
      : options_(options),
        process_(open_pidfd(child)),
        child_(child),
        answer_(std::move(answer)),
        errors_(std::move(errors)) {
    if (!process_) {
      const int error = errno;
      kill_group();
      ::waitpid(child_, nullptr, 0);
      refuse("watch a process", error);
    }
  }

  // Returns when the child has ended, or after it was killed and did not die.
  child_result run() {
    const std::int64_t started = now_ns();
    std::int64_t deadline = started + options_.time_limit.count();
    bool killed = false;
    while (!wait_a_turn(deadline, killed)) {
      if (now_ns() >= deadline && killed) break;
      if (killed) continue;
      if (now_ns() >= deadline) result_.end = child_end::timed_out;
      if (interrupted_) result_.end = child_end::interrupted;
      if (result_.end != child_end::exited) {
        kill_group();
        killed = true;
        deadline = now_ns() + death_wait_ns;
      } else if (options_.tick) {
        options_.tick();
      }
    }
    result_.elapsed = nanoseconds(now_ns() - started);
    collect();
    return std::move(result_);
  }

 private:
  // Sleeps until something happens, reads what came. True when the child has ended.
  bool wait_a_turn(std::int64_t deadline, bool killed) {
    std::array<pollfd, 4> events = {{{process_.get(), POLLIN, 0},
                                     {answer_.get(), POLLIN, 0},
                                     {errors_.get(), POLLIN, 0},
                                     {killed ? -1 : options_.interrupt_fd, POLLIN, 0}}};
    const std::int64_t left_ns = std::clamp<std::int64_t>(deadline - now_ns(), 0, tick_ns);
    ::poll(events.data(), events.size(), static_cast<int>((left_ns + 999'999) / 1'000'000));
    if (events[1].revents != 0 && !drain(answer_.get(), result_.answer)) answer_.reset();
    if (events[2].revents != 0) read_errors();
    interrupted_ = events[3].revents != 0;
    return events[0].revents != 0;
  }

  void read_errors() {
    std::string said;
    const bool open = drain(errors_.get(), said);
    if (options_.forward_errors) {
      [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, said.data(), said.size());
    }
    heard_ += said;
    if (heard_.size() > 4096) heard_.erase(0, heard_.size() - 4096);
    if (!open) errors_.reset();
  }

  // The ended child is not yet reaped, so its identifier cannot belong to anyone else: now end what
  // it left behind.
  void collect() {
    kill_group();
    if (answer_) drain(answer_.get(), result_.answer);
    if (errors_) read_errors();
    result_.last_words = last_line(heard_);
    int status = 0;
    rusage usage{};
    if (::wait4(child_, &status, WNOHANG, &usage) != child_) return;  // killed, and not dying
    result_.peak_rss_bytes =
        static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;  // ru_maxrss is in KiB
    if (result_.end != child_end::exited) return;
    if (WIFSIGNALED(status)) {
      result_.end = child_end::signalled;
      result_.code = WTERMSIG(status);
    } else {
      result_.code = WEXITSTATUS(status);
    }
  }

  void kill_group() const { ::kill(-child_, SIGKILL); }

  static std::string last_line(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    const std::size_t before = text.find_last_of('\n');
    if (before != std::string_view::npos) text.remove_prefix(before + 1);
    return std::string(text.substr(0, last_words_bytes));
  }

  const child_options& options_;
  unique_fd process_;
  pid_t child_;
  unique_fd answer_;
  unique_fd errors_;
  std::string heard_;
  bool interrupted_ = false;
  child_result result_;
};

}  // namespace

child_result run_child_process(const child_options& options) {
  pipe_ends answer = make_pipe();
  pipe_ends errors = make_pipe();
  const pid_t child = start(options, answer.writer.get(), errors.writer.get());
  answer.writer.reset();
  errors.writer.reset();
  return watch(options, child, std::move(answer.reader), std::move(errors.reader)).run();
}

}  // namespace waitwork::bench
