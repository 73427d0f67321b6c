// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/storage.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <waitwork/measure/fixture_root.hpp>

namespace waitwork {
namespace {

using ::testing::HasSubstr;

TEST(storage, leaves_nothing_behind) {
  const fixture_root root;
  const storage found = examine_storage(root.path());
  EXPECT_FALSE(found.not_writable);
  EXPECT_TRUE(std::filesystem::is_empty(root.path()));
  EXPECT_NE(found.file_system, "");
  EXPECT_GT(found.free_bytes.value_or(0), 0);
}

TEST(storage, says_why_a_directory_cannot_be_written) {
  const fixture_root root;
  const storage found = examine_storage(root.path() / "missing");
  ASSERT_TRUE(found.not_writable);
  EXPECT_THAT(*found.not_writable, HasSubstr("No such file or directory"));
  EXPECT_TRUE(found.no_direct_io);
  EXPECT_EQ(found.file_system, "unknown");
  EXPECT_FALSE(found.free_bytes);
}

TEST(storage, knows_memory_from_a_device) {
  if (!std::filesystem::exists("/dev/shm")) GTEST_SKIP() << "no /dev/shm here";
  const storage found = examine_storage("/dev/shm");
  EXPECT_EQ(found.file_system, "tmpfs");
  EXPECT_TRUE(found.in_memory());
}

TEST(storage, has_no_direct_io_where_files_are_not_stored) {
  // proc has no files to make: the answer is a sentence, not an exception.
  const storage found = examine_storage("/proc");
  EXPECT_EQ(found.file_system, "proc");
  EXPECT_TRUE(found.not_writable);
  EXPECT_TRUE(found.no_direct_io);
}

}  // namespace
}  // namespace waitwork
