// SPDX-License-Identifier: Apache-2.0
// main() of the test programs whose workloads start helper processes: such a program is its own
// helper, as waitwork is.

#include <gtest/gtest.h>

#include <optional>

#include <waitwork/bench/helper_process.hpp>

int main(int argc, char** argv) {
  const std::optional<int> helper_exit_code = waitwork::bench::run_helper_process(argc, argv);
  if (helper_exit_code) return *helper_exit_code;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
