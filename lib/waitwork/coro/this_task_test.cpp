// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/this_task.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/event.hpp>
#include <waitwork/coro/when_all.hpp>

namespace waitwork {
namespace {

// A named task is moved into them, as into co_await.
template <class Awaitable>
concept can_be_shielded = requires(Awaitable&& awaited) { shielded(std::forward<Awaitable>(awaited)); };
static_assert(can_be_shielded<task<int>> && can_be_shielded<detail::yield_awaiter>);

task<stop_source*> own_source() {
  const stop_token token = co_await this_task::token();
  co_return token.source();
}

TEST(token, is_that_of_the_task_further_out_at_any_depth) {
  stop_source source;
  const auto child = []() -> task<stop_source*> { co_return co_await own_source(); };
  const auto parent = [&child]() -> task<stop_source*> { co_return co_await child(); };
  EXPECT_EQ(run_for_test(parent(), &source), &source);
  EXPECT_EQ(run_for_test(parent()), nullptr) << "nobody can ask a task that was started under nobody";
}

TEST(stop, reaches_the_wait_of_a_grandchild_and_resumes_nobody_inline) {
  driver_for_test driver;
  stop_source source;
  event never;
  std::string log;
  const auto grandchild = [&]() -> task<void> { co_await never.wait(); };
  const auto child = [&]() -> task<void> {
    try {
      co_await grandchild();
    } catch (const cancelled&) {
      log += "child";
      throw;
    }
  };
  const auto parent = [&]() -> task<void> { co_await child(); };
  started_for_test<void> running(parent(), &source);
  source.request_stop();
  EXPECT_EQ(log, "");
  EXPECT_FALSE(running.done());
  driver.run_until_idle();
  EXPECT_EQ(log, "child");
  EXPECT_THROW(running.take(), cancelled);
}

TEST(with_stop, puts_a_task_under_another_source) {
  stop_source outer;
  stop_source own;
  const auto body = [&own]() -> task<stop_source*> { co_return co_await with_stop(own, own_source()); };
  EXPECT_EQ(run_for_test(body(), &outer), &own);
}

TEST(with_stop, ends_a_wait_that_is_no_task_and_leaves_the_caller_running) {
  driver_for_test driver;
  stop_source own;
  event never;
  const auto body = [&]() -> task<bool> {
    bool ended = false;
    try {
      co_await with_stop(own, never.wait());
    } catch (const cancelled&) {
      ended = true;
    }
    const stop_token mine = co_await this_task::token();
    co_return ended && !mine.stop_requested();
  };
  stop_source outer;
  started_for_test<bool> running(body(), &outer);
  own.request_stop();
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_TRUE(running.take());
}

TEST(with_stop, is_deaf_to_the_caller_s_source_unless_its_own_follows_it) {
  for (const bool follows : {false, true}) {
    driver_for_test driver;
    stop_source outer;
    event waited;
    const auto body = [&]() -> task<void> {
      const stop_token mine = co_await this_task::token();
      stop_source own(follows ? mine.source() : nullptr);
      co_await with_stop(own, waited.wait());
    };
    started_for_test<void> running(body(), &outer);
    outer.request_stop();
    driver.run_until_idle();
    EXPECT_EQ(running.done(), follows);
    if (follows) {
      EXPECT_THROW(running.take(), cancelled);
    } else {
      waited.set();
      driver.run_until_idle();
      running.take();
    }
  }
}

TEST(shielded, waits_after_a_stop_and_its_token_knows_nothing_of_it) {
  driver_for_test driver;
  stop_source source;
  event never;
  event goodbye_sent;
  std::string log;
  const auto goodbye = [&]() -> task<int> {
    const stop_token mine = co_await this_task::token();
    if (!mine.stop_requested()) log += "unaware ";
    co_await goodbye_sent.wait();
    log += "said ";
    co_return 7;
  };
  const auto body = [&]() -> task<void> {
    bool stopped = false;
    try {
      co_await never.wait();
    } catch (const cancelled&) {
      stopped = true;
    }
    if (stopped) {
      const int answer = co_await shielded(goodbye());
      log += std::to_string(answer);
      co_await shielded(yield());
      log += " yielded";
      throw cancelled();
    }
  };
  started_for_test<void> running(body(), &source);
  source.request_stop();
  driver.run_until_idle();
  EXPECT_FALSE(running.done());
  goodbye_sent.set();
  driver.run_until_idle();
  EXPECT_EQ(log, "unaware said 7 yielded");
  EXPECT_THROW(running.take(), cancelled);
}

TEST(yield, lets_the_others_run_first) {
  std::string log;
  const auto steps = [&log](char name) -> task<void> {
    for (int i = 0; i < 3; ++i) {
      log += name;
      co_await yield();
    }
  };
  const auto body = [&steps]() -> task<void> { co_await when_all(steps('a'), steps('b')); };
  run_for_test(body());
  EXPECT_EQ(log, "ababab");
}

TEST(yield, ends_a_loop_that_is_stopped) {
  driver_for_test driver;
  stop_source source;
  int rounds = 0;
  const auto body = [&rounds]() -> task<void> {
    for (;;) {
      ++rounds;
      co_await yield();
    }
  };
  started_for_test<void> running(body(), &source);
  driver.turn();
  driver.turn();
  source.request_stop();
  driver.run_until_idle();
  EXPECT_EQ(rounds, 3);
  EXPECT_THROW(running.take(), cancelled);
}

TEST(yield, outside_a_running_loop_is_a_bug) {
  const auto body = []() -> task<void> { co_await yield(); };
  EXPECT_DEATH(started_for_test<void>{body()}, "on the thread of its running loop");
}

}  // namespace
}  // namespace waitwork
