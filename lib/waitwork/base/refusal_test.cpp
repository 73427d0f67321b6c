// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/refusal.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>
#include <string>

namespace waitwork {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(refusal, of_a_call_that_names_no_file_says_which_call_a_profile_has_to_allow) {
  for (const int error : {EPERM, EACCES, ENOSYS}) {
    const refusal why = explain_call_error("pidfd_open", error);
    EXPECT_THAT(why.cause, AllOf(HasSubstr("pidfd_open"), HasSubstr("seccomp"))) << error;
    EXPECT_THAT(why.remedy, HasSubstr("profile that allows pidfd_open")) << error;
    EXPECT_THAT(why.remedy, Not(HasSubstr("ulimit"))) << error;
  }
}

TEST(refusal, of_a_call_on_an_open_file_is_never_about_its_permissions) {
  for (const int error : {EPERM, EACCES, ENOSYS}) {
    EXPECT_THAT(descriptor_error("write", "a.json", "fsync", error).what(), HasSubstr("profile that allows fsync"))
        << error;
  }
  EXPECT_THAT(descriptor_error("write", "a.json", "fsync", ENOSPC).what(), HasSubstr("make room"));
}

TEST(refusal, of_a_file_by_permission_is_about_permission) {
  for (const int error : {EPERM, EACCES}) EXPECT_THAT(explain_file_error(error).remedy, HasSubstr("permissions"));
}

TEST(refusal, has_one_remedy_for_one_limit_wherever_it_strikes) {
  for (const int error : {EMFILE, ENFILE, ENOMEM, EIO}) {
    EXPECT_EQ(explain_file_error(error).remedy, explain_call_error("socket", error).remedy) << error;
  }
  EXPECT_THAT(explain_call_error("signalfd", EMFILE).remedy, HasSubstr("ulimit -n"));
  EXPECT_THAT(explain_call_error("fork", EAGAIN).remedy, HasSubstr("ulimit -u"));
}

TEST(refusal, always_has_a_cause_and_a_remedy_in_one_line) {
  for (int error = 1; error < 134; ++error) {
    for (const refusal& why : {explain_file_error(error), explain_call_error("some_call", error)}) {
      EXPECT_FALSE(why.cause.empty() || why.remedy.empty()) << error;
      EXPECT_EQ((why.cause + why.remedy).find('\n'), std::string::npos) << error;
    }
  }
}

TEST(refusal, by_death_names_the_call_and_tells_a_filter_from_want_of_memory) {
  EXPECT_THAT(explain_call_death("io_uring_setup", SIGSYS).cause,
              AllOf(HasSubstr("io_uring_setup"), HasSubstr("SIGSYS")));
  EXPECT_THAT(explain_call_death("io_uring_setup", SIGSYS).remedy, HasSubstr("SystemCallFilter=io_uring_setup"));
  EXPECT_THAT(explain_call_death("mmap", SIGKILL).remedy, HasSubstr("memory limit"));
  EXPECT_THAT(explain_call_death("mmap", 0).cause, HasSubstr("mmap"));
}

TEST(refusal, is_thrown_as_absence_only_where_the_call_is_not_to_be_had) {
  EXPECT_THROW(throw_call_error("open", "a socket", "socket", EPERM), unsupported_error);
  EXPECT_THROW(throw_call_error("listen on", "127.0.0.1", "bind", EADDRNOTAVAIL), unsupported_error);
  try {
    throw_call_error("open", "a socket", "socket", EMFILE);
  } catch (const unsupported_error&) {
    FAIL() << "a shortage is no absence";
  } catch (const environment_error& error) {
    EXPECT_THAT(error.remedy(), HasSubstr("ulimit -n"));
  }
}

TEST(refusal, as_an_error_is_one_sentence) {
  EXPECT_STREQ(file_error("write", "a.json", EISDIR).what(),
               "write a.json: Is a directory; name a file, not a directory");
  EXPECT_THAT(call_error("watch", "a process", "pidfd_open", EPERM).what(), HasSubstr("watch a process: this process"));
}

}  // namespace
}  // namespace waitwork
