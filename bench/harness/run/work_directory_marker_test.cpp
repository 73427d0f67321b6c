// SPDX-License-Identifier: Apache-2.0
#include <harness/run/work_directory_marker.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace waitwork::bench {
namespace {

TEST(work_directory_marker, is_read_as_it_was_written) {
  const work_directory_marker marker = marker_of_this_process("waitwork-0123456789abcdef", 42);
  EXPECT_EQ(marker_from_text(to_text(marker)), marker);
  const work_directory_marker unknown{"waitwork-0123456789abcdef", 42, 1, 0, "-"};  // without /proc
  EXPECT_EQ(marker_from_text(to_text(unknown)), unknown);
}

TEST(work_directory_marker, is_none_when_anything_is_missing_or_more) {
  const std::string text = to_text(marker_of_this_process("waitwork-0123456789abcdef", 42));
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(marker_from_text(text.substr(0, length))) << length;
  }
  EXPECT_FALSE(marker_from_text(text + "\n"));
  EXPECT_FALSE(marker_from_text(text + text));
  EXPECT_FALSE(marker_from_text(" " + text));
  EXPECT_FALSE(marker_from_text(text + '\0'));
  EXPECT_FALSE(marker_from_text("waitwork-work-directory-2" + text.substr(text.find('\n'))));
}

TEST(work_directory_marker, knows_whether_its_process_lives) {
  work_directory_marker marker = marker_of_this_process("waitwork-0123456789abcdef", 42);
  if (marker.started_ticks == 0) GTEST_SKIP() << "no /proc here";
  EXPECT_TRUE(owner_lives(marker));

  work_directory_marker earlier = marker;  // the identifier was given again
  earlier.started_ticks -= 1;
  EXPECT_FALSE(owner_lives(earlier));

  work_directory_marker other_boot = marker;
  other_boot.boot = "00000000-0000-0000-0000-000000000000";
  EXPECT_FALSE(owner_lives(other_boot));

  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  marker.process = child;
  EXPECT_FALSE(owner_lives(marker));
}

}  // namespace
}  // namespace waitwork::bench
