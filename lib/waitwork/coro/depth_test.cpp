// SPDX-License-Identifier: Apache-2.0
// Awaiting deep: a recursion over a long list, in every form that nests. Most cases run on a thread whose stack would
// hold a hundredth of it, so that what uses the stack dies there; one goes to the million on the stack that all have.
#include <gtest/gtest.h>
#include <pthread.h>

#include <functional>
#include <stdexcept>
#include <utility>

#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/stack_limit.hpp>
#include <waitwork/coro/this_task.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/coro/when_any.hpp>

namespace waitwork {
namespace {

constexpr int levels = 100'000;

// Large enough for AddressSanitizer's own needs, and too small for 100,000 levels of anything: 5 bytes each.
constexpr std::size_t small_stack_bytes = 512 << 10;

void on_a_small_stack(const std::function<void()>& work) {
  pthread_attr_t attributes;
  ASSERT_EQ(::pthread_attr_init(&attributes), 0);
  ASSERT_EQ(::pthread_attr_setstacksize(&attributes, small_stack_bytes), 0);
  const auto body = [](void* argument) -> void* {
    (*static_cast<const std::function<void()>*>(argument))();
    return nullptr;
  };
  pthread_t thread;
  const int refused = ::pthread_create(&thread, &attributes, body, const_cast<std::function<void()>*>(&work));
  ::pthread_attr_destroy(&attributes);
  ASSERT_EQ(refused, 0);
  ASSERT_EQ(::pthread_join(thread, nullptr), 0);
}

// What is at the bottom of a recursion. Not lambdas: those that call themselves need a name.
enum class bottom { returns, waits, throws };

task<int> reach(bottom end) {
  if (end == bottom::waits) co_await yield();
  if (end == bottom::throws) throw std::runtime_error("the bottom");
  co_return 0;
}

task<int> awaits(int depth, bottom end) {
  if (depth == 0) co_return co_await reach(end);
  co_return 1 + co_await awaits(depth - 1, end);
}

task<int> opens_scopes(int depth, bottom end) {
  if (depth == 0) co_return co_await reach(end);
  auto body = [&](scope&) -> task<int> { co_return 1 + co_await opens_scopes(depth - 1, end); };
  co_return co_await with_scope(body);
}

task<int> awaits_all(int depth, bottom end) {
  if (depth == 0) co_return co_await reach(end);
  const auto [below] = co_await when_all(awaits_all(depth - 1, end));
  co_return 1 + below;
}

task<int> awaits_any(int depth, bottom end) {
  if (depth == 0) co_return co_await reach(end);
  const auto first = co_await when_any(awaits_any(depth - 1, end));
  co_return 1 + std::get<0>(first);
}

task<int> awaits_shielded(int depth, bottom end) {
  if (depth == 0) co_return co_await reach(end);
  co_return 1 + co_await shielded(awaits_shielded(depth - 1, end));
}

using recursion = task<int> (*)(int, bottom);

class awaiting_deep : public testing::TestWithParam<recursion> {};

TEST_P(awaiting_deep, ends_where_the_bottom_returns_at_once) {
  on_a_small_stack([] { EXPECT_EQ(run_for_test(GetParam()(levels, bottom::returns)), levels); });
}

TEST_P(awaiting_deep, ends_where_the_bottom_waits) {
  on_a_small_stack([] { EXPECT_EQ(run_for_test(GetParam()(levels, bottom::waits)), levels); });
}

// Fewer levels, because each catches and throws, which takes 2 us.
TEST_P(awaiting_deep, brings_an_exception_up_from_the_bottom) {
  on_a_small_stack([] { EXPECT_THROW(run_for_test(GetParam()(levels / 4, bottom::throws)), std::runtime_error); });
}

INSTANTIATE_TEST_SUITE_P(of, awaiting_deep,
                         testing::Values(awaits, opens_scopes, awaits_all, awaits_any, awaits_shielded));

TEST(awaiting_a_million_levels_deep, is_flat_on_an_ordinary_stack) {
  EXPECT_EQ(run_for_test(awaits(1'000'000, bottom::returns)), 1'000'000);
  EXPECT_EQ(run_for_test(awaits(1'000'000, bottom::waits)), 1'000'000);
}

// Each task is an argument of the one that awaits it, and so a part of its frame.
task<int> awaits_argument(task<int> below) { co_return 1 + co_await std::move(below); }

TEST(awaiting_deep, also_of_tasks_that_hold_one_another) {
  const auto nested = [](bottom end) {
    task<int> all = reach(end);
    for (int level = 0; level < levels; ++level) all = awaits_argument(std::move(all));
    return all;
  };
  on_a_small_stack([&] {
    EXPECT_EQ(run_for_test(nested(bottom::returns)), levels);
    EXPECT_EQ(run_for_test(nested(bottom::waits)), levels);
    EXPECT_THROW(run_for_test(nested(bottom::throws)), std::runtime_error);
  });
}

// Spawned, a child starts inside spawn(), which is inside its parent.
task<void> spawns(scope& all, int depth, int& ended) {
  if (depth > 0) all.spawn(spawns(all, depth - 1, ended));
  ++ended;
  co_return;
}

TEST(spawning_deep, starts_and_joins_everyone) {
  on_a_small_stack([] {
    int ended = 0;
    auto body = [&](scope& all) -> task<void> {
      all.spawn(spawns(all, levels, ended));
      co_return;
    };
    run_for_test(with_scope(body));
    EXPECT_EQ(ended, levels + 1);
  });
}

task<int> opens_scopes_and_waits(int depth) {
  if (depth == 0) {
    try {
      for (;;) co_await yield();
    } catch (const cancelled&) {
      co_return 0;
    }
  }
  auto body = [&](scope&) -> task<int> { co_return 1 + co_await opens_scopes_and_waits(depth - 1); };
  co_return co_await with_scope(body);
}

// Every scope has a stop_source that follows the next outer one.
TEST(a_stop, reaches_the_bottom_of_nested_scopes) {
  on_a_small_stack([] {
    driver_for_test driver;
    stop_source outermost;
    started_for_test<int> running(opens_scopes_and_waits(levels), &outermost);
    for (int turns = 0; turns < 1000; ++turns) driver.turn();
    ASSERT_FALSE(running.done());
    outermost.request_stop();
    driver.run_until_idle();
    ASSERT_TRUE(running.done());
    EXPECT_EQ(running.take(), levels);
  });
}

TEST(nesting, keeps_half_of_the_stack_for_what_coroutines_call) {
  on_a_small_stack([] {
    const driver_for_test driver;
    const std::uintptr_t here = stack_pointer();
    EXPECT_LT(detail::nesting_limit, here);
    EXPECT_GE(detail::nesting_limit, here - small_stack_bytes / 2);
    // Of what is left of it: ThreadSanitizer keeps its own of a thread there.
    EXPECT_GE(detail::nesting_limit - stack_end(), (here - stack_end()) / 3);
  });
}

TEST(nesting, has_a_limit_only_while_a_loop_runs) {
  on_a_small_stack([] {
    EXPECT_EQ(detail::nesting_limit, 0u);
    {
      const driver_for_test driver;
      EXPECT_NE(detail::nesting_limit, 0u);
    }
    EXPECT_EQ(detail::nesting_limit, 0u);
  });
}

}  // namespace
}  // namespace waitwork
