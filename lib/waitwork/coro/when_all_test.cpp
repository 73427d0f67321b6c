// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/when_all.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/event.hpp>
#include <waitwork/coro/this_task.hpp>

namespace waitwork {
namespace {

task<int> ready_value(int value) { co_return value; }

task<int> value_after(manual_event& event, int value) {
  co_await event.wait();
  co_return value;
}

task<int> failure_after(manual_event& event, const char* what) {
  co_await event.wait();
  throw std::runtime_error(what);
}

TEST(when_all, gives_the_values_in_argument_order_whoever_ends_first) {
  manual_event first;
  manual_event second;
  const auto body = [&]() -> task<std::string> {
    const auto [a, b, c] = co_await when_all(value_after(first, 1), value_after(second, 2), ready_value(3));
    co_return std::to_string(a) + std::to_string(b) + std::to_string(c);
  };
  started_for_test<std::string> running(body());
  second.set();
  EXPECT_FALSE(running.done());
  first.set();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take(), "123");
}

TEST(when_all, of_ready_children_does_not_suspend) {
  const auto body = []() -> task<int> {
    const auto [a, nothing] = co_await when_all(ready_value(5), []() -> task<void> { co_return; }());
    static_assert(std::is_same_v<decltype(nothing), const std::monostate>);
    co_return a;
  };
  EXPECT_EQ(run_for_test(body()), 5);
}

TEST(when_all, joins_every_child_before_it_throws_the_first_failure) {
  manual_event early;
  manual_event late;
  bool late_ended = false;
  const auto slow = [&]() -> task<int> {
    co_await late.wait();
    late_ended = true;
    co_return 1;
  };
  const auto body = [&]() -> task<std::string> {
    std::string caught;
    try {
      co_await when_all(slow(), failure_after(early, "early"));
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    co_return caught;
  };
  started_for_test<std::string> running(body());
  early.set();
  EXPECT_FALSE(running.done());
  late.set();
  ASSERT_TRUE(running.done());
  EXPECT_TRUE(late_ended);
  EXPECT_EQ(running.take(), "early");
}

TEST(when_all, of_two_failures_throws_the_first_in_argument_order) {
  manual_event first;
  manual_event second;
  const auto body = [&]() -> task<std::string> {
    std::string caught;
    try {
      co_await when_all(failure_after(first, "first"), failure_after(second, "second"));
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    co_return caught;
  };
  started_for_test<std::string> running(body());
  second.set();
  first.set();
  EXPECT_EQ(running.take(), "first");
}

TEST(when_all, gives_its_children_the_token_of_whoever_awaits_it) {
  stop_source source;
  const auto child = []() -> task<stop_source*> {
    const stop_token token = co_await this_task::token();
    co_return token.source();
  };
  const auto body = [&]() -> task<bool> {
    const auto [a, b] = co_await when_all(child(), child());
    std::vector<task<stop_source*>> children;
    children.push_back(child());
    const std::vector<stop_source*> c = co_await when_all(std::move(children));
    co_return a == &source&& b == &source&& c.front() == &source;
  };
  EXPECT_TRUE(run_for_test(body(), &source));
}

TEST(when_all, that_is_stopped_joins_every_child_and_throws_cancelled) {
  driver_for_test driver;
  stop_source source;
  event never;
  pending_for_test slow;
  const auto waits = [&]() -> task<void> { co_await never.wait(); };
  const auto waits_longer = [&]() -> task<void> { co_await slow.wait(); };
  const auto body = [&]() -> task<void> { co_await when_all(waits(), waits_longer(), waits()); };
  started_for_test<void> running(body(), &source);
  source.request_stop();
  driver.run_until_idle();
  EXPECT_TRUE(slow.stop_heard());
  EXPECT_FALSE(running.done());
  slow.complete();
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_THROW(running.take(), cancelled);
}

TEST(when_all, of_nothing_is_ready) {
  const auto body = []() -> task<std::size_t> {
    const std::vector<int> values = co_await when_all(std::vector<task<int>>());
    co_return values.size();
  };
  EXPECT_EQ(run_for_test(body()), 0u);
}

TEST(when_all, gathers_a_million_ready_children_on_a_flat_stack) {
  const auto body = []() -> task<long> {
    std::vector<task<int>> children;
    for (int i = 0; i < 1'000'000; ++i) children.push_back(ready_value(1));
    const std::vector<int> values = co_await when_all(std::move(children));
    long sum = 0;
    for (const int value : values) sum += value;
    co_return sum;
  };
  EXPECT_EQ(run_for_test(body()), 1'000'000);
}

}  // namespace
}  // namespace waitwork
