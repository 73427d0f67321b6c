// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/trial.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/unique_fd.hpp>

namespace waitwork {
namespace {

// As long as a line of at most PIPE_BUF bytes, which a pipe takes whole or not at all.
constexpr std::size_t longest_text = 4000;

[[noreturn]] void carry_out(const std::function<void(trial_log&)>& trial, int fd) {
  const rlimit no_core{0, 0};  // a death that is an answer leaves no file behind
  ::setrlimit(RLIMIT_CORE, &no_core);
  trial_log log(fd);
  try {
    trial(log);
  } catch (...) {
    ::_exit(1);
  }
  constexpr char end[] = "e\n";
  [[maybe_unused]] const ssize_t written = ::write(fd, end, 2);
  ::_exit(0);
}

// What the child says until it ends, or until `deadline_ns`; whether it has ended.
bool listen_to(int fd, std::int64_t deadline_ns, std::string& said) {
  for (;;) {
    const std::int64_t left_ns = std::max<std::int64_t>(deadline_ns - now_ns(), 0);
    pollfd event = {fd, POLLIN, 0};
    if (::poll(&event, 1, static_cast<int>(left_ns / 1'000'000)) <= 0) {
      if (now_ns() >= deadline_ns) return false;
      continue;
    }
    std::array<char, 1024> piece;
    const ssize_t count = ::read(fd, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    said.append(piece.data(), static_cast<std::size_t>(count));
  }
}

// Where SIGCHLD is ignored the kernel does not keep how a child ended: 0 then.
// By waitid(2), so that wait4(2), which is how others learn it, can be tried itself.
int signal_that_ended(pid_t child) {
  siginfo_t end{};
  int answer = -1;
  do {
    answer = ::waitid(P_PID, static_cast<id_t>(child), &end, WEXITED);
  } while (answer < 0 && errno == EINTR);
  if (answer != 0) {
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
  return end.si_code == CLD_KILLED || end.si_code == CLD_DUMPED ? end.si_status : 0;
}

void take_in(std::string_view said, trial_outcome& outcome) {
  while (!said.empty()) {
    const std::size_t end = said.find('\n');
    if (end == std::string_view::npos) return;
    const std::string_view text = said.substr(1, end - 1);
    if (said.front() == 'b') outcome.step = text;
    if (said.front() == 'a') outcome.answer = text;
    if (said.front() == 'e') outcome.completed = true;
    said.remove_prefix(end + 1);
  }
}

}  // namespace

void trial_log::line(char kind, std::string_view text) noexcept {
  if (fd_ < 0) return;
  std::array<char, longest_text + 2> whole;
  const std::size_t length = std::min(text.size(), longest_text);
  whole[0] = kind;
  std::copy_n(text.data(), length, whole.data() + 1);
  whole[length + 1] = '\n';
  [[maybe_unused]] const ssize_t written = ::write(fd_, whole.data(), length + 2);
}

trial_outcome try_in_child(const std::function<void(trial_log&)>& trial, std::chrono::nanoseconds limit) {
  trial_outcome outcome;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    outcome.error = errno;
    return outcome;
  }
  const unique_fd reader(ends[0]);
  unique_fd writer(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    outcome.error = errno;
    return outcome;
  }
  if (child == 0) carry_out(trial, writer.get());
  writer.reset();
  std::string said;
  if (!listen_to(reader.get(), now_ns() + limit.count(), said)) {
    outcome.timed_out = true;
    ::kill(child, SIGKILL);
  }
  outcome.signal = signal_that_ended(child);
  take_in(said, outcome);
  return outcome;
}

}  // namespace waitwork
