// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include <workloads/io/workload_under_test.hpp>

namespace waitwork::bench {
namespace {

class net_echo_workload : public testing::TestWithParam<const char*> {
 protected:
  static std::unique_ptr<workload> make(unsigned lanes) {
    return make_workload("io/net_echo", smoke_settings(".", GetParam(), lanes));
  }
};

TEST_P(net_echo_workload, gets_every_answer_when_blocking) { EXPECT_EQ(wrong_when_blocking(*make(1), 100), 0u); }

TEST_P(net_echo_workload, gets_every_answer_on_threads) { EXPECT_EQ(wrong_on_threads(*make(16), 1000, 16), 0u); }

TEST_P(net_echo_workload, gets_every_answer_on_a_loop) {
  const auto client = make(256);
  WAITWORK_SKIP_IF_UNSUPPORTED(EXPECT_EQ(wrong_on_loop(*client, 5000, 256), 0u));
}

TEST_P(net_echo_workload, says_so_when_its_server_dies) {
  const auto client = make(2);
  ASSERT_TRUE(client->server());
  ASSERT_EQ(::kill(*client->server(), SIGKILL), 0);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(*client->server()), &ended, WEXITED | WNOWAIT), 0);
  try {
    client->run({0, 0});
    FAIL() << "nobody is left to answer";
  } catch (const environment_error& error) {
    EXPECT_EQ(error.subject(), "the echo server");
  }
  EXPECT_THROW(wrong_on_loop(*client, 2, 2), environment_error);
}

int exit_code_with_few_files(const char* variant) {
  const rlimit few{32, 32};
  if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 77;
  try {
    make_workload("io/net_echo", smoke_settings(".", variant, 64));
  } catch (const environment_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return std::string(error.what()).find("ulimit -n") != std::string::npos ? 0 : 1;
  }
  return 2;
}

TEST_P(net_echo_workload, names_the_limit_of_open_files_when_it_is_too_low) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(exit_code_with_few_files(GetParam()));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "the limit of open files cannot be changed here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

INSTANTIATE_TEST_SUITE_P(variants, net_echo_workload, testing::Values("delay0", "delay1ms"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace waitwork::bench
