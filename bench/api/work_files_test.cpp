// SPDX-License-Identifier: Apache-2.0
#include <waitwork/bench/work_files.hpp>

#include <gtest/gtest.h>

namespace waitwork::bench {
namespace {

TEST(work_files, are_recognised_by_the_names_that_they_get) {
  const std::filesystem::path finished = work_file("/place", "file_read-direct");
  const std::filesystem::path unfinished = unfinished_work_file(finished);
  EXPECT_EQ(finished.parent_path(), "/place");
  EXPECT_EQ(unfinished.parent_path(), "/place");
  EXPECT_NE(finished, unfinished);
  EXPECT_TRUE(is_work_file(finished.filename().string()));
  EXPECT_TRUE(is_work_file(unfinished.filename().string()));
  EXPECT_TRUE(is_work_file("journal"));
}

TEST(work_files, are_not_what_people_call_theirs) {
  for (const char* const name : {"", "thesis.txt", "waitwork", ".waitwork", "report.json", "journal.json", "my journal",
                                 "x.waitwork.txt", "file_read-direct.blocks", ".waitwork-work-directory"}) {
    EXPECT_FALSE(is_work_file(name)) << name;
  }
}

}  // namespace
}  // namespace waitwork::bench
