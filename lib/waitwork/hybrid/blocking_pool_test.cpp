// SPDX-License-Identifier: Apache-2.0
#include <waitwork/hybrid/blocking_pool.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/base/random.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/timeout.hpp>
#include <waitwork/io/timer.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

blocking_pool_options of_threads(unsigned threads, nanoseconds keep_idle = 10s) {
  blocking_pool_options options;
  options.threads = threads;
  options.keep_idle = keep_idle;
  return options;
}

// What a call blocks on until the test lets it go.
class gate {
 public:
  void open() { opened_.set_value(); }
  void pass() {
    ++arrived_;
    open_.wait();
  }
  int arrived() const noexcept { return arrived_; }

 private:
  std::promise<void> opened_;
  std::shared_future<void> open_{opened_.get_future()};
  std::atomic<int> arrived_{0};
};

class blocking_calls : public ::testing::Test {
 protected:
  blocking_pool pool_;
  loop here_;
};

TEST_F(blocking_calls, run_on_another_thread_and_resume_at_home) {
  const auto body = [this]() -> task<void> {
    const std::thread::id home = std::this_thread::get_id();
    auto work = [] { return std::this_thread::get_id(); };
    const std::thread::id away = co_await offload_blocking(pool_, work);
    EXPECT_NE(away, home);
    EXPECT_EQ(std::this_thread::get_id(), home);
  };
  here_.run(body());
}

TEST_F(blocking_calls, bring_back_values_that_only_move_and_nothing) {
  const auto body = [this]() -> task<void> {
    auto work = [] { return std::make_unique<int>(9); };
    const std::unique_ptr<int> value = co_await offload_blocking(pool_, work);
    EXPECT_EQ(*value, 9);
    bool ran = false;
    auto quiet = [&ran] { ran = true; };
    co_await offload_blocking(pool_, quiet);
    EXPECT_TRUE(ran);
  };
  here_.run(body());
}

TEST_F(blocking_calls, bring_back_exceptions) {
  const auto body = [this]() -> task<void> {
    auto work = []() -> int { throw std::runtime_error("from a thread"); };
    static_cast<void>(co_await offload_blocking(pool_, work));
  };
  EXPECT_THROW(here_.run(body()), std::runtime_error);
}

TEST_F(blocking_calls, block_at_the_same_time_while_the_loop_goes_on) {
  constexpr int calls = 16;
  gate closed;
  const auto blocking = [&]() -> task<void> {
    auto work = [&closed] { closed.pass(); };
    co_await offload_blocking(pool_, work);
  };
  const auto opening = [&]() -> task<void> {
    while (closed.arrived() < calls) co_await sleep_for(100us);
    closed.open();
  };
  const auto body = [&]() -> task<void> {
    std::vector<task<void>> all;
    for (int i = 0; i < calls; ++i) all.push_back(blocking());
    all.push_back(opening());
    co_await when_all(std::move(all));
  };
  here_.run(body());
  EXPECT_EQ(pool_.counters().threads_peak, static_cast<unsigned>(calls));
}

TEST(blocking_pool, has_callers_wait_their_turn_without_a_thread) {
  constexpr int calls = 10'000;
  blocking_pool pool(of_threads(2));
  loop here;
  const auto one = [&pool](int value) -> task<int> {
    auto work = [value] { return value; };
    co_return co_await offload_blocking(pool, work);
  };
  const auto body = [&]() -> task<long> {
    std::vector<task<int>> all;
    for (int i = 0; i < calls; ++i) all.push_back(one(i));
    const std::vector<int> values = co_await when_all(std::move(all));
    long sum = 0;
    for (const int value : values) sum += value;
    co_return sum;
  };
  EXPECT_EQ(here.run(body()), calls * (calls - 1L) / 2);
  EXPECT_LE(pool.counters().threads_peak, 2u);
  EXPECT_EQ(pool.counters().jobs, static_cast<std::uint64_t>(calls));
}

TEST(blocking_pool, takes_back_a_call_that_still_waits_for_a_thread) {
  blocking_pool pool(of_threads(1));
  loop here;
  gate closed;
  bool ran = false;
  const auto blocking = [&]() -> task<void> {
    auto work = [&closed] { closed.pass(); };
    co_await offload_blocking(pool, work);
  };
  const auto waiting = [&]() -> task<void> {
    auto work = [&ran] { ran = true; };
    const result<void> outcome = co_await with_timeout(1ms, offload_blocking(pool, work));
    EXPECT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error(), std::errc::timed_out);
    closed.open();
  };
  const auto body = [&]() -> task<void> { co_await when_all(blocking(), waiting()); };
  here.run(body());
  EXPECT_FALSE(ran);
  EXPECT_EQ(pool.counters().withdrawn, 1u);
}

