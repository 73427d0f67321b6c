// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/trial.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

TEST(trial, gives_its_last_answer) {
  const trial_outcome outcome = try_in_child([](trial_log& log) {
    log.begins("a step");
    log.answers("one");
    log.answers("two words");
  });
  EXPECT_TRUE(outcome.completed);
  EXPECT_EQ(outcome.error, 0);
  EXPECT_EQ(outcome.signal, 0);
  EXPECT_EQ(outcome.step, "a step");
  EXPECT_EQ(outcome.answer, "two words");
}

TEST(trial, that_dies_names_the_step_and_the_signal) {
  const trial_outcome outcome = try_in_child([](trial_log& log) {
    log.begins("harmless");
    log.answers("so far");
    log.begins("deadly");
    ::raise(SIGSYS);
  });
  EXPECT_FALSE(outcome.completed);
  EXPECT_EQ(outcome.signal, SIGSYS);
  EXPECT_EQ(outcome.step, "deadly");
  EXPECT_EQ(outcome.answer, "so far");
}

TEST(trial, that_throws_or_exits_is_not_completed) {
  EXPECT_FALSE(try_in_child([](trial_log&) { throw std::runtime_error("no"); }).completed);
  EXPECT_FALSE(try_in_child([](trial_log&) { ::_exit(0); }).completed);
}

TEST(trial, that_hangs_is_killed) {
  const trial_outcome outcome = try_in_child(
      [](trial_log& log) {
        log.begins("a wait without end");
        for (;;) ::pause();
      },
      200ms);
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_FALSE(outcome.completed);
  EXPECT_EQ(outcome.step, "a wait without end");
}

// How a child ended is then unknown, but not whether it did what it was to do.
TEST(trial, is_told_from_a_death_where_sigchld_is_ignored) {
  struct sigaction ignored{}, before{};
  ignored.sa_handler = SIG_IGN;
  ASSERT_EQ(::sigaction(SIGCHLD, &ignored, &before), 0);
  const trial_outcome good = try_in_child([](trial_log& log) { log.answers("yes"); });
  const trial_outcome bad = try_in_child([](trial_log& log) {
    log.begins("deadly");
    ::raise(SIGKILL);
  });
  ::sigaction(SIGCHLD, &before, nullptr);
  EXPECT_TRUE(good.completed);
  EXPECT_EQ(good.answer, "yes");
  EXPECT_FALSE(bad.completed);
  EXPECT_EQ(bad.step, "deadly");
}

TEST(trial, says_that_there_is_no_process_to_try_it_in) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const trial_outcome outcome = try_in_child([](trial_log&) {});
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(outcome.error, EMFILE);
  EXPECT_FALSE(outcome.completed);
}

TEST(trial, leaves_no_descriptor_open) {
  const auto open_files = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
  const auto before = open_files();
  try_in_child([](trial_log&) {});
  EXPECT_EQ(open_files(), before);
}

}  // namespace
}  // namespace waitwork
