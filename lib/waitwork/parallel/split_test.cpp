// SPDX-License-Identifier: Apache-2.0
#include <waitwork/parallel/split.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace waitwork {
namespace {

class split_over : public ::testing::TestWithParam<sharing> {};
INSTANTIATE_TEST_SUITE_P(each_sharing, split_over, ::testing::Values(sharing::stealing, sharing::even),
                         [](const auto& how) { return how.param == sharing::even ? "even" : "stealing"; });

TEST_P(split_over, does_everything_once) {
  for (const unsigned workers : {1u, 2u, 3u, 8u}) {
    arena here(workers);
    for (const std::size_t count : {0uz, 1uz, 2uz, 7uz, 64uz, 1000uz}) {
      for (const std::size_t grain : {1uz, 3uz, 64uz, 5000uz}) {
        std::vector<std::atomic<int>> done(count);
        split(
            here, count, grain,
            [&](const part& some) {
              EXPECT_LT(some.begin, some.end);
              EXPECT_LT(some.worker, workers);
              for (std::size_t i = some.begin; i < some.end; ++i) done[i].fetch_add(1);
            },
            GetParam());
        EXPECT_TRUE(std::ranges::all_of(done, [](const std::atomic<int>& times) { return times == 1; }))
            << count << " by " << grain << " over " << workers;
      }
    }
  }
}

TEST_P(split_over, gives_each_worker_one_part_at_a_time) {
  constexpr unsigned workers = 4;
  arena here(workers);
  here.warm_up();
  std::vector<std::atomic<int>> busy(workers);
  split(
      here, 400, 1,
      [&](const part& some) {
        EXPECT_EQ(busy[some.worker].fetch_add(1), 0);
        std::this_thread::yield();
        busy[some.worker].fetch_sub(1);
      },
      GetParam());
}

TEST_P(split_over, rethrows_what_a_part_throws_and_can_be_used_again) {
  arena here(2);
  EXPECT_THROW(split(
                   here, 100, 1,
                   [](const part& some) {
                     if (some.begin <= 50 && 50 < some.end) throw std::runtime_error("this part fails");
                   },
                   GetParam()),
               std::runtime_error);
  std::atomic<std::size_t> done = 0;
  split(here, 100, 1, [&](const part& some) { done += some.end - some.begin; }, GetParam());
  EXPECT_EQ(done, 100u);
}

TEST(split_stealing, has_more_than_one_worker_take_part) {
  constexpr unsigned workers = 3;
  arena here(workers);
  here.warm_up();
  // Every part waits until all workers have one.
  std::atomic<unsigned> arrived = 0;
  split(here, workers, 1, [&](const part&) {
    ++arrived;
    while (arrived < workers) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, workers);
}

TEST(split_tiles, covers_every_element_once_and_no_tile_is_too_large) {
  arena here(3);
  constexpr std::size_t rows = 37, columns = 53;
  std::vector<std::atomic<int>> done(rows * columns);
  split_tiles(here, rows, 8, columns, 16, [&](const tile& some) {
    EXPECT_LE(some.row_end - some.row, 8u);
    EXPECT_LE(some.column_end - some.column, 16u);
    for (std::size_t row = some.row; row < some.row_end; ++row) {
      for (std::size_t column = some.column; column < some.column_end; ++column) ++done[row * columns + column];
    }
  });
  EXPECT_TRUE(std::ranges::all_of(done, [](const std::atomic<int>& times) { return times == 1; }));
}

TEST(split_inside_a_part, never_has_more_parts_at_work_than_workers) {
  constexpr unsigned workers = 2;
  arena here(workers);
  here.warm_up();
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::atomic<std::size_t> outer_parts = 0;
  std::atomic<std::size_t> done = 0;
  std::vector<std::atomic<int>> outer_busy(workers);
  split(here, 16, 1, [&](const part& outer) {
    EXPECT_EQ(outer_busy[outer.worker].fetch_add(1), 0) << "a worker that waits takes up no other part";
    ++outer_parts;
    split(here, 16, 1, [&](const part& inner) {
      const int now = ++running;
      int before = most;
      while (before < now && !most.compare_exchange_weak(before, now)) {
      }
      std::this_thread::yield();
      done += inner.end - inner.begin;
      --running;
    });
    outer_busy[outer.worker].fetch_sub(1);
  });
  EXPECT_LE(most, static_cast<int>(workers));
  EXPECT_EQ(done, 16 * outer_parts);
}

TEST(split_inside_a_part, over_another_arena_stops_the_program) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        arena here(1);
        arena other(1);
        split(here, 1, 1, [&](const part&) { split(other, 1, 1, [](const part&) {}); });
      },
      "same arena");
}

TEST(strips, are_four_a_worker_unless_their_halo_is_too_large) {
  EXPECT_EQ(strip_rows(1080, 2, 4), 135u);
  EXPECT_EQ(strip_rows(1080, 64, 4), 40u);
  EXPECT_EQ(strip_rows(3, 2, 0), 1u);
  EXPECT_EQ(strip_rows(0, 2, 0), 1u);
}

}  // namespace
}  // namespace waitwork
