// SPDX-License-Identifier: Apache-2.0
#include <harness/drive/strategy.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/io/timer.hpp>
#include <waitwork/parallel/split.hpp>

namespace waitwork::bench {

// Found by GoogleTest: what it prints instead of the bytes of a row.
void PrintTo(const row& shown, std::ostream* out) {
  *out << to_string(shown.strategy) << " depth " << shown.depth << " workers " << shown.workers;
}

namespace {

constexpr auto little = std::chrono::microseconds(100);

// Waits a little and notes who did what, and how many at once. Units wait for each other until `meeting` of them have
// been in flight at once: a strategy that never gets there is caught by the test's time limit, a slow machine is not.
class noting : public workload {
 public:
  explicit noting(unsigned lanes) : busy_(lanes), done_(max_units) {}

  answer run(unit work) override {
    begin(work);
    do std::this_thread::sleep_for(little);
    while (most_.load() < meeting);
    return end(work);
  }

  task<answer> run(async_context& context, unit work) override {
    begin(work);
    do co_await sleep_for(little);
    while (most_.load() < meeting);
    auto compute = [this] { computed_on_.store(std::this_thread::get_id()); };
    co_await context.compute(compute);
    co_return end(work);
  }

  answer run_split(arena& workers, unit work) override {
    begin(work);
    split(workers, workers.workers(), 1, [](const part&) { std::this_thread::sleep_for(little); });
    return end(work);
  }

  answer expected(std::uint64_t index) const override { return index == wrong_unit ? 1 : index * 3; }

  bool did_exactly(std::uint64_t count) const {
    for (std::uint64_t index = 0; index < max_units; ++index) {
      if (done_[index].load() != (index < count ? 1 : 0)) return false;
    }
    return true;
  }
  unsigned most_at_once() const { return most_.load(); }
  std::thread::id computed_on() const { return computed_on_.load(); }

  static constexpr std::uint64_t max_units = 600;
  std::uint64_t wrong_unit = max_units;
  std::uint64_t failing_unit = max_units;
  unsigned meeting = 1;

 private:
  void begin(unit work) {
    if (work.index == failing_unit) throw std::runtime_error("this unit fails");
    EXPECT_LT(work.lane, busy_.size());
    EXPECT_FALSE(busy_[work.lane].exchange(true)) << "a lane has one unit at a time";
    const unsigned now = running_.fetch_add(1) + 1;
    unsigned most = most_.load();
    while (most < now && !most_.compare_exchange_weak(most, now)) {
    }
  }
  answer end(unit work) {
    running_.fetch_sub(1);
    busy_[work.lane] = false;
    done_[work.index].fetch_add(1);
    return work.index * 3;
  }

  std::vector<std::atomic<bool>> busy_;
  std::vector<std::atomic<int>> done_;
  std::atomic<unsigned> running_{0};
  std::atomic<unsigned> most_{0};
  std::atomic<std::thread::id> computed_on_;
};

row row_of(strategy_kind strategy, unsigned depth, unsigned workers) {
  row made;
  made.strategy = strategy;
  made.depth = depth;
  made.workers = workers;
  return made;
}

class strategies : public ::testing::TestWithParam<row> {};

TEST_P(strategies, do_every_unit_once_and_keep_within_their_size) {
  noting work(GetParam().depth);
  work.meeting = GetParam().depth;
  const std::unique_ptr<strategy> driver = make_strategy(GetParam());
  const unit_log log = driver->drive(work, 0, 300);
  EXPECT_TRUE(work.did_exactly(300));
  EXPECT_EQ(log.latency.count(), 300u);
  EXPECT_EQ(log.wrong, 0u);
  EXPECT_EQ(work.most_at_once(), GetParam().depth) << "as many units in flight as the row says";
}

TEST_P(strategies, can_be_driven_again) {
  noting work(GetParam().depth);
  const std::unique_ptr<strategy> driver = make_strategy(GetParam());
  driver->drive(work, 0, 20);
  driver->drive(work, 20, 30);
  EXPECT_TRUE(work.did_exactly(50));
}

TEST_P(strategies, count_wrong_answers_and_name_the_first) {
  noting work(GetParam().depth);
  work.wrong_unit = 11;
  const std::unique_ptr<strategy> driver = make_strategy(GetParam());
  const unit_log log = driver->drive(work, 0, 40);
  EXPECT_EQ(log.wrong, 1u);
  EXPECT_EQ(log.first_wrong_unit, 11u);
}

TEST_P(strategies, throw_what_a_unit_throws_and_take_no_more_units) {
  noting work(GetParam().depth);
  work.failing_unit = 5;
  const std::unique_ptr<strategy> driver = make_strategy(GetParam());
  EXPECT_THROW(driver->drive(work, 0, 600), std::runtime_error);
  EXPECT_FALSE(work.did_exactly(600));
}

INSTANTIATE_TEST_SUITE_P(all, strategies,
                         ::testing::Values(row_of(strategy_kind::sequential, 1, 1),
                                           row_of(strategy_kind::concurrent, 1, 1),
                                           row_of(strategy_kind::concurrent, 64, 1),
                                           row_of(strategy_kind::parallel, 1, 1),
                                           row_of(strategy_kind::parallel, 16, 16),
                                           row_of(strategy_kind::parallel, 1, 4), row_of(strategy_kind::hybrid, 1, 2),
                                           row_of(strategy_kind::hybrid, 5, 2), row_of(strategy_kind::hybrid, 64, 3)),
                         [](const auto& instance) {
                           return std::string(to_string(instance.param.strategy)) + "_" +
                                  std::to_string(instance.param.depth) + "_" + std::to_string(instance.param.workers);
                         });

TEST(concurrent, computes_on_the_loops_own_thread) {
  noting work(4);
  make_strategy(row_of(strategy_kind::concurrent, 4, 1))->drive(work, 0, 10);
  EXPECT_EQ(work.computed_on(), std::this_thread::get_id());
}

TEST(hybrid, computes_elsewhere) {
  noting work(4);
  make_strategy(row_of(strategy_kind::hybrid, 4, 2))->drive(work, 0, 10);
  EXPECT_NE(work.computed_on(), std::this_thread::get_id());
  EXPECT_NE(work.computed_on(), std::thread::id());
}

TEST(loops, are_counted_for_the_strategies_that_have_them) {
  noting work(4);
  const std::unique_ptr<strategy> concurrent = make_strategy(row_of(strategy_kind::concurrent, 4, 1));
  concurrent->drive(work, 0, 10);
  ASSERT_EQ(concurrent->loops().size(), 1u);
  EXPECT_GE(concurrent->loops()[0].timers_expired, 10u);
  const std::unique_ptr<strategy> hybrid = make_strategy(row_of(strategy_kind::hybrid, 4, 2));
  hybrid->drive(work, 10, 10);
  const std::vector<loop_counters> both = hybrid->loops();
  ASSERT_EQ(both.size(), 2u);
  EXPECT_GE(both[0].timers_expired + both[1].timers_expired, 10u);
  EXPECT_EQ(both[0].posts_taken + both[1].posts_taken, 10u);
  EXPECT_TRUE(make_strategy(row_of(strategy_kind::parallel, 4, 4))->loops().empty());
}

}  // namespace
}  // namespace waitwork::bench
