// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/when_any.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/event.hpp>
#include <waitwork/coro/this_task.hpp>

namespace waitwork {
namespace {

task<int> value_after(event& may_end, int value) {
  co_await may_end.wait();
  co_return value;
}

task<int> value_of(pending_for_test& operation, int value) {
  co_await operation.wait();
  co_return value;
}

task<int> failure_after(event& may_fail, const char* what) {
  co_await may_fail.wait();
  throw std::runtime_error(what);
}

task<int> ready_value(int value) { co_return value; }

TEST(when_any, gives_the_first_to_complete_and_who_it_was) {
  driver_for_test driver;
  event never;
  event first;
  const auto text = [&]() -> task<std::string> {
    co_await first.wait();
    co_return "text";
  };
  const auto body = [&]() -> task<std::string> {
    const auto won = co_await when_any(value_after(never, 1), text());
    static_assert(std::is_same_v<decltype(won), const std::variant<int, std::string>>);
    co_return std::to_string(won.index()) + std::get<1>(won);
  };
  started_for_test<std::string> running(body());
  first.set();
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take(), "1text");
}

TEST(when_any, tells_children_of_one_type_apart) {
  const auto body = []() -> task<std::size_t> {
    event never;
    const auto won = co_await when_any(value_after(never, 1), value_after(never, 2), ready_value(3));
    co_return won.index();
  };
  EXPECT_EQ(run_for_test(body()), 2u);
}

TEST(when_any, of_a_vector_gives_index_and_value) {
  driver_for_test driver;
  std::vector<event> may_end(5);
  const auto body = [&]() -> task<std::string> {
    std::vector<task<int>> children;
    for (int i = 0; i < 5; ++i) children.push_back(value_after(may_end[static_cast<std::size_t>(i)], 10 * i));
    const auto [index, value] = co_await when_any(std::move(children));
    co_return std::to_string(index) + ":" + std::to_string(value);
  };
  started_for_test<std::string> running(body());
  may_end[3].set();
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take(), "3:30");
}

TEST(when_any, of_a_vector_without_values_gives_the_index) {
  const auto nothing = []() -> task<void> { co_return; };
  const auto body = [&]() -> task<std::size_t> {
    std::vector<task<void>> children;
    children.push_back(nothing());
    const any_result<void> won = co_await when_any(std::move(children));
    co_return won.index;
  };
  EXPECT_EQ(run_for_test(body()), 0u);
}

TEST(when_any, joins_a_loser_that_is_slow_to_stop) {
  driver_for_test driver;
  event first;
  pending_for_test slow;
  const auto body = [&]() -> task<std::size_t> {
    const auto won = co_await when_any(value_of(slow, 1), value_after(first, 2));
    co_return won.index();
  };
  started_for_test<std::size_t> running(body());
  first.set();
  driver.run_until_idle();
  EXPECT_TRUE(slow.stop_heard());
  EXPECT_FALSE(running.done()) << "nothing of a loser runs on";
  slow.complete_as_cancelled();
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take(), 1u);
}

TEST(when_any, keeps_the_first_if_a_loser_completes_all_the_same_and_destroys_what_it_gives) {
  driver_for_test driver;
  event first;
  pending_for_test accepting;
  const auto connection = std::make_shared<int>(0);
  const auto accept = [&]() -> task<std::shared_ptr<int>> {
    co_await accepting.wait();
    co_return connection;
  };
  const auto body = [&]() -> task<std::size_t> {
    const auto won = co_await when_any(accept(), value_after(first, 1));
    EXPECT_EQ(connection.use_count(), 1);
    co_return won.index();
  };
  started_for_test<std::size_t> running(body());
  first.set();
  driver.run_until_idle();
  accepting.complete();
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take(), 1u);
}

TEST(when_any, of_two_that_are_ready_in_one_turn_gives_the_one_that_resumes_first) {
  driver_for_test driver;
  event both;
  const auto body = [&]() -> task<std::size_t> {
    const auto won = co_await when_any(value_after(both, 1), value_after(both, 2));
    co_return won.index();
  };
  started_for_test<std::size_t> running(body());
  both.set();
  driver.run_until_idle();
  EXPECT_EQ(running.take(), 0u);
}

