// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/open_descriptor.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace waitwork {
namespace {

// In a child, because the test itself wants its streams.
int lowest_descriptor_with_streams_closed() {
  for (int stream = 0; stream <= STDERR_FILENO; ++stream) ::close(stream);
  const unique_fd first = open_descriptor(AT_FDCWD, "/dev/null", O_RDONLY);
  const unique_fd second = open_descriptor(AT_FDCWD, "/dev/null", O_RDONLY);
  if (!first || !second) return 99;
  if ((::fcntl(first.get(), F_GETFD) & FD_CLOEXEC) == 0) return 98;
  return first.get() < second.get() ? first.get() : second.get();
}

TEST(open_descriptor, leaves_the_numbers_of_closed_streams_free) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(lowest_descriptor_with_streams_closed());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_GE(WEXITSTATUS(status), 3);
  EXPECT_LT(WEXITSTATUS(status), 98);
}

TEST(open_descriptor, keeps_the_error) {
  errno = 0;
  EXPECT_FALSE(open_descriptor(AT_FDCWD, "/nowhere/at/all", O_RDONLY));
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace waitwork
