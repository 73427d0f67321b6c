// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/system_files.hpp>

#include <gtest/gtest.h>

#include <string>

#include <waitwork/measure/fixture_root.hpp>

namespace waitwork {
namespace {

TEST(system_files, are_read_whole_and_without_the_last_newline) {
  fixture_root root;
  const std::string large(10'000, 'x');
  root.write("small", "one\ntwo \n\n").write("large", large + "\n").write("empty", "");
  EXPECT_EQ(read_system_file(root.path() / "small"), "one\ntwo");
  EXPECT_EQ(read_system_file(root.path() / "large"), large);
  EXPECT_EQ(read_system_file(root.path() / "empty"), "");
}

TEST(system_files, that_cannot_be_read_are_absent) {
  const fixture_root root;
  EXPECT_FALSE(read_system_file(root.path() / "missing"));
  EXPECT_FALSE(read_system_file(root.path()));  // a directory
  EXPECT_FALSE(read_system_number(root.path() / "missing"));
}

TEST(system_files, hold_numbers) {
  fixture_root root;
  root.write("number", "2300000\n").write("word", "max\n");
  EXPECT_EQ(read_system_number(root.path() / "number"), 2300000);
  EXPECT_FALSE(read_system_number(root.path() / "word"));
  EXPECT_EQ(parse_number(" -1 100000"), -1);
  EXPECT_FALSE(parse_number("12x"));
  EXPECT_FALSE(parse_number(""));
  EXPECT_FALSE(parse_number("99999999999999999999"));
}

TEST(system_files, give_the_first_value_of_a_key) {
  const std::string text = "processor\t: 0\nmodel name\t: Some CPU: fast\nflags :\nmodel name : Other\n";
  EXPECT_EQ(value_of(text, "model name"), "Some CPU: fast");
  EXPECT_EQ(value_of(text, "flags"), "");
  EXPECT_FALSE(value_of(text, "model"));
  EXPECT_FALSE(value_of("", "model"));
}

TEST(system_files, split_lines_into_fields) {
  EXPECT_EQ(split_fields("  a \t bc  d "), (std::vector<std::string_view>{"a", "bc", "d"}));
  EXPECT_TRUE(split_fields(" \t ").empty());
}

TEST(system_files, count_the_cpus_of_a_list) {
  EXPECT_EQ(count_cpu_list("0"), 1u);
  EXPECT_EQ(count_cpu_list("0-3,8,10-11\n"), 7u);
  EXPECT_EQ(count_cpu_list(""), 0u);
  EXPECT_FALSE(count_cpu_list("0-"));
  EXPECT_FALSE(count_cpu_list("3-1"));
  EXPECT_FALSE(count_cpu_list("a"));
}

TEST(system_files, count_the_cpus_of_a_mask) {
  EXPECT_EQ(count_cpu_mask("1"), 1u);
  EXPECT_EQ(count_cpu_mask("00000003,0000000f\n"), 6u);
  EXPECT_FALSE(count_cpu_mask(""));
  EXPECT_FALSE(count_cpu_mask("g"));
}

}  // namespace
}  // namespace waitwork
