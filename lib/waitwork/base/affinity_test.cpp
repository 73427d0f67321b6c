// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/affinity.hpp>

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <limits>
#include <string>

#include <waitwork/base/confined_for_test.hpp>
#include <waitwork/base/environment_error.hpp>

namespace waitwork {
namespace {

TEST(affinity, names_a_cpu_that_is_not_there_however_large_its_number) {
  for (const unsigned cpu : {100'000u, 1u << 20, 1u << 31, std::numeric_limits<unsigned>::max()}) {
    try {
      pin_this_thread(cpu);
      ADD_FAILURE() << cpu;
    } catch (const unsupported_error& error) {
      ADD_FAILURE() << error.what();
    } catch (const environment_error& error) {
      EXPECT_EQ(error.subject(), "a thread to CPU " + std::to_string(cpu));
      EXPECT_NE(error.remedy().find("taskset"), std::string::npos);
    }
  }
}

TEST(affinity, that_a_sandbox_hides_is_one_cpu_and_that_it_refuses_is_a_sentence) {
  const std::string said = in_child([]() -> std::string {
    forbid(SYS_sched_getaffinity, EPERM);
    forbid(SYS_sched_setaffinity, EPERM);
    try {
      pin_this_thread(affinity_cpus().at(0));
      return "pinned";
    } catch (const unsupported_error& error) {
      return std::to_string(affinity_cpus().size()) + ", " + error.what();
    }
  });
  if (said.starts_with("thrown: seccomp")) GTEST_SKIP() << said;
  EXPECT_EQ(said.substr(0, said.find('(')), "1, pin a thread to CPU 0: this process may not call sched_setaffinity ");
  EXPECT_NE(said.find("profile that allows sched_setaffinity"), std::string::npos);
}

}  // namespace
}  // namespace waitwork
