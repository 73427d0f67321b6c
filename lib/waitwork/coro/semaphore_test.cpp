// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/semaphore.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/scope.hpp>

namespace waitwork {
namespace {

static_assert(!std::is_move_constructible_v<semaphore>);
static_assert(!std::is_move_constructible_v<semaphore::acquiring>);
static_assert(std::is_nothrow_move_constructible_v<semaphore::permit>);
static_assert(!std::is_copy_constructible_v<semaphore::permit>);

task<void> acquire_and_log(semaphore& from, std::string& log, char name) {
  co_await from.acquire();
  log += name;
}

TEST(semaphore, lets_no_more_than_its_permits_in) {
  semaphore slots(3);
  std::size_t inside = 0;
  std::size_t most = 0;
  const auto visitor = [&]() -> task<void> {
    const semaphore::permit held = co_await slots.hold();
    most = std::max(most, ++inside);
    co_await yield();
    --inside;
  };
  auto body = [&](scope& children) -> task<void> {
    for (int i = 0; i < 50; ++i) children.spawn(visitor());
    co_return;
  };
  run_for_test(with_scope(body));
  EXPECT_EQ(most, 3u);
  EXPECT_EQ(slots.available(), 3u);
}

TEST(semaphore, serves_those_who_wait_in_the_order_in_which_they_came) {
  driver_for_test driver;
  semaphore slots(0);
  std::string log;
  started_for_test<void> a(acquire_and_log(slots, log, 'a'));
  started_for_test<void> b(acquire_and_log(slots, log, 'b'));
  started_for_test<void> c(acquire_and_log(slots, log, 'c'));
  slots.release();
  EXPECT_EQ(log, "") << "nobody is resumed inside release()";
  driver.run_until_idle();
  EXPECT_EQ(log, "a");
  slots.release(2);
  driver.run_until_idle();
  EXPECT_EQ(log, "abc");
  EXPECT_EQ(slots.available(), 0u);
}

TEST(semaphore, lets_nobody_overtake_one_that_was_granted_a_permit_and_has_not_resumed) {
  driver_for_test driver;
  semaphore slots(0);
  std::string log;
  started_for_test<void> first(acquire_and_log(slots, log, '1'));
  slots.release();
  EXPECT_FALSE(slots.try_acquire());
  started_for_test<void> second(acquire_and_log(slots, log, '2'));
  slots.release();
  driver.run_until_idle();
  EXPECT_EQ(log, "12");
}

TEST(semaphore, keeps_what_is_released_while_nobody_waits) {
  semaphore slots(0);
  slots.release(2);
  EXPECT_EQ(slots.available(), 2u);
  EXPECT_TRUE(slots.try_acquire());
  EXPECT_TRUE(slots.try_acquire());
  EXPECT_FALSE(slots.try_acquire());
}

TEST(semaphore, gives_a_waiter_that_is_stopped_nothing_and_serves_the_next) {
  driver_for_test driver;
  semaphore slots(0);
  stop_source stop;
  std::string log;
  started_for_test<void> a(acquire_and_log(slots, log, 'a'));
  started_for_test<void> b(acquire_and_log(slots, log, 'b'), &stop);
  started_for_test<void> c(acquire_and_log(slots, log, 'c'));
  stop.request_stop();
  slots.release(2);
  driver.run_until_idle();
  EXPECT_EQ(log, "ac");
  EXPECT_THROW(b.take(), cancelled);
  EXPECT_EQ(slots.available(), 0u);
}

TEST(semaphore, loses_no_permit_that_was_granted_before_the_stop) {
  driver_for_test driver;
  semaphore slots(0);
  stop_source stop;
  std::string log;
  started_for_test<void> waiting(acquire_and_log(slots, log, 'a'), &stop);
  slots.release();
  stop.request_stop();
  driver.run_until_idle();
  EXPECT_EQ(log, "a");
  waiting.take();
}

TEST(semaphore, throws_at_once_when_already_stopped_though_a_permit_is_free) {
  semaphore slots(1);
  stop_source stop;
  stop.request_stop();
  int rounds = 0;
  const auto takes_and_gives_back = [&]() -> task<void> {
    for (;;) {
      const semaphore::permit held = co_await slots.hold();
      ++rounds;
    }
  };
  EXPECT_THROW(run_for_test(takes_and_gives_back(), &stop), cancelled);
  EXPECT_EQ(rounds, 0);
  EXPECT_EQ(slots.available(), 1u);
}

// Every order of grants and stops over four waiters: what was granted is what was not given back.
TEST(semaphore, accounts_for_every_permit_whatever_the_order_of_stops_and_releases) {
  for (unsigned order = 0; order < 256; ++order) {
    driver_for_test driver;
    semaphore slots(0);
    std::vector<std::unique_ptr<stop_source>> stops;
    std::vector<std::unique_ptr<started_for_test<void>>> waiters;
    std::string log;
    for (std::size_t i = 0; i < 4; ++i) {
      stops.push_back(std::make_unique<stop_source>());
      waiters.push_back(std::make_unique<started_for_test<void>>(acquire_and_log(slots, log, 'x'), stops.back().get()));
    }
    for (unsigned step = 0; step < 8; ++step) {
      if ((order >> step & 1) != 0) {
        slots.release();
      } else {
        stops[step % 4]->request_stop();
      }
      if (step % 3 == 0) driver.turn();
    }
    const auto released = static_cast<std::size_t>(__builtin_popcount(order));
    slots.release(4);
    driver.run_until_idle();
    EXPECT_EQ(slots.available() + log.size(), released + 4) << "order " << order;
    for (const auto& waiter : waiters) EXPECT_TRUE(waiter->done());
  }
}

TEST(permit, is_given_back_when_an_exception_passes) {
  semaphore slots(1);
  const auto body = [&]() -> task<void> {
    const semaphore::permit held = co_await slots.hold();
    EXPECT_EQ(slots.available(), 0u);
    throw std::runtime_error("inside");
  };
  EXPECT_THROW(run_for_test(body()), std::runtime_error);
  EXPECT_EQ(slots.available(), 1u);
}

TEST(permit, moves_with_its_owner_and_is_given_back_once) {
  semaphore slots(2);
  const auto body = [&]() -> task<void> {
    semaphore::permit first = co_await slots.hold();
    semaphore::permit second = co_await slots.hold();
    second = std::move(first);
    EXPECT_EQ(slots.available(), 1u) << "what was assigned to gave back its own";
    const semaphore::permit third = std::move(second);
    EXPECT_EQ(slots.available(), 1u);
  };
  run_for_test(body());
  EXPECT_EQ(slots.available(), 2u);
}

TEST(semaphore, destroyed_while_somebody_waits_is_a_bug) {
  driver_for_test driver;
  std::optional<semaphore> slots(std::in_place, 0u);
  std::string log;
  started_for_test<void> waiting(acquire_and_log(*slots, log, 'a'));
  EXPECT_DEATH(slots.reset(), "nothing waits at what is destroyed");
  slots->release();
  driver.run_until_idle();
}

TEST(semaphore, whose_waiter_is_destroyed_is_a_bug) {
  driver_for_test driver;
  semaphore slots(0);
  std::string log;
  std::optional<started_for_test<void>> waiting(std::in_place, acquire_and_log(slots, log, 'a'));
  EXPECT_DEATH(waiting.reset(), "not destroyed while it waits");
  slots.release();
  driver.run_until_idle();
}

}  // namespace
}  // namespace waitwork