TEST_F(blocking_calls, that_run_are_waited_for_and_give_what_they_give) {
  gate closed;
  const auto body = [&]() -> task<void> {
    auto work = [&closed] {
      closed.pass();
      return 5;
    };
    stop_source stop;
    const auto blocking = [&]() -> task<int> { co_return co_await with_stop(stop, offload_blocking(pool_, work)); };
    const auto stopping = [&]() -> task<void> {
      while (closed.arrived() == 0) co_await yield();
      stop.request_stop();
      for (int i = 0; i < 10; ++i) co_await yield();
      closed.open();
    };
    const auto [value, done] = co_await when_all(blocking(), stopping());
    static_cast<void>(done);
    EXPECT_EQ(value, 5);
  };
  here_.run(body());
}

TEST_F(blocking_calls, are_not_begun_under_a_past_stop) {
  bool ran = false;
  const auto body = [&]() -> task<void> {
    auto work = [&ran] { ran = true; };
    stop_source stop;
    stop.request_stop();
    co_await with_stop(stop, offload_blocking(pool_, work));
  };
  EXPECT_THROW(here_.run(body()), cancelled);
  EXPECT_FALSE(ran);
  EXPECT_EQ(pool_.counters().started, 0u);
}

// Two threads for eight callers, threads that end at once when idle, and a stop after a random number of turns: it
// meets calls that wait, that are being handed over, that run and that have run.
TEST(blocking_pool, survives_stops_at_any_moment) {
  blocking_pool pool(of_threads(2, 10us));
  loop here;
  int ended = 0;
  std::atomic<int> begun{0};
  const auto call = [&](std::uint64_t seed) -> task<void> {
    splitmix64 random(seed);
    for (int round = 0; round < 400; ++round) {
      auto work = [&begun, slow = random.below(8) == 0] {
        ++begun;
        if (slow) std::this_thread::sleep_for(20us);
        return 3;
      };
      stop_source stop;
      const std::uint64_t patience = random.below(12);
      const auto request = [&]() -> task<void> {
        for (std::uint64_t i = 0; i < patience; ++i) co_await yield();
        stop.request_stop();
      };
      const auto blocking = [&]() -> task<void> {
        try {
          const int value = co_await with_stop(stop, offload_blocking(pool, work));
          EXPECT_EQ(value, 3);
          ++ended;
        } catch (const cancelled&) {
        }
      };
      co_await when_all(blocking(), request());
    }
  };
  const auto body = [&]() -> task<void> {
    std::vector<task<void>> all;
    for (std::uint64_t seed = 0; seed < 8; ++seed) all.push_back(call(seed));
    co_await when_all(std::move(all));
  };
  here.run(body());
  EXPECT_EQ(begun, ended);
}

TEST(blocking_pool, serves_many_loops) {
  blocking_pool pool(of_threads(3));
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      loop here;
      const auto body = [&]() -> task<void> {
        const std::thread::id home = std::this_thread::get_id();
        for (int i = 0; i < 300; ++i) {
          auto work = [&done] { ++done; };
          co_await offload_blocking(pool, work);
          EXPECT_EQ(std::this_thread::get_id(), home);
        }
      };
      here.run(body());
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(done, 1200);
}

// Nothing outlives a scope, also if what it waits for is on another thread.
TEST_F(blocking_calls, are_joined_by_their_scope_when_another_task_fails) {
  std::atomic<int> running{0};
  const auto blocking = [&]() -> task<void> {
    auto work = [&running] {
      ++running;
      std::this_thread::sleep_for(1ms);
      --running;
    };
    co_await offload_blocking(pool_, work);
  };
  const auto failing = []() -> task<void> {
    co_await yield();
    throw std::runtime_error("first");
  };
  const auto body = [&]() -> task<void> {
    auto inside = [&](scope& children) -> task<void> {
      for (int i = 0; i < 8; ++i) children.spawn(blocking());
      children.spawn(failing());
      co_return;
    };
    co_await with_scope(inside);
  };
  EXPECT_THROW(here_.run(body()), std::runtime_error);
  EXPECT_EQ(running, 0);
}

}  // namespace
}  // namespace waitwork
