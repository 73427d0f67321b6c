// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/instruction_set.hpp>

#include <hwy/highway.h>

#include <cstdint>

#include <waitwork/base/check.hpp>

namespace waitwork::kernels {

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) names.emplace_back(hwy::TargetName(target));
  return names;
}

void force_instruction_set(std::string_view name) {
  hwy::SetSupportedTargetsForTest(0);
  if (name.empty()) return;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (name == hwy::TargetName(target)) {
      hwy::SetSupportedTargetsForTest(target);
      return;
    }
  }
  WAITWORK_CHECK(false, "a forced instruction set is one of instruction_sets()");
}

}  // namespace waitwork::kernels
