// SPDX-License-Identifier: Apache-2.0
// Ordinary code and coroutines inside each other, in every direction: what a value, an exception and a stop do on the
// way.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/hybrid/blocking_pool.hpp>
#include <waitwork/hybrid/loop_group.hpp>
#include <waitwork/io/call_on.hpp>
#include <waitwork/io/timeout.hpp>
#include <waitwork/io/timer.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

task<int> add_one(int value) {
  co_await sleep_for(1us);
  co_return value + 1;
}

task<int> fail(const char* what) {
  co_await yield();
  throw std::runtime_error(what);
}

task<int> wait_for_ever() {
  co_await sleep_for(1h);
  co_return 0;
}

loop_group_options of_loops(unsigned count) {
  loop_group_options options;
  options.count = count;
  return options;
}

class nested : public ::testing::Test {
 protected:
  blocking_pool pool_;
  loop here_;
};

TEST_F(nested, ordinary_code_runs_a_coroutine) { EXPECT_EQ(here_.run(add_one(1)), 2); }

TEST_F(nested, a_coroutine_awaits_blocking_code_that_runs_a_loop_of_its_own) {
  const auto body = [this]() -> task<int> {
    auto blocking = [] {
      loop inner;
      return inner.run(add_one(2));
    };
    const int value = co_await offload_blocking(pool_, blocking);
    co_return co_await add_one(value);
  };
  EXPECT_EQ(here_.run(body()), 4);
}

TEST_F(nested, blocking_code_spawns_on_the_loop_that_awaits_it_and_waits) {
  const auto body = [this]() -> task<int> {
    const remote home = here_.remote();
    auto blocking = [&home] { return home.spawn(add_one(3)).get() * 10; };
    co_return co_await offload_blocking(pool_, blocking);
  };
  EXPECT_EQ(here_.run(body()), 40);
}

TEST_F(nested, to_a_depth_of_five_and_back) {
  const loop_group loops(of_loops(1));
  const remote home = here_.remote();
  // Loop, thread of the pool, the other loop, a thread again, and home.
  const auto innermost = [&]() -> task<int> { co_return co_await call_on(loops.on(0), add_one(0)); };
  const auto on_the_other = [&]() -> task<int> {
    auto blocking = [&] { return home.spawn(innermost()).get() + 1; };
    co_return co_await offload_blocking(pool_, blocking);
  };
  const auto body = [&]() -> task<int> {
    auto blocking = [&] { return loops.on(0).spawn(on_the_other()).get() + 1; };
    const int value = co_await offload_blocking(pool_, blocking);
    co_return value + 1;
  };
  EXPECT_EQ(here_.run(body()), 4);
}

TEST_F(nested, exceptions_pass_through_all_of_it) {
  const loop_group loops(of_loops(1));
  const remote home = here_.remote();
  const auto on_the_other = [&]() -> task<int> {
    auto blocking = [&home] { return home.spawn(fail("from the innermost")).get(); };
    co_return co_await offload_blocking(pool_, blocking);
  };
  const auto body = [&]() -> task<int> {
    auto blocking = [&] {
      loop inner;
      const auto calling = [&]() -> task<int> { co_return co_await call_on(loops.on(0), on_the_other()); };
      return inner.run(calling());
    };
    co_return co_await offload_blocking(pool_, blocking);
  };
  try {
    here_.run(body());
    ADD_FAILURE() << "it fails";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "from the innermost");
  }
}

// A stop does not interrupt blocking code; what that code has spawned can be asked by those who know it.
TEST_F(nested, a_stop_passes_coroutines_and_reaches_what_blocking_code_waits_for_by_hand) {
  const loop_group loops(of_loops(1));
  const auto body = [&]() -> task<void> {
    spawned<int> pending = loops.on(0).spawn(wait_for_ever());
    auto blocking = [&pending] { return pending.get(); };
    const auto waiting = [&]() -> task<int> { co_return co_await offload_blocking(pool_, blocking); };
    const auto stopping = [&pending]() -> task<void> {
      co_await sleep_for(1ms);
      pending.request_stop();
    };
    co_await when_all(waiting(), stopping());
  };
  EXPECT_THROW(here_.run(body()), cancelled);
}

TEST_F(nested, a_timeout_here_ends_a_coroutine_two_loops_away) {
  const loop_group loops(of_loops(2));
  const auto second = [&]() -> task<int> { co_return co_await call_on(loops.on(1), wait_for_ever()); };
  const auto first = [&]() -> task<int> { co_return co_await call_on(loops.on(0), second()); };
  const auto body = [&]() -> task<void> {
    const result<int> outcome = co_await with_timeout(1ms, first());
    EXPECT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error(), std::errc::timed_out);
  };
  here_.run(body());
}

TEST_F(nested, ordinary_code_stops_a_coroutine_that_waits_for_another_loop) {
  const loop_group loops(of_loops(2));
  const auto calling = [&]() -> task<int> { co_return co_await call_on(loops.on(1), wait_for_ever()); };
  spawned<int> pending = loops.on(0).spawn(calling());
  EXPECT_FALSE(pending.wait_for(1ms));
  pending.request_stop();
  EXPECT_THROW(pending.get(), cancelled);
}

// The end of the loop that asked reaches coroutines on a loop that a blocking call runs for it: the call watches.
TEST_F(nested, the_end_of_a_loop_joins_the_blocking_calls_of_what_was_spawned_on_it) {
  std::atomic<bool> begun{false};
  std::atomic<bool> left{false};
  const auto calling = [&]() -> task<void> {
    auto blocking = [&] {
      begun = true;
      std::this_thread::sleep_for(2ms);
      left = true;
    };
    co_await offload_blocking(pool_, blocking);
  };
  const auto body = [&]() -> task<void> {
    const auto dropped = here_.remote().spawn(calling());
    while (!begun) co_await yield();
  };
  here_.run(body());
  EXPECT_TRUE(left);
}

// Many of them at once, over two loops and a pool that is too small for all to run: nobody waits for a thread that
// waits for him, because only coroutines wait here.
TEST(nesting, of_many_at_once_comes_to_an_end) {
  blocking_pool_options small;
  small.threads = 2;
  blocking_pool pool(small);
  const loop_group loops(of_loops(2));
  std::atomic<int> sum{0};
  const auto innermost = [&](int value) -> task<int> {
    auto blocking = [value] { return value + 1; };
    co_return co_await offload_blocking(pool, blocking);
  };
  const auto middle = [&](unsigned other, int value) -> task<int> {
    const int there = co_await call_on(loops.on(other), innermost(value));
    auto blocking = [there] {
      loop inner;
      return inner.run(add_one(there));
    };
    co_return co_await offload_blocking(pool, blocking);
  };
  const auto one = [&](unsigned other, int value) -> task<void> { sum += co_await middle(other, value); };
  const auto job = [&](unsigned index, loop&) -> task<void> {
    std::vector<task<void>> all;
    for (int i = 0; i < 100; ++i) all.push_back(one(1 - index, i));
    co_await when_all(std::move(all));
  };
  loops.run_on_each(job);
  EXPECT_EQ(sum, 2 * (99 * 100 / 2 + 2 * 100));
}

}  // namespace
}  // namespace waitwork
