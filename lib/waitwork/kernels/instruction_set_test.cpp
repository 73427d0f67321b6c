// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/instruction_set.hpp>

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <algorithm>
#include <string>
#include <vector>

namespace waitwork::kernels {
namespace {

TEST(instruction_sets, are_those_of_this_processor_best_first) {
  const std::vector<std::string> names = instruction_sets();
  ASSERT_FALSE(names.empty());
#if HWY_ARCH_X86
  const std::vector<std::string> known = {"AVX3_DL", "AVX3", "AVX2", "SSE4", "SSSE3"};
  auto last = known.begin();
  for (const std::string& name : names) {
    last = std::find(last, known.end(), name);
    EXPECT_NE(last, known.end()) << name << " comes in its turn";
  }
#endif
}

TEST(force_instruction_set, leaves_only_that_one_until_it_ends) {
  const std::vector<std::string> all = instruction_sets();
  for (const std::string& name : all) {
    force_instruction_set(name);
    EXPECT_EQ(instruction_sets(), std::vector{name});
    force_instruction_set("");
    EXPECT_EQ(instruction_sets(), all);
  }
}

TEST(force_instruction_set_death_test, refuses_one_that_is_not_there) {
  EXPECT_DEATH(force_instruction_set("MMX"), "one of instruction_sets");
}

}  // namespace
}  // namespace waitwork::kernels
