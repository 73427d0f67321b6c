// SPDX-License-Identifier: Apache-2.0
#include <harness/suite/registry.hpp>

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace waitwork::bench {
namespace {

TEST(registry, gives_every_row_a_name_of_its_own) {
  for (const suite_kind suite : {suite_kind::smoke, suite_kind::quick, suite_kind::full}) {
    std::set<std::string> names;
    for (const row& each : suite_rows(suite, 2)) EXPECT_TRUE(names.insert(each.name).second) << each.name;
    EXPECT_FALSE(names.empty());
  }
}

TEST(registry, names_rows_as_the_report_promises) {
  std::set<std::string> names;
  for (const row& each : suite_rows(suite_kind::quick, 2)) names.insert(each.name);
  EXPECT_TRUE(names.contains("io/timer/sequential/process_time/real_time"));
  EXPECT_TRUE(names.contains("io/file_read/direct/concurrent/depth:64/process_time/real_time"));
  EXPECT_TRUE(names.contains("io/file_read/cached/parallel/workers:64/process_time/real_time"));
  EXPECT_TRUE(names.contains("cpu/matmul/l2/hybrid/depth:16/workers:2/process_time/real_time"));
}

TEST(registry, puts_rows_that_differ_in_size_into_one_family) {
  const std::vector<row> rows = suite_rows(suite_kind::quick, 2);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const bool same = rows[i].workload == rows[i - 1].workload && rows[i].variant == rows[i - 1].variant &&
                      rows[i].strategy == rows[i - 1].strategy;
    EXPECT_EQ(rows[i].family_index == rows[i - 1].family_index, same) << rows[i].name;
    EXPECT_EQ(rows[i].per_family_instance_index, same ? rows[i - 1].per_family_instance_index + 1 : 0);
  }
}

TEST(registry, gives_computing_work_no_more_threads_than_cpus_and_waiting_work_more) {
  unsigned most_computing = 0;
  unsigned most_waiting = 0;
  for (const row& each : suite_rows(suite_kind::quick, 6)) {
    if (each.strategy != strategy_kind::parallel) continue;
    unsigned& most = each.workload.starts_with("cpu/") ? most_computing : most_waiting;
    most = std::max(most, each.workers);
  }
  EXPECT_EQ(most_computing, 6u);
  EXPECT_EQ(most_waiting, 64u);
}

TEST(registry, marks_the_strategies_that_stand_on_io_uring) {
  for (const row& each : suite_rows(suite_kind::smoke, 2)) {
    EXPECT_EQ(each.needs_io_uring,
              each.strategy == strategy_kind::concurrent || each.strategy == strategy_kind::hybrid);
  }
}

TEST(registry, has_one_unit_split_over_all_workers_where_that_can_be_done) {
  std::set<std::string> split;
  for (const row& each : suite_rows(suite_kind::quick, 4)) {
    if (each.strategy != strategy_kind::parallel || each.depth >= each.workers) continue;
    EXPECT_EQ(each.depth, 1u) << each.name;
    EXPECT_TRUE(find_workload(each.workload)->splits) << each.name;
    split.insert(each.name);
  }
  for (const workload_definition& definition : registered_workloads()) {
    if (!definition.splits || definition.name.starts_with("peers/")) continue;
    for (const std::string& variant : definition.variants) {
      const std::string subject = definition.name + (variant.empty() ? "" : "/" + variant);
      EXPECT_TRUE(split.contains(subject + "/parallel/depth:1/workers:4/process_time/real_time")) << subject;
    }
  }
}

TEST(registry, hides_the_workloads_for_tests_unless_asked) {
  const auto has_test_rows = [] {
    return std::ranges::any_of(suite_rows(suite_kind::quick, 2),
                               [](const row& each) { return each.workload.starts_with("test/"); });
  };
  ::unsetenv("WAITWORK_TEST_WORKLOADS");
  EXPECT_FALSE(has_test_rows());
  ::setenv("WAITWORK_TEST_WORKLOADS", "1", 1);
  EXPECT_TRUE(has_test_rows());
  ::unsetenv("WAITWORK_TEST_WORKLOADS");
}

TEST(registry, has_the_peers_in_a_suite_of_their_own) {
  const auto is_peer = [](const row& each) { return each.workload.starts_with("peers/"); };
  for (const suite_kind suite : {suite_kind::smoke, suite_kind::quick, suite_kind::full}) {
    EXPECT_TRUE(std::ranges::none_of(suite_rows(suite, 2), is_peer));
  }
  const std::vector<row> peers = suite_rows(suite_kind::peers, 2);
  EXPECT_FALSE(peers.empty());
  for (const row& each : peers) {
    EXPECT_TRUE(is_peer(each)) << each.name;
    const workload_definition& definition = *find_workload(each.workload);
    EXPECT_EQ(each.strategy, definition.splits ? strategy_kind::parallel : strategy_kind::concurrent) << each.name;
    EXPECT_TRUE(std::ranges::find(definition.depths, each.depth) != definition.depths.end()) << each.name;
  }
}

TEST(registry, compares_peers_that_compute_by_one_worker_and_by_all) {
  std::set<unsigned> workers;
  for (const row& each : suite_rows(suite_kind::peers, 4)) {
    if (each.strategy != strategy_kind::parallel) continue;
    workers.insert(each.workers);
    EXPECT_FALSE(each.needs_io_uring) << each.name;
  }
  EXPECT_EQ(workers, (std::set{1u, 4u}));
}

TEST(registry, compares_the_strategies_of_a_variant_and_the_variants_of_a_peer) {
  for (const row& each : suite_rows(suite_kind::quick, 2)) EXPECT_EQ(each.subject, each.workload + "/" + each.variant);
  for (const row& each : suite_rows(suite_kind::peers, 2)) EXPECT_EQ(each.subject, each.workload);
}

TEST(registry, compares_every_peer_with_ours) {
  std::set<std::string> with_ours;
  for (const row& each : suite_rows(suite_kind::peers, 2)) {
    if (each.variant == "waitwork") with_ours.insert(each.subject);
  }
  for (const row& each : suite_rows(suite_kind::peers, 2)) EXPECT_TRUE(with_ours.contains(each.subject)) << each.name;
}

TEST(registry, knows_its_suites_by_name) {
  EXPECT_EQ(suite_from("quick"), suite_kind::quick);
  EXPECT_EQ(suite_from("peers"), suite_kind::peers);
  EXPECT_EQ(suite_from("quik"), std::nullopt);
}

}  // namespace
}  // namespace waitwork::bench
