// SPDX-License-Identifier: Apache-2.0
#include <harness/words/suggestion.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace waitwork::bench {
namespace {

TEST(edit_distance, counts_single_edits) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("quick", "quick"), 0u);
  EXPECT_EQ(edit_distance("quik", "quick"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(edit_distance, counts_a_swap_of_neighbours_once) { EXPECT_EQ(edit_distance("qiuck", "quick"), 1u); }

TEST(edit_distance, does_not_depend_on_the_direction) {
  const std::vector<std::string> words = {"", "run", "list", "doctor", "--suite", "--seed"};
  for (const std::string& one : words) {
    for (const std::string& other : words) EXPECT_EQ(edit_distance(one, other), edit_distance(other, one));
  }
}

TEST(nearest_word, finds_the_word_that_was_meant) {
  const std::vector<std::string> suites = {"smoke", "quick", "full"};
  EXPECT_EQ(nearest_word("quik", suites), "quick");
  EXPECT_EQ(nearest_word("smkoe", suites), "smoke");
  EXPECT_EQ(nearest_word("ful", suites), "full");
}

TEST(nearest_word, of_no_words_is_empty) { EXPECT_EQ(nearest_word("x", {}), ""); }

}  // namespace
}  // namespace waitwork::bench
