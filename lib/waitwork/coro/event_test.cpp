// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/event.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include <waitwork/coro/driver_for_test.hpp>

namespace waitwork {
namespace {

task<void> wait_and_log(event& awaited, std::string& log, char name) {
  co_await awaited.wait();
  log += name;
}

TEST(event, wakes_all_who_wait_in_order_and_in_a_later_turn) {
  driver_for_test driver;
  event ready;
  std::string log;
  started_for_test<void> a(wait_and_log(ready, log, 'a'));
  started_for_test<void> b(wait_and_log(ready, log, 'b'));
  EXPECT_FALSE(ready.is_set());
  ready.set();
  EXPECT_EQ(log, "");
  driver.run_until_idle();
  EXPECT_EQ(log, "ab");
}

TEST(event, that_is_set_lets_everyone_through_until_it_is_reset) {
  driver_for_test driver;
  event ready;
  ready.set();
  ready.set();
  std::string log;
  started_for_test<void> a(wait_and_log(ready, log, 'a'));
  EXPECT_EQ(log, "a") << "goes on at once";
  ready.reset();
  started_for_test<void> b(wait_and_log(ready, log, 'b'));
  driver.run_until_idle();
  EXPECT_EQ(log, "a");
  ready.set();
  driver.run_until_idle();
  EXPECT_EQ(log, "ab");
}

TEST(event, wakes_who_waited_though_it_is_reset_before_they_resume) {
  driver_for_test driver;
  event ready;
  std::string log;
  started_for_test<void> a(wait_and_log(ready, log, 'a'));
  ready.set();
  ready.reset();
  driver.run_until_idle();
  EXPECT_EQ(log, "a");
}

TEST(event, can_be_waited_for_again_by_the_one_it_woke) {
  driver_for_test driver;
  event tick;
  int ticks = 0;
  const auto counts = [&]() -> task<void> {
    for (; ticks < 3; ++ticks) {
      co_await tick.wait();
      tick.reset();
    }
  };
  started_for_test<void> running(counts());
  for (int i = 0; i < 3; ++i) {
    tick.set();
    driver.run_until_idle();
  }
  EXPECT_TRUE(running.done());
}

TEST(event, wait_that_is_stopped_throws_and_leaves_the_others_waiting) {
  driver_for_test driver;
  event ready;
  stop_source stop;
  std::string log;
  started_for_test<void> a(wait_and_log(ready, log, 'a'));
  started_for_test<void> b(wait_and_log(ready, log, 'b'), &stop);
  started_for_test<void> c(wait_and_log(ready, log, 'c'));
  stop.request_stop();
  EXPECT_FALSE(b.done());
  driver.run_until_idle();
  EXPECT_THROW(b.take(), cancelled);
  ready.set();
  driver.run_until_idle();
  EXPECT_EQ(log, "ac");
}

TEST(event, wait_that_was_woken_before_the_stop_goes_on) {
  driver_for_test driver;
  event ready;
  stop_source stop;
  std::string log;
  started_for_test<void> a(wait_and_log(ready, log, 'a'), &stop);
  ready.set();
  stop.request_stop();
  driver.run_until_idle();
  EXPECT_EQ(log, "a");
  a.take();
}

TEST(event, that_is_set_throws_to_who_is_already_stopped) {
  event ready;
  ready.set();
  stop_source stop;
  stop.request_stop();
  std::string log;
  EXPECT_THROW(run_for_test(wait_and_log(ready, log, 'a'), &stop), cancelled);
}

TEST(event, destroyed_while_somebody_waits_is_a_bug) {
  driver_for_test driver;
  std::optional<event> ready(std::in_place);
  std::string log;
  started_for_test<void> waiting(wait_and_log(*ready, log, 'a'));
  EXPECT_DEATH(ready.reset(), "nothing waits at what is destroyed");
  ready->set();
  driver.run_until_idle();
}

}  // namespace
}  // namespace waitwork
