// SPDX-License-Identifier: Apache-2.0
#include <harness/process/child_process.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <waitwork/base/forbid_for_test.hpp>
#include <waitwork/base/trial.hpp>
#include <waitwork/base/unique_fd.hpp>

namespace waitwork::bench {
namespace {

using namespace std::chrono_literals;

child_options shell(std::string script, std::chrono::nanoseconds limit = 60s) {
  child_options options;
  options.executable = "/bin/sh";
  options.arguments = {"-c", std::move(script)};
  options.time_limit = limit;
  return options;
}

// Whether a process has ended. Whoever adopts an orphan reaps it in its own time, so a zombie
// counts.
bool has_ended(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/stat");
  const std::string text(std::istreambuf_iterator<char>(status), {});
  return text.empty() || text.find(") Z ") != std::string::npos;
}

// Death follows a signal soon, but not at once.
bool ends_soon(pid_t process) {
  for (int turn = 0; turn < 1000 && !has_ended(process); ++turn) ::usleep(10'000);
  return has_ended(process);
}

TEST(child_process, answers_on_descriptor_3) {
  const child_result result = run_child_process(shell("echo '{}' >&3; echo unheard; exit 7"));
  EXPECT_EQ(result.end, child_end::exited);
  EXPECT_EQ(result.code, 7);
  EXPECT_EQ(result.answer, "{}\n");
  EXPECT_GT(result.peak_rss_bytes, 0u);
}

TEST(child_process, may_answer_more_than_a_pipe_holds) {
  const child_result result = run_child_process(shell("head -c 1000000 /dev/zero >&3"));
  EXPECT_EQ(result.answer.size(), 1'000'000u);
}

TEST(child_process, leaves_its_last_words) {
  EXPECT_EQ(run_child_process(shell("echo one >&2; echo two >&2")).last_words, "two");
  EXPECT_EQ(run_child_process(shell("head -c 1000000 /dev/zero >&2; echo >&2; echo end >&2")).last_words, "end");
}

TEST(child_process, that_is_killed_by_a_signal_says_which) {
  const child_result result = run_child_process(shell("kill -SEGV $$"));
  EXPECT_EQ(result.end, child_end::signalled);
  EXPECT_EQ(result.code, SIGSEGV);
}

TEST(child_process, past_its_limit_dies_with_all_that_it_started) {
  const child_result result = run_child_process(shell("sleep 1000 & echo $! >&3; sleep 1000", 300ms));
  EXPECT_EQ(result.end, child_end::timed_out);
  const pid_t grandchild = std::atoi(result.answer.c_str());
  ASSERT_GT(grandchild, 0);
  EXPECT_TRUE(ends_soon(grandchild));
}

TEST(child_process, that_ends_does_not_leave_its_helpers_holding_the_pipes) {
  const child_result result = run_child_process(shell("sleep 1000 & echo done >&3"));
  EXPECT_EQ(result.end, child_end::exited);
  EXPECT_EQ(result.answer, "done\n");
}

TEST(child_process, is_killed_when_the_run_is_interrupted) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const unique_fd reader(ends[0]), writer(ends[1]);
  ASSERT_EQ(::write(writer.get(), "x", 1), 1);
  child_options options = shell("sleep 1000");
  options.interrupt_fd = reader.get();
  EXPECT_EQ(run_child_process(options).end, child_end::interrupted);
}

TEST(child_process, ticks_while_it_is_waited_for) {
  child_options options = shell("sleep 3");
  int ticks = 0;
  options.tick = [&ticks] { ++ticks; };
  run_child_process(options);
  EXPECT_GT(ticks, 0);
}

TEST(child_process, gets_no_descriptor_of_ours_and_no_blocked_signal) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  const unique_fd leaky(::dup(STDERR_FILENO));  // without O_CLOEXEC
  const child_result result =
      run_child_process(shell("ls /proc/self/fd | wc -l >&3; kill -TERM $$; echo survived >&3"));
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(result.answer, "5\n");  // 0 to 3, and the directory that ls reads
  EXPECT_EQ(result.end, child_end::signalled);
  EXPECT_EQ(result.code, SIGTERM);
}

TEST(child_process, that_cannot_be_started_says_so) {
  child_options options = shell("");
  options.executable = "/nonexistent/program";
  const child_result result = run_child_process(options);
  EXPECT_EQ(result.end, child_end::exited);
  EXPECT_EQ(result.code, 127);
  EXPECT_THAT(result.last_words, testing::HasSubstr("cannot be started"));
}

// 0, or the call that is refused in the parent.
class child_process_without : public testing::TestWithParam<unsigned> {};

INSTANTIATE_TEST_SUITE_P(, child_process_without, testing::Values(0u, unsigned{SYS_prctl}, unsigned{SYS_close_range}),
                         [](const auto& tested) { return "call_" + std::to_string(tested.param); });

TEST_P(child_process_without, gets_no_descriptor_but_its_own) {
  const trial_outcome outcome = try_in_child([](trial_log& log) {
    if (GetParam() != 0 && !forbid(GetParam(), SECCOMP_RET_ERRNO | EPERM)) return log.answers("no filter");
    for (int copy = 0; copy < 20; ++copy) static_cast<void>(::dup(STDERR_FILENO));
    std::string answer = run_child_process(shell("ls /proc/self/fd | wc -l >&3")).answer;
    log.answers(answer.substr(0, answer.find('\n')));
  });
  ASSERT_TRUE(outcome.completed);
  // 0 to 3, the directory that ls reads, and a lifeline where it cannot be told to die with its parent.
  EXPECT_EQ(outcome.answer, GetParam() == SYS_prctl ? "6" : "5");
}

TEST_P(child_process_without, dies_when_its_parent_is_killed) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const unique_fd reader(ends[0]);
  unique_fd writer(ends[1]);
  const pid_t middle = ::fork();
  if (middle == 0) {
    ::dup2(writer.get(), STDERR_FILENO);
    child_options options = shell("echo $$ >&2; exec sleep 1000");
    options.forward_errors = true;
    options.time_limit = 1000s;
    if (GetParam() != 0 && !forbid(GetParam(), SECCOMP_RET_ERRNO | EPERM)) ::_exit(1);
    run_child_process(options);
    ::_exit(1);
  }
  writer.reset();
  std::array<char, 32> text{};
  ASSERT_GT(::read(reader.get(), text.data(), text.size() - 1), 0);
  const pid_t child = std::atoi(text.data());
  ASSERT_GT(child, 0);
  EXPECT_FALSE(has_ended(child));
  ::kill(middle, SIGKILL);
  ::waitpid(middle, nullptr, 0);
  EXPECT_TRUE(ends_soon(child));
}

}  // namespace
}  // namespace waitwork::bench
