// SPDX-License-Identifier: Apache-2.0
#include <waitwork/hybrid/offload.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/base/random.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/hybrid/blocking_pool.hpp>
#include <waitwork/io/remote.hpp>
#include <waitwork/io/timeout.hpp>
#include <waitwork/io/timer.hpp>

namespace waitwork {
namespace {

class offloads : public ::testing::Test {
 protected:
  arena workers_{2, callers::hand_in};
  loop here_;
};

TEST_F(offloads, run_on_another_thread_and_resume_at_home) {
  const auto body = [this]() -> task<void> {
    const std::thread::id home = std::this_thread::get_id();
    auto work = [] { return std::this_thread::get_id(); };
    const std::thread::id away = co_await offload(workers_, work);
    EXPECT_NE(away, home);
    EXPECT_EQ(std::this_thread::get_id(), home);
  };
  here_.run(body());
}

TEST_F(offloads, bring_back_values_that_only_move) {
  const auto body = [this]() -> task<void> {
    auto work = [] { return std::make_unique<int>(9); };
    const std::unique_ptr<int> value = co_await offload(workers_, work);
    EXPECT_EQ(*value, 9);
  };
  here_.run(body());
}

TEST_F(offloads, bring_back_exceptions) {
  const auto body = [this]() -> task<std::string> {
    auto work = []() -> int { throw std::runtime_error("from a worker"); };
    std::string caught;
    try {
      const int value = co_await offload(workers_, work);
      caught = std::to_string(value);
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    co_return caught;
  };
  EXPECT_EQ(here_.run(body()), "from a worker");
}

TEST_F(offloads, let_the_loop_go_on_meanwhile) {
  std::atomic<bool> timer_fired{false};
  const auto computing = [&]() -> task<void> {
    // Ends only once the loop has served a timer: a loop that computed by itself would never get here.
    auto work = [&timer_fired] {
      while (!timer_fired.load()) std::this_thread::yield();
    };
    co_await offload(workers_, work);
  };
  const auto waiting = [&]() -> task<void> {
    co_await sleep_for(std::chrono::milliseconds(1));
    timer_fired = true;
  };
  const auto body = [&]() -> task<void> { co_await when_all(computing(), waiting()); };
  here_.run(body());
}

TEST_F(offloads, by_the_thousand_all_come_back) {
  const auto one = [this](long value) -> task<long> {
    auto work = [value] { return value; };
    const long result = co_await offload(workers_, work);
    co_return result;
  };
  const auto body = [&]() -> task<long> {
    std::vector<task<long>> all;
    for (long i = 0; i < 20'000; ++i) all.push_back(one(i));
    const std::vector<long> values = co_await when_all(std::move(all));
    long sum = 0;
    for (const long value : values) sum += value;
    co_return sum;
  };
  EXPECT_EQ(here_.run(body()), 20'000L * 19'999L / 2);
}

TEST_F(offloads, that_wait_for_a_worker_are_taken_back_by_a_stop) {
  arena one_worker(1, callers::hand_in);
  std::atomic<bool> free_to_go{false};
  bool ran = false;
  const auto computing = [&]() -> task<void> {
    auto work = [&free_to_go] {
      while (!free_to_go) std::this_thread::yield();
    };
    co_await offload(one_worker, work);
  };
  const auto waiting = [&]() -> task<void> {
    auto work = [&ran] { ran = true; };
    const result<void> outcome = co_await with_timeout(std::chrono::milliseconds(1), offload(one_worker, work));
    EXPECT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error(), std::errc::timed_out);
    free_to_go = true;
  };
  const auto body = [&]() -> task<void> { co_await when_all(computing(), waiting()); };
  here_.run(body());
  EXPECT_FALSE(ran);
}

TEST_F(offloads, are_not_begun_under_a_past_stop) {
  bool ran = false;
  auto work = [&ran] { ran = true; };
  const auto stopped = [&](arena* workers) -> task<void> {
    stop_source stop;
    stop.request_stop();
    co_await with_stop(stop, offload_or_inline(workers, work));
  };
  EXPECT_THROW(here_.run(stopped(&workers_)), cancelled);
  EXPECT_THROW(here_.run(stopped(nullptr)), cancelled);
  EXPECT_FALSE(ran);
}

// The stop meets work that waits, that is being handed over, that runs and that has run.
TEST_F(offloads, survive_stops_at_any_moment) {
  std::atomic<int> begun{0};
  int ended = 0;
  const auto lane = [&](std::uint64_t seed) -> task<void> {
    splitmix64 random(seed);
    for (int round = 0; round < 300; ++round) {
      auto work = [&begun] { ++begun; };
      stop_source stop;
      const std::uint64_t patience = random.below(10);
      const auto request = [&]() -> task<void> {
        for (std::uint64_t i = 0; i < patience; ++i) co_await yield();
        stop.request_stop();
      };
      const auto compute = [&]() -> task<void> {
        try {
          co_await with_stop(stop, offload(workers_, work));
          ++ended;
        } catch (const cancelled&) {
        }
      };
      co_await when_all(compute(), request());
    }
  };
  const auto body = [&]() -> task<void> {
    std::vector<task<void>> lanes;
    for (std::uint64_t seed = 0; seed < 8; ++seed) lanes.push_back(lane(seed));
    co_await when_all(std::move(lanes));
  };
  here_.run(body());
  EXPECT_EQ(begun, ended);
}

// Async inside blocking inside computing inside async: whatever is on the way has a thread of its own.
TEST_F(offloads, can_be_inside_what_another_thread_runs) {
  const remote home = here_.remote();
  blocking_pool pool;
  const auto innermost = [this]() -> task<int> {
    auto work = [] { return 1; };
    co_return co_await offload(workers_, work);
  };
  const auto body = [&]() -> task<int> {
    auto blocking = [&] { return home.spawn(innermost()).get() + 1; };
    const int blocked = co_await offload_blocking(pool, blocking);
    auto work = [&] {
      loop inner;
      return inner.run(innermost()) + blocked;
    };
    co_return co_await offload(workers_, work);
  };
  EXPECT_EQ(here_.run(body()), 3);
}

TEST_F(offloads, with_no_arena_compute_here_and_take_turns) {
  std::string order;
  const auto worker = [&order](char name) -> task<void> {
    for (int i = 0; i < 3; ++i) {
      auto work = [&order, name] { order += name; };
      co_await offload_or_inline(nullptr, work);
    }
  };
  const auto body = [&]() -> task<void> { co_await when_all(worker('a'), worker('b')); };
  here_.run(body());
  EXPECT_EQ(order, "ababab");
}

}  // namespace
}  // namespace waitwork