TEST(when_any, does_not_start_those_after_one_that_completes_at_once_and_frees_them) {
  driver_for_test driver;
  event never;
  bool started = false;
  const auto given = std::make_shared<int>(0);
  const auto later = [&started](std::shared_ptr<int> held) -> task<int> {
    started = true;
    co_return *held;
  };
  const auto body = [&]() -> task<std::size_t> {
    const auto won = co_await when_any(value_after(never, 1), ready_value(2), later(given));
    EXPECT_EQ(given.use_count(), 1);
    co_return won.index();
  };
  started_for_test<std::size_t> running(body());
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take(), 1u);
  EXPECT_FALSE(started);
}

TEST(when_any, throws_what_its_winner_throws_once_the_others_have_ended) {
  driver_for_test driver;
  event may_fail;
  pending_for_test slow;
  const auto body = [&]() -> task<void> { co_await when_any(value_of(slow, 1), failure_after(may_fail, "winner")); };
  started_for_test<void> running(body());
  may_fail.set();
  driver.run_until_idle();
  EXPECT_FALSE(running.done());
  slow.complete_as_cancelled();
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_THROW(running.take(), std::runtime_error);
}

TEST(when_any, throws_what_a_loser_throws_unless_it_only_stopped) {
  for (const bool as_vector : {false, true}) {
    driver_for_test driver;
    event never;
    event first;
    const auto fails_when_stopped = [&]() -> task<int> {
      bool stopped = false;
      try {
        co_await never.wait();
      } catch (const cancelled&) {
        stopped = true;
      }
      if (stopped) throw std::runtime_error("could not say goodbye");
      co_return 0;
    };
    const auto of_tuple = [&]() -> task<void> {
      co_await when_any(value_after(never, 1), fails_when_stopped(), value_after(first, 3));
    };
    const auto of_vector = [&]() -> task<void> {
      std::vector<task<int>> children;
      children.push_back(value_after(never, 1));
      children.push_back(fails_when_stopped());
      children.push_back(value_after(first, 3));
      co_await when_any(std::move(children));
    };
    started_for_test<void> running(as_vector ? of_vector() : of_tuple());
    first.set();
    driver.run_until_idle();
    ASSERT_TRUE(running.done());
    EXPECT_THROW(running.take(), std::runtime_error);
  }
}

TEST(when_any, stopped_from_outside_throws_cancelled_when_all_have_ended) {
  driver_for_test driver;
  stop_source outside;
  event never;
  pending_for_test slow;
  const auto body = [&]() -> task<void> { co_await when_any(value_of(slow, 1), value_after(never, 2)); };
  started_for_test<void> running(body(), &outside);
  outside.request_stop();
  driver.run_until_idle();
  EXPECT_FALSE(running.done());
  slow.complete_as_cancelled();
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_THROW(running.take(), cancelled);
}

TEST(when_any, does_not_stop_the_task_that_awaits_it) {
  const auto body = []() -> task<bool> {
    event never;
    co_await when_any(value_after(never, 1), ready_value(2));
    const stop_token mine = co_await this_task::token();
    co_return !mine.stop_requested();
  };
  stop_source outside;
  EXPECT_TRUE(run_for_test(body(), &outside));
}

TEST(when_any, inside_another_is_stopped_with_it) {
  driver_for_test driver;
  event never;
  event first;
  const auto inner = [&]() -> task<int> {
    const auto won = co_await when_any(value_after(never, 1), value_after(never, 2));
    co_return static_cast<int>(won.index());
  };
  const auto body = [&]() -> task<std::size_t> {
    const auto won = co_await when_any(inner(), value_after(first, 3));
    co_return won.index();
  };
  started_for_test<std::size_t> running(body());
  first.set();
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take(), 1u);
}

TEST(when_any, of_no_tasks_is_a_bug) {
  const auto body = []() -> task<void> { co_await when_any(std::vector<task<int>>()); };
  EXPECT_DEATH(run_for_test(body()), "never comes");
}

}  // namespace
}  // namespace waitwork
