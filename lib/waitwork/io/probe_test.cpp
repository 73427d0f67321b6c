#include <waitwork/io/probe.hpp>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waitwork {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

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
    std::ofstream(root_ / "proc/self/status")
        << "Name:\tx\nSeccomp:\t" << seccomp << "\nSeccomp_filters:\t1\n";
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
  EXPECT_THAT(machine_with("0", "0").explain(ENOSYS).cause,
              HasSubstr("this kernel has no io_uring"));
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

TEST(probe_io_uring, finds_what_this_project_relies_on_or_says_why_there_is_nothing) {
  const io_uring_capabilities found = probe_io_uring();
  if (!found.available()) {
    EXPECT_NE(found.error, 0);
    EXPECT_TRUE(found.setup_flags.empty());
    GTEST_SKIP() << "io_uring is not available here: " << found.refused->cause;
  }
  EXPECT_EQ(found.error, 0);
  EXPECT_THAT(found.setup_flags, Contains("CQSIZE"));
  for (const char* needed : {"read", "write", "fsync", "connect", "accept", "send", "recv"}) {
    EXPECT_THAT(found.operations, Contains(needed));
  }
}

TEST(probe_io_uring, leaves_no_descriptor_open) {
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = open_files();
  probe_io_uring();
  EXPECT_EQ(open_files(), before);
}

// Makes io_uring_setup fail with `error` in this process, as the profiles of container engines do.
bool forbid_io_uring(unsigned error) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{4, program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST(probe_io_uring, says_that_a_filter_forbids_it) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!forbid_io_uring(EPERM)) ::_exit(77);
    const io_uring_capabilities found = probe_io_uring();
    const bool blamed = !found.available() && found.error == EPERM && found.operations.empty() &&
                        found.refused->cause.find("seccomp") != std::string::npos;
    if (!blamed && found.refused) std::fprintf(stderr, "%s\n", found.refused->cause.c_str());
    ::_exit(blamed ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "seccomp filters cannot be installed here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace waitwork
