// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/probe.hpp>

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>

#include <waitwork/base/forbid_for_test.hpp>
#include <waitwork/base/trial.hpp>
#include <waitwork/io/ring_refusal.hpp>

namespace waitwork {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A directory that stands for "/" of a machine with these settings.
class machine_with {
 public:
  machine_with(const char* disabled, const char* seccomp) {
    std::string name = (std::filesystem::temp_directory_path() / "waitwork-probe-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    root_ = name;
    std::filesystem::create_directories(root_ / "proc/sys/kernel");
    std::filesystem::create_directories(root_ / "proc/self");
    std::ofstream(root_ / "proc/sys/kernel/io_uring_disabled") << disabled << '\n';
    std::ofstream(root_ / "proc/self/status") << "Name:\tx\nSeccomp:\t" << seccomp << "\nSeccomp_filters:\t1\n";
  }
  ~machine_with() { std::filesystem::remove_all(root_); }
  machine_with(const machine_with&) = delete;
  machine_with& operator=(const machine_with&) = delete;

  refusal explain(int error) const { return explain_setup_error(error, root_); }

 private:
  std::filesystem::path root_;
};

TEST(explain_setup_error, blames_the_sysctl_that_forbids_it_to_everybody) {
  const refusal why = machine_with("2", "2").explain(EPERM);
  EXPECT_THAT(why.cause, HasSubstr("kernel.io_uring_disabled is 2"));
  EXPECT_THAT(why.remedy, HasSubstr("sysctl kernel.io_uring_disabled=0"));
}

TEST(explain_setup_error, blames_the_sysctl_that_allows_it_to_a_group) {
  const refusal why = machine_with("1", "0").explain(EPERM);
  EXPECT_THAT(why.cause, HasSubstr("kernel.io_uring_disabled is 1"));
  EXPECT_THAT(why.remedy, HasSubstr("group"));
}

TEST(explain_setup_error, blames_the_seccomp_filter_of_a_container) {
  const refusal why = machine_with("0", "2").explain(EPERM);
  EXPECT_THAT(why.cause, HasSubstr("seccomp"));
  EXPECT_THAT(why.remedy, HasSubstr("seccomp=unconfined"));
}

TEST(explain_setup_error, names_both_where_filter_and_sysctl_may_be_the_cause) {
  const refusal why = machine_with("1", "2").explain(EPERM);
  EXPECT_THAT(why.cause, HasSubstr("seccomp"));
  EXPECT_THAT(why.cause, HasSubstr("kernel.io_uring_disabled is 1"));
}

TEST(explain_setup_error, falls_back_to_security_modules) {
  EXPECT_THAT(machine_with("0", "0").explain(EPERM).remedy, HasSubstr("SELinux"));
  EXPECT_THAT(explain_setup_error(EPERM, "/nonexistent").remedy, HasSubstr("SELinux"));
}

TEST(explain_setup_error, tells_a_kernel_without_io_uring_from_a_filter_that_hides_it) {
  EXPECT_THAT(machine_with("0", "0").explain(ENOSYS).cause, HasSubstr("this kernel has no io_uring"));
  EXPECT_THAT(machine_with("0", "2").explain(ENOSYS).cause, HasSubstr("seccomp"));
}

TEST(explain_setup_error, has_a_cause_and_a_remedy_for_every_error) {
  for (int error = 1; error < 134; ++error) {
    const refusal why = explain_setup_error(error);
    EXPECT_FALSE(why.cause.empty()) << error;
    EXPECT_FALSE(why.remedy.empty()) << error;
    EXPECT_NE(why.remedy.back(), '.') << error;
  }
  EXPECT_THAT(explain_setup_error(ENOMEM).cause, HasSubstr("memlock"));
}

TEST(explain_ring_error, names_the_call_that_a_profile_has_to_allow) {
  EXPECT_THAT(explain_ring_error("io_uring_enter", EPERM).cause, HasSubstr("io_uring_enter"));
  EXPECT_THAT(explain_ring_error("io_uring_enter", EPERM).remedy, HasSubstr("io_uring_register"));
  EXPECT_THAT(explain_ring_death("io_uring_setup", SIGSYS).cause, HasSubstr("kills whoever calls io_uring_setup"));
}

TEST(probe_io_uring, finds_what_this_project_relies_on_or_says_why_there_is_nothing) {
  const io_uring_capabilities found = probe_io_uring(2);
  if (!found.available()) {
    EXPECT_TRUE(found.setup_flags.empty());
    GTEST_SKIP() << "io_uring is not available here: " << found.refused->cause;
  }
  EXPECT_EQ(found.rings, 2u);
  EXPECT_FALSE(found.rings_refused);
  EXPECT_THAT(found.setup_flags, Contains("CQSIZE"));
  for (const char* needed : {"read", "write", "fsync", "connect", "accept", "send", "recv"}) {
    EXPECT_THAT(found.operations, Contains(needed));
  }
}

TEST(probe_io_uring, leaves_no_descriptor_open) {
  const auto open_files = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
  const auto before = open_files();
  probe_io_uring();
  EXPECT_EQ(open_files(), before);
}

// The cause that is found in a process so restricted; "none" if there is none, nothing if it cannot be restricted here.
std::optional<std::string> cause_where(const std::function<bool()>& restrict, unsigned rings = 1) {
  const trial_outcome outcome = try_in_child([&](trial_log& log) {
    if (!restrict()) return;
    const io_uring_capabilities found = probe_io_uring(rings);
    const std::string all = found.refused ? found.refused->cause + "; " + found.refused->remedy : "none";
    log.answers(all + (found.rings_refused ? "; rings: " + found.rings_refused->cause : ""));
  });
  EXPECT_TRUE(outcome.completed) << "the probe itself died of signal " << outcome.signal << " in " << outcome.step;
  return outcome.answer.empty() ? std::nullopt : std::optional(outcome.answer);
}

struct forbidden {
  const char* name;
  unsigned call;
  unsigned answer;
  const char* cause;  // part of what is said
};

class probe_under_a_filter : public ::testing::TestWithParam<forbidden> {};

TEST_P(probe_under_a_filter, names_the_call_and_lives) {
  const std::optional<std::string> cause = cause_where([] { return forbid(GetParam().call, GetParam().answer); });
  if (!cause) GTEST_SKIP() << "seccomp filters cannot be installed here";
  EXPECT_THAT(*cause, HasSubstr(GetParam().cause));
}

INSTANTIATE_TEST_SUITE_P(
    , probe_under_a_filter,
    ::testing::Values(
        forbidden{"setup_refused", SYS_io_uring_setup, SECCOMP_RET_ERRNO | EPERM,
                  "a seccomp filter forbids io_uring_setup"},
        forbidden{"setup_hidden", SYS_io_uring_setup, SECCOMP_RET_ERRNO | ENOSYS, "io_uring_setup does not exist here"},
        forbidden{"setup_kills", SYS_io_uring_setup, SECCOMP_RET_KILL_PROCESS, "kills whoever calls io_uring_setup"},
        forbidden{"enter_refused", SYS_io_uring_enter, SECCOMP_RET_ERRNO | EPERM, "may not call io_uring_enter"},
        forbidden{"enter_kills", SYS_io_uring_enter, SECCOMP_RET_KILL_PROCESS, "kills whoever calls io_uring_enter"},
        forbidden{"register_refused", SYS_io_uring_register, SECCOMP_RET_ERRNO | EPERM, "none"},
        forbidden{"register_kills", SYS_io_uring_register, SECCOMP_RET_KILL_PROCESS,
                  "kills whoever calls io_uring_register"}),
    [](const auto& tested) { return std::string(tested.param.name); });

// Root is not charged, so this is for another user.
bool limit_locked_memory(rlim_t bytes) {
  const rlimit limit{bytes, bytes};
  constexpr uid_t nobody = 65534;
  return ::setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && ::setuid(nobody) == 0;
}

TEST(probe_io_uring, asks_for_rings_of_the_size_that_loops_have) {
  // 64 KiB, for years the default, grants a small ring and no loop's.
  for (const rlim_t bytes : {rlim_t{0}, rlim_t{64} << 10}) {
    const std::optional<std::string> cause = cause_where([&] { return limit_locked_memory(bytes); });
    if (!cause) GTEST_SKIP() << "only root may become another user";
    EXPECT_THAT(*cause, HasSubstr("memlock")) << bytes;
    EXPECT_THAT(*cause, Not(HasSubstr("none"))) << bytes;
  }
}

TEST(probe_io_uring, tells_that_there_is_room_for_fewer_rings_than_wished) {
  const std::optional<std::string> cause = cause_where([] { return limit_locked_memory(rlim_t{128} << 10); }, 8);
  if (!cause) GTEST_SKIP() << "only root may become another user";
  EXPECT_THAT(*cause, StartsWith("none; rings: "));
  EXPECT_THAT(*cause, HasSubstr("memlock"));
}

}  // namespace
}  // namespace waitwork
