// SPDX-License-Identifier: Apache-2.0
#include <harness/process/process_state.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>

#include <waitwork/base/trial.hpp>

#include <harness/process/child_process.hpp>

namespace waitwork::bench {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// What a parent may leave that nobody wants.
void inherit_the_worst() {
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_IGN);
  rlimit stack{};
  ::getrlimit(RLIMIT_STACK, &stack);
  stack.rlim_cur = 64 << 10;
  ::setrlimit(RLIMIT_STACK, &stack);
  ::umask(0);
}

std::string in_a_process(const std::function<std::string()>& asked) {
  const trial_outcome outcome = try_in_child([&](trial_log& log) { log.answers(asked()); });
  EXPECT_TRUE(outcome.completed) << outcome.signal;
  return outcome.answer;
}

TEST(process_state, is_settled_whatever_was_inherited) {
  const std::string seen = in_a_process([] {
    inherit_the_worst();
    settle_process_state();
    std::string text = state_at_start().child_signal_ignored ? "ignored " : "";
    text += std::to_string(state_at_start().blocked_signals.size()) + " blocked; ";
    sigset_t blocked;
    ::sigprocmask(SIG_BLOCK, nullptr, &blocked);
    text += sigisemptyset(&blocked) ? "none now; " : "some now; ";
    const pid_t child = ::fork();
    if (child == 0) ::_exit(5);
    int status = 0;
    text += ::waitpid(child, &status, 0) == child ? "code " + std::to_string(WEXITSTATUS(status)) : "lost";
    rlimit stack{};
    ::getrlimit(RLIMIT_STACK, &stack);
    text += "; " + std::to_string(stack.rlim_cur >> 20) + " MiB";
    std::thread([&text] {  // whose stack is not the 64 KiB of the start
      volatile char large[1 << 20];
      large[0] = 1;
      text += large[0] == 1 ? ", threads too" : "";
    })
        .join();
    const mode_t mask = ::umask(0);
    return text + (mask == 002 ? "; umask 2" : "; umask wrong");
  });
  // 64 less the two that cannot be blocked, and the two of the library
  EXPECT_THAT(seen, StartsWith("ignored 60 blocked; none now; code 5; 8 MiB, threads too; umask 2"));
}

TEST(process_state, keeps_what_a_parent_means) {
  EXPECT_EQ(in_a_process([] {
              ::signal(SIGHUP, SIG_IGN);
              ::umask(077);
              settle_process_state();
              struct sigaction now{};
              ::sigaction(SIGHUP, nullptr, &now);
              return std::string(now.sa_handler == SIG_IGN ? "ignored " : "heard ") + std::to_string(::umask(0)) +
                     (state_at_start().child_signal_ignored ? " ignored" : " heard");
            }),
            "ignored 63 heard");
}

TEST(process_state, keeps_from_children_what_steers_libraries_and_languages) {
  for (const char* name : {"BENCHMARK_FILTER", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE",
                           "GOTO_NUM_THREADS", "MKL_NUM_THREADS", "TBB_VERSION", "LC_NUMERIC", "LANG", "LANGUAGE"}) {
    ASSERT_EQ(::setenv(name, "surprise", 1), 0);
  }
  ::setenv("WAITWORK_TEST_LANGUAGES", "kept", 1);
  const std::vector<std::string> given = environment_for_children();
  EXPECT_THAT(given, Not(Contains(HasSubstr("=surprise"))));
  EXPECT_THAT(given,
              AllOf(Contains("LC_ALL=C"), Contains("WAITWORK_TEST_LANGUAGES=kept"), Contains(StartsWith("PATH="))));
}

TEST(process_state, of_a_child_owes_nothing_to_ours) {
  const std::string seen = in_a_process([] {
    inherit_the_worst();
    ::signal(SIGCHLD, SIG_DFL);
    child_options options;
    options.executable = "/bin/sh";
    options.arguments = {"-c", "{ grep -E 'Sig(Ign|Blk)' /proc/self/status; ulimit -s; ulimit -c; umask; } >&3"};
    options.time_limit = std::chrono::seconds(60);
    std::string answer = run_child_process(options).answer;
    for (char& sign : answer) sign = sign == '\n' || sign == '\t' ? ' ' : sign;
    return answer;
  });
  // SIGXFSZ, number 25, is the one that is ignored.
  EXPECT_EQ(seen, "SigBlk: 0000000000000000 SigIgn: 0000000001000000 8192 0 0077 ");
}

}  // namespace
}  // namespace waitwork::bench
