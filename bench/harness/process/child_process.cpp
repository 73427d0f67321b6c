// SPDX-License-Identifier: Apache-2.0
#include <harness/process/child_process.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/base/unique_fd.hpp>

#include <harness/process/child_start.hpp>
#include <harness/process/process_end.hpp>
#include <harness/streams/patient_write.hpp>

namespace waitwork::bench {
namespace {

constexpr std::int64_t tick_ns = 1'000'000'000;
// A process in the middle of a device flush dies only when the device answers. Past this it is left
// behind.
constexpr std::int64_t death_wait_ns = 10'000'000'000;
constexpr std::size_t last_words_bytes = 400;
// Answers are tens of kilobytes. One that runs away must not take the runner's memory with it.
constexpr std::size_t answer_limit_bytes = std::size_t{64} << 20;

struct pipe_ends {
  unique_fd reader;
  unique_fd writer;
};

pipe_ends make_pipe() {
  std::array<int, 2> low{};
  const auto refuse = [](const char* call) { return call_error("make", "a pipe for a measurement", call, errno); };
  if (::pipe2(low.data(), O_CLOEXEC) != 0) throw refuse("pipe2");
  const unique_fd low_reader(low[0]), low_writer(low[1]);
  pipe_ends ends{unique_fd(::fcntl(low[0], F_DUPFD_CLOEXEC, lowest_free_descriptor)),
                 unique_fd(::fcntl(low[1], F_DUPFD_CLOEXEC, lowest_free_descriptor))};
  if (!ends.reader || !ends.writer) throw refuse("fcntl");
  ::fcntl(ends.reader.get(), F_SETFL, O_NONBLOCK);
  return ends;
}

// Moves what can be read now to `text`. False at the end of the file, or when it is more than
// anyone should say.
bool drain(int fd, std::string& text) {
  std::array<char, 4096> chunk;  // on a stack that may be small
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

// Collects what the child says, and knows why it was ended if it was.
class watch {
 public:
  watch(const child_options& options, pid_t child, unique_fd answer, unique_fd errors)
      : options_(options), end_(child), child_(child), answer_(std::move(answer)), errors_(std::move(errors)) {}
  ~watch() {
    if (!collected_) kill_group();
  }
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;

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
      } else {
        tick();
      }
    }
    result_.elapsed = nanoseconds(now_ns() - started);
    collect();
    return std::move(result_);
  }

 private:
  // Sleeps until something happens, reads what came. True when the child has ended.
  bool wait_a_turn(std::int64_t deadline, bool killed) {
    std::array<pollfd, 4> events = {{{end_.fd(), POLLIN, 0},
                                     {answer_.get(), POLLIN, 0},
                                     {errors_.get(), POLLIN, 0},
                                     {killed ? -1 : options_.interrupt_fd, POLLIN, 0}}};
    const std::int64_t until_ns = killed ? deadline : std::min(deadline, next_tick_ns_);
    const std::int64_t left_ns = std::clamp<std::int64_t>(until_ns - now_ns(), 0, tick_ns);
    const std::int64_t sleep_ns = end_.look_again(nanoseconds(left_ns)).count();
    if (::poll(events.data(), events.size(), static_cast<int>((sleep_ns + 999'999) / 1'000'000)) < 0 &&
        errno != EINTR) {
      const int error = errno;
      kill_group();
      throw call_error("watch", "a measurement", "poll", error);
    }
    if (events[1].revents != 0 && !drain(answer_.get(), result_.answer)) answer_.reset();
    if (events[2].revents != 0) read_errors();
    interrupted_ = events[3].revents != 0;
    return end_.fd() >= 0 ? events[0].revents != 0 : end_.has_come();
  }

  void tick() {
    if (now_ns() < next_tick_ns_) return;
    next_tick_ns_ = now_ns() + tick_ns;
    if (options_.tick) options_.tick();
  }

  void read_errors() {
    std::string said;
    const bool open = drain(errors_.get(), said);
    if (options_.forward_errors) static_cast<void>(write_interruptibly(STDERR_FILENO, said));
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
    collected_ = true;
    const std::optional<process_status> status = end_.take();
    if (!status) return;  // killed, and not dying
    result_.peak_rss_bytes = status->peak_rss_bytes;
    if (result_.end != child_end::exited) return;
    if (WIFSIGNALED(status->wait_status)) {
      result_.end = child_end::signalled;
      result_.code = WTERMSIG(status->wait_status);
    } else {
      result_.code = WEXITSTATUS(status->wait_status);
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
  process_end end_;
  pid_t child_;
  unique_fd answer_;
  unique_fd errors_;
  std::string heard_;
  bool interrupted_ = false;
  bool collected_ = false;
  std::int64_t next_tick_ns_ = now_ns() + tick_ns;
  child_result result_;
};

}  // namespace

child_result run_child_process(const child_options& options) {
  pipe_ends answer = make_pipe();
  pipe_ends errors = make_pipe();
  const pid_t child = start_child({options.executable, options.arguments, answer.writer.get(), errors.writer.get()});
  answer.writer.reset();
  errors.writer.reset();
  return watch(options, child, std::move(answer.reader), std::move(errors.reader)).run();
}

}  // namespace waitwork::bench
