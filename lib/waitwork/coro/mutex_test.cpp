// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/mutex.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/this_task.hpp>
#include <waitwork/coro/when_all.hpp>

namespace waitwork {
namespace {

static_assert(!std::is_copy_constructible_v<mutex::guard> && !std::is_move_constructible_v<mutex>);

TEST(mutex, keeps_others_out_across_waits_and_serves_them_in_order) {
  mutex writing;
  std::string log;
  const auto write = [&](char name) -> task<void> {
    const mutex::guard guard = co_await writing.lock();
    for (int part = 0; part < 3; ++part) {
      log += name;
      co_await yield();
    }
  };
  const auto body = [&]() -> task<void> { co_await when_all(write('a'), write('b'), write('c')); };
  run_for_test(body());
  EXPECT_EQ(log, "aaabbbccc");
  EXPECT_FALSE(writing.is_locked());
}

TEST(mutex, handed_over_cannot_be_taken_by_a_latecomer) {
  driver_for_test driver;
  mutex shared;
  std::string log;
  const auto locks = [&]() -> task<void> {
    const mutex::guard guard = co_await shared.lock();
    log += "locked";
  };
  std::optional<mutex::guard> held = shared.try_lock();
  ASSERT_TRUE(held);
  started_for_test<void> waiting(locks());
  held.reset();
  EXPECT_EQ(log, "") << "nobody is resumed inside unlock";
  EXPECT_FALSE(shared.try_lock());
  driver.run_until_idle();
  EXPECT_EQ(log, "locked");
  EXPECT_TRUE(shared.try_lock());
}

TEST(mutex, is_unlocked_when_an_exception_passes_and_only_once_when_unlocked_early) {
  mutex shared;
  const auto fails = [&]() -> task<void> {
    const mutex::guard guard = co_await shared.lock();
    throw std::runtime_error("inside");
  };
  EXPECT_THROW(run_for_test(fails()), std::runtime_error);
  const auto early = [&]() -> task<bool> {
    mutex::guard guard = co_await shared.lock();
    mutex::guard moved = std::move(guard);
    moved.unlock();
    moved.unlock();
    const std::optional<mutex::guard> again = shared.try_lock();
    co_return again.has_value();
  };
  EXPECT_TRUE(run_for_test(early()));
  EXPECT_FALSE(shared.is_locked());
}

TEST(mutex, is_not_locked_by_a_waiter_that_is_stopped) {
  driver_for_test driver;
  mutex shared;
  stop_source stop;
  std::string log;
  const auto locks = [&](char name) -> task<void> {
    const mutex::guard guard = co_await shared.lock();
    log += name;
  };
  std::optional<mutex::guard> held = shared.try_lock();
  started_for_test<void> stopped(locks('s'), &stop);
  started_for_test<void> next(locks('n'));
  stop.request_stop();
  driver.run_until_idle();
  EXPECT_THROW(stopped.take(), cancelled);
  held.reset();
  driver.run_until_idle();
  EXPECT_EQ(log, "n");
  EXPECT_FALSE(shared.is_locked());
}

TEST(mutex, handed_over_before_the_stop_stays_so_and_is_unlocked_in_the_end) {
  driver_for_test driver;
  mutex shared;
  stop_source stop;
  const auto locks_and_waits = [&]() -> task<void> {
    const mutex::guard guard = co_await shared.lock();
    co_await yield();
  };
  std::optional<mutex::guard> held = shared.try_lock();
  started_for_test<void> running(locks_and_waits(), &stop);
  held.reset();
  stop.request_stop();
  driver.turn();
  EXPECT_TRUE(shared.is_locked());
  driver.run_until_idle();
  EXPECT_THROW(running.take(), cancelled) << "the next wait hears of the stop";
  EXPECT_FALSE(shared.is_locked());
}

TEST(mutex, throws_at_once_when_already_stopped_but_can_be_locked_shielded) {
  mutex shared;
  stop_source stop;
  stop.request_stop();
  const auto locks = [&]() -> task<void> { const mutex::guard guard = co_await shared.lock(); };
  EXPECT_THROW(run_for_test(locks(), &stop), cancelled);
  EXPECT_FALSE(shared.is_locked());
  const auto locks_shielded = [&]() -> task<bool> {
    const mutex::guard guard = co_await shielded(shared.lock());
    co_return shared.is_locked();
  };
  EXPECT_TRUE(run_for_test(locks_shielded(), &stop));
  EXPECT_FALSE(shared.is_locked());
}

TEST(mutex, destroyed_while_locked_is_a_bug) {
  std::optional<mutex> shared(std::in_place);
  std::optional<mutex::guard> held = shared->try_lock();
  EXPECT_DEATH(shared.reset(), "outlives its guards");
  held.reset();
}

}  // namespace
}  // namespace waitwork
