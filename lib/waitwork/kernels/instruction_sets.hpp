// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests: each instruction set that this machine has and the kernels were compiled for, forced
// in turn.

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cstdint>
#include <string>
#include <vector>

namespace waitwork::kernels {

class on_each_instruction_set : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

inline std::string instruction_set_name(const ::testing::TestParamInfo<std::int64_t>& info) {
  return hwy::TargetName(info.param);
}

}  // namespace waitwork::kernels

#define WAITWORK_ON_EACH_INSTRUCTION_SET(suite)                                                 \
  INSTANTIATE_TEST_SUITE_P(on, suite, ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()), \
                           ::waitwork::kernels::instruction_set_name)
