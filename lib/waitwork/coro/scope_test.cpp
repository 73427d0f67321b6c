// SPDX-License-Identifier: Apache-2.0
// Who runs when, and how long: scope_failure_test.cpp has what goes wrong.
#include <waitwork/coro/scope.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/event.hpp>

namespace waitwork {
namespace {

TEST(with_scope, resumes_when_the_body_and_every_child_have_ended) {
  driver_for_test driver;
  event body_may_end;
  event first_may_end;
  event second_may_end;
  std::string log;
  const auto child = [&log](event& may_end, char name) -> task<void> {
    co_await may_end.wait();
    log += name;
  };
  auto body = [&](scope& children) -> task<void> {
    children.spawn(child(first_may_end, '1'));
    children.spawn(child(second_may_end, '2'));
    co_await body_may_end.wait();
    log += 'b';
  };
  const auto parent = [&]() -> task<void> {
    co_await with_scope(body);
    log += 'p';
  };
  started_for_test<void> running(parent());
  for (event* const may_end : {&second_may_end, &body_may_end, &first_may_end}) {
    EXPECT_FALSE(running.done());
    may_end->set();
    driver.run_until_idle();
  }
  ASSERT_TRUE(running.done());
  running.take();
  EXPECT_EQ(log, "2b1p");
}

TEST(with_scope, waits_for_a_body_that_outlasts_its_children) {
  driver_for_test driver;
  event body_may_end;
  const auto nothing = []() -> task<void> { co_return; };
  auto body = [&](scope& children) -> task<void> {
    children.spawn(nothing());
    EXPECT_EQ(children.running(), 0u);
    co_await body_may_end.wait();
  };
  started_for_test<void> running(with_scope(body));
  driver.run_until_idle();
  EXPECT_FALSE(running.done());
  body_may_end.set();
  driver.run_until_idle();
  EXPECT_TRUE(running.done());
}

TEST(with_scope, gives_the_body_s_value_once_the_children_have_ended) {
  driver_for_test driver;
  event child_may_end;
  const auto child = [&]() -> task<void> { co_await child_may_end.wait(); };
  auto body = [&](scope& children) -> task<std::unique_ptr<int>> {
    children.spawn(child());
    co_return std::make_unique<int>(42);
  };
  started_for_test<std::unique_ptr<int>> running(with_scope(body));
  driver.run_until_idle();
  EXPECT_FALSE(running.done());
  child_may_end.set();
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(*running.take(), 42);
}

TEST(with_scope, of_nothing_does_not_suspend) {
  auto body = [](scope&) -> task<int> { co_return 1; };
  EXPECT_EQ(run_for_test(with_scope(body)), 1);
}

TEST(with_scope, inside_another_joins_its_own_children_only) {
  driver_for_test driver;
  event outer_child_may_end;
  event inner_child_may_end;
  std::string log;
  const auto child = [](event& may_end) -> task<void> { co_await may_end.wait(); };
  auto inner = [&](scope& children) -> task<void> {
    children.spawn(child(inner_child_may_end));
    co_return;
  };
  auto outer = [&](scope& children) -> task<void> {
    children.spawn(child(outer_child_may_end));
    co_await with_scope(inner);
    log += "inner";
  };
  started_for_test<void> running(with_scope(outer));
  inner_child_may_end.set();
  driver.run_until_idle();
  EXPECT_EQ(log, "inner");
  EXPECT_FALSE(running.done());
  outer_child_may_end.set();
  driver.run_until_idle();
  EXPECT_TRUE(running.done());
}

TEST(spawn, starts_the_child_inside_the_call) {
  std::string log;
  const auto child = [&log]() -> task<void> {
    log += "started ";
    co_await yield();
    log += "resumed ";
  };
  auto body = [&](scope& children) -> task<void> {
    children.spawn(child());
    EXPECT_EQ(children.running(), 1u);
    log += "spawned ";
    co_return;
  };
  run_for_test(with_scope(body));
  EXPECT_EQ(log, "started spawned resumed ");
}

TEST(spawn, from_a_child_into_the_scope_that_it_runs_in_is_joined_too) {
  driver_for_test driver;
  event may_end;
  std::string log;
  const auto grandchild = [&]() -> task<void> {
    co_await may_end.wait();
    log += "grandchild";
  };
  const auto child = [&](scope& children) -> task<void> {
    co_await yield();
    children.spawn(grandchild());
  };
  auto body = [&](scope& children) -> task<void> {
    children.spawn(child(children));
    co_return;
  };
  started_for_test<void> running(with_scope(body));
  driver.run_until_idle();
  EXPECT_FALSE(running.done());
  may_end.set();
  driver.run_until_idle();
  EXPECT_TRUE(running.done());
  EXPECT_EQ(log, "grandchild");
}

// A connection that is passed to a child is closed when the child ends, not when the server does.
TEST(spawn, destroys_what_a_child_was_given_when_the_child_ends) {
  driver_for_test driver;
  event body_may_end;
  event child_may_end;
  const auto connection = std::make_shared<int>(0);
  const auto child = [&](std::shared_ptr<int> held) -> task<void> {
    EXPECT_EQ(*held, 0);
    co_await child_may_end.wait();
  };
  auto body = [&](scope& children) -> task<void> {
    children.spawn(child(connection));
    EXPECT_EQ(connection.use_count(), 2);
    co_await body_may_end.wait();
  };
  started_for_test<void> running(with_scope(body));
  child_may_end.set();
  driver.run_until_idle();
  EXPECT_FALSE(running.done());
  EXPECT_EQ(connection.use_count(), 1);
  body_may_end.set();
  driver.run_until_idle();
  EXPECT_TRUE(running.done());
}

TEST(spawn, destroys_what_a_child_was_given_if_it_ends_inside_the_call) {
  const auto given = std::make_shared<int>(0);
  const auto child = [](std::shared_ptr<int> held) -> task<void> {
    EXPECT_EQ(*held, 0);
    co_return;
  };
  auto body = [&](scope& children) -> task<void> {
    children.spawn(child(given));
    EXPECT_EQ(given.use_count(), 1);
    co_return;
  };
  run_for_test(with_scope(body));
}

TEST(scope, destroyed_before_its_children_is_a_bug) {
  driver_for_test driver;
  event may_end;
  const auto child = [&]() -> task<void> { co_await may_end.wait(); };
  std::optional<scope> early(std::in_place, nullptr);
  early->spawn(child());
  EXPECT_DEATH(early.reset(), "outlives what was spawned in it");
  may_end.set();
  driver.run_until_idle();
  EXPECT_EQ(early->running(), 0u);
}

TEST(scope, joined_by_two_at_once_is_a_bug) {
  driver_for_test driver;
  event may_end;
  scope shared(nullptr);
  const auto child = [&]() -> task<void> { co_await may_end.wait(); };
  const auto joiner = [&]() -> task<void> { co_await shared.join(); };
  shared.spawn(child());
  started_for_test<void> first(joiner());
  EXPECT_DEATH(started_for_test<void>{joiner()}, "one coroutine joins");
  may_end.set();
  driver.run_until_idle();
  EXPECT_TRUE(first.done());
}

}  // namespace
}  // namespace waitwork
