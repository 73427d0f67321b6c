// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/call_on.hpp>

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
#include <waitwork/io/loop_thread_for_test.hpp>
#include <waitwork/io/timeout.hpp>
#include <waitwork/io/timer.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

task<std::thread::id> where_it_runs() { co_return std::this_thread::get_id(); }

class call_on_another_loop : public ::testing::Test {
 protected:
  loop_thread there_;
  loop here_;
};

TEST_F(call_on_another_loop, runs_there_and_resumes_here) {
  const auto body = [this]() -> task<void> {
    const std::thread::id home = std::this_thread::get_id();
    const std::thread::id away = co_await call_on(there_.handle(), where_it_runs());
    EXPECT_EQ(away, there_.id());
    EXPECT_EQ(std::this_thread::get_id(), home);
  };
  here_.run(body());
}

TEST_F(call_on_another_loop, brings_values_that_only_move) {
  const auto make = []() -> task<std::unique_ptr<int>> {
    co_await sleep_for(1us);
    co_return std::make_unique<int>(6);
  };
  const auto body = [&]() -> task<void> {
    const std::unique_ptr<int> value = co_await call_on(there_.handle(), make());
    EXPECT_EQ(*value, 6);
  };
  here_.run(body());
}

TEST_F(call_on_another_loop, brings_exceptions) {
  const auto fail = []() -> task<int> {
    co_await yield();
    throw std::runtime_error("over there");
  };
  const auto body = [&]() -> task<void> { static_cast<void>(co_await call_on(there_.handle(), fail())); };
  EXPECT_THROW(here_.run(body()), std::runtime_error);
}

TEST_F(call_on_another_loop, lets_this_one_go_on_meanwhile) {
  std::atomic<bool> slept{false};
  const auto wait_for_it = [&slept]() -> task<void> {
    while (!slept) co_await yield();
  };
  const auto calling = [&]() -> task<void> { co_await call_on(there_.handle(), wait_for_it()); };
  const auto sleeping = [&]() -> task<void> {
    co_await sleep_for(1ms);
    slept = true;
  };
  const auto body = [&]() -> task<void> { co_await when_all(calling(), sleeping()); };
  here_.run(body());
}

TEST_F(call_on_another_loop, forwards_a_stop_and_joins) {
  bool ended = false;
  const auto wait = [&ended]() -> task<void> {
    try {
      co_await sleep_for(1h);
    } catch (const cancelled&) {
    }
    co_await shielded(sleep_for(1ms));
    ended = true;
    throw cancelled();
  };
  const auto body = [&]() -> task<void> {
    const result<void> outcome = co_await with_timeout(1ms, call_on(there_.handle(), wait()));
    EXPECT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error(), std::errc::timed_out);
    EXPECT_TRUE(ended);
  };
  here_.run(body());
}

TEST_F(call_on_another_loop, is_not_begun_under_a_past_stop) {
  std::atomic<bool> begun{false};
  const auto work = [&begun]() -> task<void> {
    begun = true;
    co_return;
  };
  const auto body = [&]() -> task<void> {
    stop_source stop;
    stop.request_stop();
    co_await with_stop(stop, call_on(there_.handle(), work()));
  };
  EXPECT_THROW(here_.run(body()), cancelled);
  EXPECT_FALSE(begun);
}

TEST_F(call_on_another_loop, that_has_ended_is_refused) {
  there_.end();
  const auto body = [this]() -> task<void> { static_cast<void>(co_await call_on(there_.handle(), where_it_runs())); };
  EXPECT_THROW(here_.run(body()), cancelled);
}

TEST_F(call_on_another_loop, or_on_this_one) {
  const auto body = [this]() -> task<void> {
    const remote own = here_.remote();
    const std::thread::id ran = co_await call_on(own, where_it_runs());
    EXPECT_EQ(ran, std::this_thread::get_id());
  };
  here_.run(body());
}

TEST_F(call_on_another_loop, and_from_there_back_again) {
  const remote home = here_.remote();
  const auto there_and_back = [&]() -> task<std::thread::id> { co_return co_await call_on(home, where_it_runs()); };
  const auto body = [&]() -> task<void> {
    const std::thread::id ran = co_await call_on(there_.handle(), there_and_back());
    EXPECT_EQ(ran, std::this_thread::get_id());
  };
  here_.run(body());
}

// The stop meets the call before it has begun, while it runs, and when its answer is on the way.
TEST_F(call_on_another_loop, survives_a_stop_at_any_moment) {
  int answered = 0;
  int stopped = 0;
  const auto work = [](int turns) -> task<int> {
    for (int i = 0; i < turns; ++i) co_await yield();
    co_return turns;
  };
  const auto call = [&](stop_source& stop, int turns) -> task<void> {
    try {
      const int given = co_await with_stop(stop, call_on(there_.handle(), work(turns)));
      EXPECT_EQ(given, turns);
      ++answered;
    } catch (const cancelled&) {
      ++stopped;
    }
  };
  const auto request = [](stop_source& stop, int after) -> task<void> {
    for (int i = 0; i < after; ++i) co_await yield();
    stop.request_stop();
  };
  const auto body = [&]() -> task<void> {
    for (int round = 0; round < 3000; ++round) {
      stop_source stop;
      co_await when_all(call(stop, round % 7), request(stop, round % 41));
    }
  };
  here_.run(body());
  EXPECT_EQ(answered + stopped, 3000);
}

// Two loops call each other while one of them ends: nobody waits for ever, and nothing runs on a loop that is gone.
TEST(call_on, ends_with_either_loop) {
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::atomic<int> calls{0};
    loop_thread first;
    loop_thread second;
    const auto keep_calling = [&calls](const remote& other) -> task<void> {
      for (;;) {
        ++calls;
        static_cast<void>(co_await call_on(other, where_it_runs()));
      }
    };
    std::vector<spawned<void>> callers;
    for (int i = 0; i < 4; ++i) {
      callers.push_back(first.handle().spawn(keep_calling(second.handle())));
      callers.push_back(second.handle().spawn(keep_calling(first.handle())));
    }
    while (calls < round) std::this_thread::yield();
    (round % 2 == 0 ? first : second).end();
    for (spawned<void>& each : callers) EXPECT_THROW(each.get(), cancelled);
  }
}

}  // namespace
}  // namespace waitwork
