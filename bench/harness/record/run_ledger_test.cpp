// SPDX-License-Identifier: Apache-2.0
#include <harness/record/run_ledger.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace waitwork::bench {
namespace {

std::vector<row> rows_named(const std::vector<std::string>& names) {
  std::vector<row> rows;
  for (const std::string& name : names) {
    rows.emplace_back();
    rows.back().name = name;
  }
  return rows;
}

journal_entry good(const std::string& name, unsigned round, int iterations = 7) {
  return {name, round, 1, measured{{{"iterations", iterations}}}};
}

TEST(run_ledger, wants_every_row_in_every_round_once) {
  run_ledger ledger(rows_named({"a", "b"}), 2);
  EXPECT_EQ(ledger.total(), 4u);
  EXPECT_TRUE(ledger.wants(1, 0));
  EXPECT_TRUE(ledger.record(good("b", 0)));
  EXPECT_FALSE(ledger.wants(1, 0));
  EXPECT_TRUE(ledger.wants(1, 1));
  EXPECT_FALSE(ledger.record(good("b", 0))) << "a second time";
  EXPECT_THAT(ledger.rounds_left(), testing::ElementsAre(2, 1));
  EXPECT_EQ(ledger.done(), 1u);
}

TEST(run_ledger, gives_up_rows_that_failed_or_are_absent) {
  run_ledger ledger(rows_named({"a", "b", "c"}), 3);
  ledger.record({"a", 0, 1, failed{failure_reason::crashed, ""}});
  ledger.record({"b", 0, 0, absent{"", ""}});
  EXPECT_THAT(ledger.rounds_left(), testing::ElementsAre(0, 0, 3));
  EXPECT_EQ(ledger.failures(), 1u);
  EXPECT_EQ(ledger.absences(), 1u);
  EXPECT_EQ(ledger.done(), 6u);
  EXPECT_FALSE(ledger.record(good("a", 1)));
}

TEST(run_ledger, remembers_the_work_of_the_first_measurement) {
  run_ledger ledger(rows_named({"a"}), 3);
  EXPECT_FALSE(ledger.measured_before(0));
  ledger.record(good("a", 0, 100));
  ledger.record(good("a", 1, 200));
  EXPECT_EQ(ledger.iterations(0), 100u);
}

TEST(run_ledger, estimates_the_rest_from_what_is_done) {
  run_ledger ledger(rows_named({"a", "b"}), 3);
  EXPECT_EQ(ledger.remaining_s(), std::nullopt);
  ledger.record(good("a", 0));  // which took a second
  EXPECT_EQ(ledger.remaining_s(), 2 + 3);
}

TEST(run_ledger, ignores_what_is_not_of_this_run) {
  run_ledger ledger(rows_named({"a"}), 1);
  EXPECT_FALSE(ledger.record(good("other", 0)));
  EXPECT_FALSE(ledger.record(good("a", 1)));
  EXPECT_EQ(ledger.done(), 0u);
}

}  // namespace
}  // namespace waitwork::bench
