// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/own_name.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace waitwork {
namespace {

TEST(own_name, is_another_one_each_time_and_is_recognised) {
  std::set<std::string> seen;
  for (int count = 0; count < 1000; ++count) {
    const std::string name = new_own_name("directory");
    EXPECT_TRUE(is_own_name(name, "directory")) << name;
    seen.insert(name);
  }
  EXPECT_GT(seen.size(), 990u);
}

TEST(own_name, of_another_purpose_is_not_recognised) {
  EXPECT_FALSE(is_own_name(new_own_name("report.json"), "other.json"));
}

TEST(own_name, with_any_digit_changed_is_not_recognised) {
  const std::string name = new_own_name("directory");
  for (std::size_t place = 0; place < name.size(); ++place) {
    std::string changed = name;
    changed[place] = changed[place] == '0' ? '1' : '0';
    EXPECT_FALSE(is_own_name(changed, "directory")) << changed;
  }
}

TEST(own_name, is_nothing_that_people_and_other_programs_call_theirs) {
  for (const char* const name :
       {"", "1", "2024", "20241128", "backup", "2024112812345678", "aaaaaaaaaaaaaaaa", "XXXXXX", "0000000000000000",
        "deadbeefdeadbeef", "DEADBEEFDEADBEEF", "................"}) {
    EXPECT_FALSE(is_own_name(name, "directory")) << name;
  }
  const std::string name = new_own_name("directory");
  EXPECT_FALSE(is_own_name(name + " ", "directory"));
  EXPECT_FALSE(is_own_name(name.substr(1), "directory"));
}

}  // namespace
}  // namespace waitwork
