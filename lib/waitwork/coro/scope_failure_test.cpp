// SPDX-License-Identifier: Apache-2.0
// Failures, stop requests, and both at once: scope_test.cpp has what goes well.
#include <gtest/gtest.h>

#include <cerrno>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>

#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/event.hpp>
#include <waitwork/coro/scope.hpp>

namespace waitwork {
namespace {

// The message of what `ended` threw; empty if it threw nothing.
template <class T>
std::string failure_of(started_for_test<T>& ended) {
  if (!ended.done()) return "(is not done)";
  try {
    static_cast<void>(ended.take());
  } catch (const std::exception& failure) {
    return failure.what();
  }
  return "";
}

constexpr const char* the_wait_was_cancelled = "the wait was cancelled";

task<void> wait_until(event& may_end) { co_await may_end.wait(); }

task<void> fail_after(event& may_end, const char* what) {
  co_await may_end.wait();
  throw std::runtime_error(what);
}

task<void> fail_when_stopped(event& never, const char* what) {
  bool stopped = false;
  try {
    co_await never.wait();
  } catch (const cancelled&) {
    stopped = true;
  }
  if (stopped) throw std::runtime_error(what);
}

TEST(scope_failure, of_a_child_stops_its_siblings_and_the_body_and_is_thrown_when_they_have_ended) {
  driver_for_test driver;
  event may_fail;
  event never;
  pending_for_test slow_to_stop;
  const auto sibling = [&]() -> task<void> { co_await slow_to_stop.wait(); };
  bool body_stopped = false;
  auto body = [&](scope& children) -> task<void> {
    children.spawn(sibling());
    children.spawn(fail_after(may_fail, "child"));
    try {
      co_await never.wait();
    } catch (const cancelled&) {
      body_stopped = true;
      throw;
    }
  };
  started_for_test<void> running(with_scope(body));
  may_fail.set();
  driver.run_until_idle();
  EXPECT_TRUE(body_stopped);
  EXPECT_TRUE(slow_to_stop.stop_heard());
  EXPECT_FALSE(running.done()) << "the sibling has not ended yet";
  slow_to_stop.complete_as_cancelled();
  driver.run_until_idle();
  EXPECT_EQ(failure_of(running), "child");
}

TEST(scope_failure, of_the_body_stops_the_children) {
  driver_for_test driver;
  event never;
  auto body = [&](scope& children) -> task<int> {
    children.spawn(wait_until(never));
    throw std::runtime_error("body");
    co_return 1;
  };
  started_for_test<int> running(with_scope(body));
  driver.run_until_idle();
  EXPECT_EQ(failure_of(running), "body");
}

TEST(scope_failure, is_the_first_one_and_later_ones_are_not_reported) {
  driver_for_test driver;
  event first;
  event never;
  auto body = [&](scope& children) -> task<void> {
    children.spawn(fail_when_stopped(never, "while stopping"));
    children.spawn(fail_after(first, "first"));
    co_return;
  };
  started_for_test<void> running(with_scope(body));
  first.set();
  driver.run_until_idle();
  EXPECT_EQ(failure_of(running), "first");
}

TEST(scope_failure, of_a_child_inside_spawn_stops_what_is_spawned_after_it) {
  driver_for_test driver;
  event never;
  const auto fails_at_once = []() -> task<void> {
    throw std::runtime_error("at once");
    co_return;
  };
  std::string log;
  const auto later = [&]() -> task<void> {
    log += "started ";
    co_await never.wait();
    log += "never comes here";
  };
  auto body = [&](scope& children) -> task<void> {
    children.spawn(fails_at_once());
    EXPECT_TRUE(children.stop_requested());
    children.spawn(later());
    co_return;
  };
  started_for_test<void> running(with_scope(body));
  EXPECT_EQ(failure_of(running), "at once");
  EXPECT_EQ(log, "started ") << "it starts, and its first wait is cancelled";
}

TEST(scope_failure, of_an_inner_scope_passes_through_the_outer_one) {
  driver_for_test driver;
  event may_fail;
  event never;
  auto inner = [&](scope& children) -> task<void> {
    children.spawn(fail_after(may_fail, "inner"));
    co_await never.wait();
  };
  auto outer = [&](scope& children) -> task<void> {
    children.spawn(wait_until(never));
    co_await with_scope(inner);
  };
  started_for_test<void> running(with_scope(outer));
  may_fail.set();
  driver.run_until_idle();
  EXPECT_EQ(failure_of(running), "inner");
}

TEST(scope_failure, can_be_caught_outside_and_leaves_the_outer_scope_running) {
  driver_for_test driver;
  event may_fail;
  event may_end;
  std::string log;
  auto inner = [&](scope& children) -> task<void> {
    children.spawn(fail_after(may_fail, "inner"));
    co_return;
  };
  auto outer = [&](scope& children) -> task<void> {
    children.spawn(wait_until(may_end));
    try {
      co_await with_scope(inner);
    } catch (const std::runtime_error& failure) {
      log = failure.what();
    }
    EXPECT_FALSE(children.stop_requested());
  };
  started_for_test<void> running(with_scope(outer));
  may_fail.set();
  driver.run_until_idle();
  EXPECT_EQ(log, "inner");
  EXPECT_FALSE(running.done());
  may_end.set();
  driver.run_until_idle();
  EXPECT_EQ(failure_of(running), "");
}

// An outcome as a task's value: an error is a failure, operation_canceled only where nobody asked for it.
TEST(scope_failure, is_also_the_error_of_a_child_that_gives_a_result) {
  driver_for_test driver;
  event may_end;
  const auto ends_with = [&](int error) -> task<result<void>> {
    co_await may_end.wait();
    if (error == 0) co_return result<void>();
    co_return errno_error(error);
  };
  for (const int error : {0, EPIPE, ECANCELED}) {
    may_end.reset();
    auto body = [&](scope& children) -> task<void> {
      children.spawn(ends_with(error));
      co_return;
    };
    started_for_test<void> running(with_scope(body));
    may_end.set();
    driver.run_until_idle();
    ASSERT_TRUE(running.done());
    if (error == 0) {
      EXPECT_EQ(failure_of(running), "");
    } else if (error == EPIPE) {
      EXPECT_THROW(running.take(), std::system_error);
    } else {
      EXPECT_THROW(running.take(), cancelled);
    }
  }
}

TEST(scope_stop, from_outside_reaches_grandchildren_and_throws_cancelled) {
  driver_for_test driver;
  stop_source outside;
  event never;
  int ended = 0;
  const auto grandchild = [&]() -> task<void> {
    try {
      co_await never.wait();
    } catch (const cancelled&) {
      ++ended;
      throw;
    }
  };
  auto inner = [&](scope& children) -> task<void> {
    children.spawn(grandchild());
    children.spawn(grandchild());
    co_return;
  };
  const auto child = [&]() -> task<void> { co_await with_scope(inner); };
  auto outer = [&](scope& children) -> task<void> {
    children.spawn(child());
    co_return;
  };
  started_for_test<void> running(with_scope(outer), &outside);
  outside.request_stop();
  EXPECT_EQ(ended, 0) << "nobody is resumed inside the request";
  driver.run_until_idle();
  EXPECT_EQ(ended, 2);
  EXPECT_EQ(failure_of(running), the_wait_was_cancelled);
}

TEST(scope_stop, from_outside_that_cuts_nothing_short_does_not_show) {
  driver_for_test driver;
  stop_source outside;
  pending_for_test operation;
  const auto child = [&]() -> task<void> { co_await operation.wait(); };
  auto body = [&](scope& children) -> task<int> {
    children.spawn(child());
    co_return 5;
  };
  started_for_test<int> running(with_scope(body), &outside);
  outside.request_stop();
  EXPECT_TRUE(operation.stop_heard());
  operation.complete();
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take(), 5) << "everything was done before the stop could end it";
}

// A server: the body says that it is enough, the children go home, and that is a success.
TEST(scope_stop, by_itself_is_no_failure) {
  driver_for_test driver;
  event never;
  auto body = [&](scope& children) -> task<int> {
    children.spawn(wait_until(never));
    children.spawn(wait_until(never));
    children.request_stop();
    co_return 3;
  };
  started_for_test<int> running(with_scope(body));
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.take(), 3);
}

