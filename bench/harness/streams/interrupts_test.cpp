// SPDX-License-Identifier: Apache-2.0
#include <harness/streams/interrupts.hpp>

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include <waitwork/base/trial.hpp>

namespace waitwork::bench {
namespace {

bool readable(int fd) {
  pollfd event = {fd, POLLIN, 0};
  return ::poll(&event, 1, 0) > 0;
}

// What becomes of a process that does this: "0", "130", "SIG 2", or what it answered.
std::string end_of(const std::function<void()>& does) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);  // for a process that should have ended and did not
    does();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? "SIG " + std::to_string(WTERMSIG(status)) : std::to_string(WEXITSTATUS(status));
}

class an_interrupt : public testing::TestWithParam<int> {};

TEST_P(an_interrupt, is_heard_and_kills_nobody) {
  EXPECT_EQ(end_of([] {
              ::signal(GetParam(), SIG_DFL);
              const interrupts heard;
              if (heard.come() || readable(heard.fd())) ::_exit(1);
              ::raise(GetParam());
              if (!heard.come() || !readable(heard.fd())) ::_exit(2);
            }),
            "0");
}

TEST_P(an_interrupt, that_the_parent_ignores_stays_ignored) {
  EXPECT_EQ(end_of([] {
              ::signal(GetParam(), SIG_IGN);
              const interrupts heard;
              ::raise(GetParam());
              if (heard.come() || readable(heard.fd())) ::_exit(1);
            }),
            "0");
}

TEST_P(an_interrupt, that_was_blocked_is_heard) {
  EXPECT_EQ(end_of([] {
              sigset_t all;
              sigfillset(&all);
              ::sigprocmask(SIG_SETMASK, &all, nullptr);
              const interrupts heard;
              ::raise(GetParam());
              if (!heard.come()) ::_exit(1);
            }),
            "0");
}

TEST_P(an_interrupt, ends_the_program_again_when_nobody_listens_any_more) {
  EXPECT_EQ(end_of([] {
              ::signal(GetParam(), SIG_DFL);
              {
                const interrupts heard;
              }
              ::raise(GetParam());
            }),
            "SIG " + std::to_string(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(, an_interrupt,
                         testing::Values(SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU,
                                         SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, SIGRTMIN, SIGRTMAX),
                         [](const auto& tested) { return "signal_" + std::to_string(tested.param); });

TEST(interrupts, that_come_twice_end_a_program_that_is_stuck) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer hands a signal on at the next call, and this program makes none";
#endif
  EXPECT_EQ(end_of([] {
              const interrupts heard;
              ::raise(SIGINT);
              ::raise(SIGINT);
              for (;;) {  // as a call that the kernel does not come back from
              }
            }),
            "130");
}

TEST(interrupts, that_come_twice_leave_time_to_end_in_order) {
  EXPECT_EQ(end_of([] {
              {
                const interrupts heard;
                ::raise(SIGINT);
                ::raise(SIGTERM);
                ::usleep(50'000);
              }
              ::usleep(1'500'000);  // past the grace, which ended with the object
              ::_exit(42);
            }),
            "42");
}

TEST(interrupts, that_have_not_come_let_calls_block_on) {
  EXPECT_EQ(end_of([] {
              const interrupts heard;
              const waking_now_and_then alert;
              for (int woken = 0; woken < 3; ++woken) {
                if (::pause() != -1 || heard.come()) ::_exit(1);
              }
            }),
            "0");
}

}  // namespace
}  // namespace waitwork::bench
