// SPDX-License-Identifier: Apache-2.0
// Every workload under every strategy, and every peer, at smoke size: each does the same units and every answer is the
// right one.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/bench/work_files.hpp>
#include <waitwork/bench/workload.hpp>

#include <harness/drive/busy_work.hpp>
#include <harness/drive/strategy.hpp>
#include <harness/suite/registry.hpp>

namespace waitwork::bench {

// Found by GoogleTest: what it prints instead of the bytes of a row.
void PrintTo(const row& shown, std::ostream* out) { *out << shown.name; }

namespace {

class every_row : public ::testing::TestWithParam<row> {
 protected:
  every_row() {
    std::string pattern = "/var/tmp/waitwork-every-row-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~every_row() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  std::filesystem::path directory_;
};

TEST_P(every_row, gives_the_right_answer_to_every_unit) {
  const row& chosen = GetParam();
  const workload_definition* definition = find_workload(chosen.workload);
  ASSERT_NE(definition, nullptr);
  workload_settings settings;
  settings.variant = chosen.variant;
  settings.lanes = chosen.depth;
  settings.workers = chosen.workers;
  settings.work_directory = directory_;
  settings.seed = 42;
  settings.work_per_us = 100;
  settings.smoke = true;
  std::unique_ptr<workload> work;
  try {
    work = definition->make(settings);
  } catch (const unsupported_error& error) {
    GTEST_SKIP() << error.what();
  }
  const std::unique_ptr<strategy> driver = make_strategy(chosen, *work);
  const std::uint64_t units = std::max<std::uint64_t>(24, 2 * chosen.depth);
  unit_log log = driver->drive(*work, 0, units);
  EXPECT_EQ(log.wrong, 0u) << "the first is unit " << log.first_wrong_unit;
  EXPECT_EQ(log.latency.count(), units);
  log = driver->drive(*work, std::uint64_t{1} << 40, units);
  EXPECT_EQ(log.wrong, 0u) << "the first is unit " << log.first_wrong_unit;
  EXPECT_NO_THROW(work->verify());
  for (const std::filesystem::directory_entry& made : std::filesystem::directory_iterator(directory_)) {
    EXPECT_TRUE(is_work_file(made.path().filename().string())) << made.path() << " would be left behind";
  }
}

const auto name_of = [](const auto& instance) {
  std::string name = instance.param.name.substr(0, instance.param.name.find("/process_time"));
  std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
};

INSTANTIATE_TEST_SUITE_P(of, every_row, ::testing::ValuesIn(suite_rows(suite_kind::smoke)), name_of);
INSTANTIATE_TEST_SUITE_P(beside, every_row, ::testing::ValuesIn(suite_rows(suite_kind::peers)), name_of);

}  // namespace
}  // namespace waitwork::bench
