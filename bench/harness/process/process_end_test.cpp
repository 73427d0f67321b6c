// SPDX-License-Identifier: Apache-2.0
#include <harness/process/process_end.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/forbid_for_test.hpp>
#include <waitwork/base/trial.hpp>

namespace waitwork::bench {
namespace {

using testing::HasSubstr;

// A child that ends by itself or by a signal.
pid_t child_that(const std::function<void()>& does) {
  const pid_t child = ::fork();
  if (child == 0) {
    does();
    ::_exit(7);
  }
  return child;
}

// What is seen of a child that exits with 7 after a while, and of one that is killed, in words.
std::string what_is_seen() {
  std::string seen;
  for (const bool killed : {false, true}) {
    process_end end(child_that([killed] {
      ::usleep(30'000);
      if (killed) ::raise(SIGKILL);
    }));
    seen += end.has_come() ? "at once, " : "";
    seen += end.take() ? "taken early, " : "";
    for (int turn = 0; turn < 10'000 && !end.has_come(); ++turn) {
      pollfd event = {end.fd(), POLLIN, 0};
      ::poll(&event, 1, static_cast<int>(end.look_again(std::chrono::milliseconds(50)).count() / 1'000'000));
    }
    const std::optional<process_status> status = end.take();
    if (!status) return seen + "never taken";
    seen += WIFSIGNALED(status->wait_status) ? "signal " + std::to_string(WTERMSIG(status->wait_status))
                                             : "code " + std::to_string(WEXITSTATUS(status->wait_status)) + ", ";
    if (status->peak_rss_bytes < 100'000) seen += " without memory";
  }
  return seen;
}

struct other_way {
  const char* name;
  unsigned call;  // 0: none is refused
  int error;      // 0: it kills the caller
};

class process_end_without : public testing::TestWithParam<other_way> {};

TEST_P(process_end_without, sees_the_same) {
  const trial_outcome outcome = try_in_child([](trial_log& log) {
    const int error = GetParam().error;
    const unsigned answer = error == 0 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | static_cast<unsigned>(error);
    if (GetParam().call != 0 && !forbid(GetParam().call, answer)) return log.answers("no filter");
    log.answers(what_is_seen());
  });
  ASSERT_TRUE(outcome.completed);
  if (outcome.answer == "no filter") GTEST_SKIP() << "seccomp filters cannot be installed here";
  EXPECT_EQ(outcome.answer, "code 7, signal 9");
}

INSTANTIATE_TEST_SUITE_P(, process_end_without,
                         testing::Values(other_way{"nothing", 0, 0}, other_way{"pidfd_open", SYS_pidfd_open, EPERM},
                                         other_way{"pidfd_open_at_all", SYS_pidfd_open, ENOSYS},
                                         other_way{"dying_of_pidfd_open", SYS_pidfd_open, 0},
                                         other_way{"wait4", SYS_wait4, EPERM}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(process_end, that_the_system_keeps_to_itself_is_an_error_and_not_an_exit) {
  const trial_outcome outcome = try_in_child([](trial_log& log) {
    ::signal(SIGCHLD, SIG_IGN);
    const process_end end(child_that([] {}));
    for (int turn = 0; turn < 10'000 && !end.has_come(); ++turn) ::usleep(1000);
    try {
      log.answers(end.take() ? "taken" : "running");
    } catch (const environment_error& error) {
      log.answers(error.what());
    }
  });
  EXPECT_THAT(outcome.answer, HasSubstr("learn how a measurement's process ended"));
}

}  // namespace
}  // namespace waitwork::bench
