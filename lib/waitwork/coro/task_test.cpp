// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/task.hpp>

#include <gtest/gtest.h>

#include <coroutine>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/event.hpp>
#include <waitwork/coro/this_task.hpp>

namespace waitwork {
namespace {

static_assert(!std::is_copy_constructible_v<task<int>>);
static_assert(std::is_nothrow_move_constructible_v<task<int>>);

task<int> ready_value(int value) { co_return value; }

task<int> failing(const char* what) {
  throw std::runtime_error(what);
  co_return 0;
}

TEST(task, does_not_start_before_it_is_awaited) {
  bool started = false;
  const auto body = [&started]() -> task<void> {
    started = true;
    co_return;
  };
  {
    const task<void> never_awaited = body();
    EXPECT_FALSE(started);
  }
  EXPECT_FALSE(started);
  run_for_test(body());
  EXPECT_TRUE(started);
}

TEST(task, hands_its_value_to_its_awaiter) { EXPECT_EQ(run_for_test(ready_value(42)), 42); }

TEST(task, hands_over_values_that_only_move) {
  const auto body = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  EXPECT_EQ(*run_for_test(body()), 7);
}

TEST(task, carries_an_exception_through_every_level) {
  const auto middle = []() -> task<int> {
    const int value = co_await failing("deep");
    co_return value + 1;
  };
  EXPECT_THROW(run_for_test(middle()), std::runtime_error);
}

TEST(task, can_be_caught_inside_the_awaiting_coroutine) {
  const auto body = []() -> task<std::string> {
    std::string caught;
    try {
      const int value = co_await failing("caught");
      caught = std::to_string(value);
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    co_return caught;
  };
  EXPECT_EQ(run_for_test(body()), "caught");
}

TEST(task, that_suspends_resumes_its_parent_when_it_completes) {
  manual_event event;
  std::vector<int> order;
  const auto child = [&]() -> task<int> {
    order.push_back(1);
    co_await event.wait();
    order.push_back(3);
    co_return 10;
  };
  const auto parent = [&]() -> task<int> {
    const int value = co_await child();
    order.push_back(4);
    co_return value + 1;
  };
  started_for_test<int> running(parent());
  order.push_back(2);
  EXPECT_FALSE(running.done());
  event.set();
  EXPECT_TRUE(running.done());
  EXPECT_EQ(running.take(), 11);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
}

TEST(task, destroys_the_frame_of_a_child_that_was_never_started) {
  const auto counted = std::make_shared<int>(0);
  {
    const auto child = [](std::shared_ptr<int> held) -> task<void> {
      EXPECT_NE(held, nullptr);
      co_return;
    };
    const task<void> never = child(counted);
    EXPECT_EQ(counted.use_count(), 2);
  }
  EXPECT_EQ(counted.use_count(), 1);
}

// At -O0 and under sanitizers symmetric transfer is not a tail call; a runtime that relies on it dies here.
TEST(task, awaits_a_million_ready_children_on_one_stack_frame) {
  const auto body = []() -> task<long> {
    long sum = 0;
    for (int i = 0; i < 1'000'000; ++i) sum += co_await ready_value(1);
    co_return sum;
  };
  EXPECT_EQ(run_for_test(body()), 1'000'000);
}

TEST(task, of_a_child_that_suspends_each_time_keeps_the_stack_flat) {
  manual_event event;
  const auto child = [&event]() -> task<int> {
    co_await event.wait();
    co_return 1;
  };
  const auto body = [&child]() -> task<long> {
    long sum = 0;
    for (int i = 0; i < 200'000; ++i) sum += co_await child();
    co_return sum;
  };
  started_for_test<long> running(body());
  while (!running.done()) event.set();
  EXPECT_EQ(running.take(), 200'000);
}

TEST(task, runs_under_the_stop_token_of_whoever_awaits_it_not_of_whoever_made_it) {
  stop_source source;
  const auto child = []() -> task<stop_source*> {
    const stop_token token = co_await this_task::token();
    co_return token.source();
  };
  task<stop_source*> made_elsewhere = child();
  const auto parent = [&]() -> task<stop_source*> { co_return co_await std::move(made_elsewhere); };
  EXPECT_EQ(run_for_test(parent(), &source), &source);
}

TEST(task, that_is_awaited_after_a_stop_runs_up_to_its_first_wait) {
  stop_source source;
  event ready;
  ready.set();
  std::vector<int> order;
  const auto child = [&]() -> task<void> {
    order.push_back(1);
    co_await ready.wait();
    order.push_back(2);
  };
  const auto parent = [&]() -> task<void> {
    source.request_stop();
    co_await child();
  };
  EXPECT_THROW(run_for_test(parent(), &source), cancelled);
  EXPECT_EQ(order, (std::vector<int>{1}));
}

TEST(task, destroys_its_locals_and_then_its_parameters_before_its_awaiter_goes_on) {
  std::vector<int> order;
  class noted {
   public:
    noted(std::vector<int>& log, int number) : log_(&log), number_(number) {}
    noted(noted&& other) noexcept : log_(std::exchange(other.log_, nullptr)), number_(other.number_) {}
    ~noted() {
      if (log_ != nullptr) log_->push_back(number_);
    }

   private:
    std::vector<int>* log_;
    int number_;
  };
  const auto child = [&](noted) -> task<int> {
    const noted local(order, 1);
    co_await yield();
    co_return 0;
  };
  const auto parent = [&]() -> task<void> {
    const int value = co_await child(noted(order, 2));
    order.push_back(3 + value);
  };
  run_for_test(parent());
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(task, awaited_again_after_it_threw_is_a_bug) {
  const auto body = []() -> task<void> {
    task<int> once = failing("first");
    try {
      const int value = co_await std::move(once);
      EXPECT_EQ(value, 0) << "not reached";
    } catch (const std::runtime_error&) {
    }
    const int again = co_await std::move(once);
    EXPECT_EQ(again, 0) << "not reached";
  };
  EXPECT_DEATH(run_for_test(body()), "already awaited");
}

TEST(task, awaited_twice_is_a_bug) {
  const auto body = []() -> task<void> {
    task<int> once = ready_value(1);
    const int first = co_await std::move(once);
    const int second = co_await std::move(once);
    EXPECT_EQ(first, second);
  };
  EXPECT_DEATH(run_for_test(body()), "already awaited");
}

}  // namespace
}  // namespace waitwork