TEST(scope_stop, by_a_child_ends_a_body_without_a_value_quietly_and_one_with_a_value_by_cancelled) {
  driver_for_test driver;
  event may_stop;
  event never;
  const auto stops = [&](scope& children) -> task<void> {
    co_await may_stop.wait();
    children.request_stop();
  };
  auto without_value = [&](scope& children) -> task<void> {
    children.spawn(stops(children));
    co_await never.wait();
  };
  auto with_value = [&](scope& children) -> task<int> {
    children.spawn(stops(children));
    co_await never.wait();
    co_return 1;
  };
  started_for_test<void> quiet(with_scope(without_value));
  started_for_test<int> missing(with_scope(with_value));
  may_stop.set();
  driver.run_until_idle();
  EXPECT_EQ(failure_of(quiet), "");
  EXPECT_EQ(failure_of(missing), the_wait_was_cancelled);
}

TEST(scope_stop, of_an_inner_scope_leaves_the_outer_one_running) {
  driver_for_test driver;
  event never;
  event may_end;
  auto inner = [&](scope& children) -> task<void> {
    children.spawn(wait_until(never));
    children.request_stop();
    co_return;
  };
  auto outer = [&](scope& children) -> task<void> {
    children.spawn(wait_until(may_end));
    co_await with_scope(inner);
    EXPECT_FALSE(children.stop_requested());
  };
  started_for_test<void> running(with_scope(outer));
  driver.run_until_idle();
  EXPECT_FALSE(running.done());
  may_end.set();
  driver.run_until_idle();
  EXPECT_EQ(failure_of(running), "");
}

TEST(scope_stop, before_the_scope_begins_starts_the_body_and_cancels_its_first_wait) {
  stop_source outside;
  outside.request_stop();
  bool started = false;
  event ready;
  ready.set();
  auto body = [&](scope&) -> task<void> {
    started = true;
    co_await ready.wait();
  };
  EXPECT_THROW(run_for_test(with_scope(body), &outside), cancelled);
  EXPECT_TRUE(started);
}

TEST(scope_stop, does_not_hide_a_failure_while_it_stops) {
  driver_for_test driver;
  stop_source outside;
  event never;
  auto body = [&](scope& children) -> task<void> {
    children.spawn(wait_until(never));
    children.spawn(fail_when_stopped(never, "while stopping"));
    co_await never.wait();
  };
  started_for_test<void> running(with_scope(body), &outside);
  outside.request_stop();
  driver.run_until_idle();
  EXPECT_EQ(failure_of(running), "while stopping");
}

// `cancelled` is forgiven only to those who were asked: a child that is stopped by something of its own has failed.
TEST(scope_stop, that_nobody_asked_of_the_scope_is_a_failure) {
  driver_for_test driver;
  event never;
  stop_source own;
  const auto child = [&]() -> task<void> { co_await with_stop(own, never.wait()); };
  auto body = [&](scope& children) -> task<int> {
    children.spawn(child());
    co_await never.wait();
    co_return 1;
  };
  started_for_test<int> running(with_scope(body));
  own.request_stop();
  driver.run_until_idle();
  EXPECT_EQ(failure_of(running), the_wait_was_cancelled);
}

}  // namespace
}  // namespace waitwork
