// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/ring.hpp>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <exception>
#include <string>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/io/loop.hpp>

namespace waitwork {
namespace {

TEST(ring, asks_for_the_flags_of_a_single_threaded_loop) {
  const ring here(8, 64);
  // Every kernel this project supports as a target (6.1 and later) grants them.
  EXPECT_TRUE((here.setup_flags() & IORING_SETUP_DEFER_TASKRUN) != 0);
  EXPECT_TRUE((here.setup_flags() & IORING_SETUP_SINGLE_ISSUER) != 0);
}

TEST(ring, that_runs_out_of_descriptors_says_what_to_do) {
  rlimit saved{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &saved), 0);
  rlimit none = saved;
  none.rlim_cur = 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  // Looked at only once descriptors are back: the sanitizers need some to check an object's type.
  std::exception_ptr thrown;
  try {
    const loop here;
  } catch (...) {
    thrown = std::current_exception();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &saved), 0);
  ASSERT_TRUE(thrown);
  std::string sentence;
  bool unsupported = false;
  try {
    std::rethrow_exception(thrown);
  } catch (const unsupported_error&) {
    unsupported = true;
  } catch (const environment_error& error) {
    sentence = error.what();
  }
  EXPECT_FALSE(unsupported) << "it is a shortage, not a missing feature";
  EXPECT_NE(sentence.find("io_uring"), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("ulimit"), std::string::npos) << sentence;
}

}  // namespace
}  // namespace waitwork
