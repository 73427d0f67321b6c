#include <waitwork/base/refusal.hpp>

#include <cerrno>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(refusal, as_an_error_is_one_sentence) {
  EXPECT_STREQ(file_error("write", "a.json", EISDIR).what(),
               "write a.json: Is a directory; name a file, not a directory");
  EXPECT_THAT(call_error("watch", "a process", "pidfd_open", EPERM).what(), HasSubstr("watch a process: this process"));
}

}  // namespace
}  // namespace waitwork
