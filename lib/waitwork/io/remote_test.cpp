// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/remote.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/base/random.hpp>
#include <waitwork/io/loop_thread_for_test.hpp>
#include <waitwork/io/timer.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

task<std::thread::id> where_it_runs() { co_return std::this_thread::get_id(); }

// Waits for nothing that ever comes; counts how it ended.
task<void> wait_to_be_stopped(std::atomic<int>& stopped) {
  event never;
  try {
    co_await never.wait();
  } catch (const cancelled&) {
    ++stopped;
    throw;
  }
}

TEST(remote, runs_what_is_spawned_on_the_thread_of_its_loop) {
  loop_thread there;
  EXPECT_EQ(there.handle().spawn(where_it_runs()).get(), there.id());
}

TEST(remote, brings_values_that_only_move_and_exceptions) {
  loop_thread there;
  const auto make = []() -> task<std::unique_ptr<int>> {
    co_await yield();
    co_return std::make_unique<int>(4);
  };
  const auto fail = []() -> task<int> {
    co_await sleep_for(1us);
    throw std::runtime_error("over there");
  };
  EXPECT_EQ(*there.handle().spawn(make()).get(), 4);
  spawned<int> failing = there.handle().spawn(fail());
  failing.wait();
  try {
    failing.get();
    ADD_FAILURE() << "it failed";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "over there");
  }
}

TEST(remote, says_whether_it_has_ended) {
  loop_thread there;
  std::atomic<int> stopped{0};
  spawned<void> waiting = there.handle().spawn(wait_to_be_stopped(stopped));
  EXPECT_FALSE(waiting.wait_for(0ms));
  waiting.request_stop();
  waiting.wait();
  EXPECT_TRUE(waiting.wait_for(0ms));
  EXPECT_THROW(waiting.get(), cancelled);
  EXPECT_EQ(stopped, 1);
}

TEST(remote, stops_one_task_and_leaves_the_others_alone) {
  loop_thread there;
  std::atomic<int> stopped{0};
  spawned<void> first = there.handle().spawn(wait_to_be_stopped(stopped));
  spawned<void> second = there.handle().spawn(wait_to_be_stopped(stopped));
  first.request_stop();
  first.request_stop();
  EXPECT_THROW(first.get(), cancelled);
  EXPECT_FALSE(second.wait_for(1ms));
  second.request_stop();
  EXPECT_THROW(second.get(), cancelled);
  EXPECT_EQ(stopped, 2);
}

TEST(remote, lets_a_task_end_well_that_was_stopped_too_late) {
  loop_thread there;
  spawned<std::thread::id> quick = there.handle().spawn(where_it_runs());
  quick.wait();
  quick.request_stop();
  EXPECT_EQ(quick.get(), there.id());
}

TEST(remote, runs_on_what_was_dropped) {
  std::atomic<bool> done{false};
  const auto work = [&done]() -> task<void> {
    co_await yield();
    done = true;
  };
  loop_thread there;
  {
    const auto dropped = there.handle().spawn(work());
  }
  while (!done) std::this_thread::yield();
}

TEST(remote, of_a_loop_that_has_not_begun_or_has_ended_refuses) {
  auto here = std::make_unique<loop>();
  const remote handle = here->remote();
  EXPECT_THROW(handle.spawn(where_it_runs()).get(), cancelled);
  here->run([]() -> task<void> { co_return; }());
  EXPECT_THROW(handle.spawn(where_it_runs()).get(), cancelled);
  here.reset();
  spawned<std::thread::id> late = handle.spawn(where_it_runs());
  EXPECT_TRUE(late.wait_for(0ms));
  late.request_stop();
  EXPECT_THROW(late.get(), cancelled);
  handle.request_stop();
}

TEST(remote, can_be_used_by_the_loop_itself) {
  loop here;
  const auto body = [&here]() -> task<bool> {
    spawned<std::thread::id> own = here.remote().spawn(where_it_runs());
    while (!own.wait_for(0ms)) co_await yield();
    co_return own.get() == std::this_thread::get_id();
  };
  EXPECT_TRUE(here.run(body()));
}

TEST(remote, joins_what_was_spawned_when_the_loops_own_task_ends) {
  std::atomic<int> stopped{0};
  std::vector<spawned<void>> waiting;
  loop_thread there;
  for (int i = 0; i < 10; ++i) waiting.push_back(there.handle().spawn(wait_to_be_stopped(stopped)));
  there.end();
  EXPECT_EQ(stopped, 10);
  for (spawned<void>& each : waiting) {
    EXPECT_TRUE(each.wait_for(0ms));
    EXPECT_THROW(each.get(), cancelled);
  }
}

TEST(remote, ends_the_loops_own_task_by_a_stop_from_outside) {
  std::optional<remote> handle;
  loop here;
  handle.emplace(here.remote());
  std::thread other;
  const auto body = [&]() -> task<void> {
    other = std::thread([&handle] { handle->request_stop(); });
    event never;
    co_await never.wait();
  };
  EXPECT_THROW(here.run(body()), cancelled);
  other.join();
}

// Between spawns a thread pauses now and then, so that the loop sleeps in some rounds and is awake in others.
TEST(remote, takes_spawns_of_many_threads_at_once) {
  constexpr int threads = 4;
  constexpr int spawns = 500;
  loop_thread there;
  std::atomic<int> ran{0};
  const auto work = [&ran](int value) -> task<int> {
    if (value % 3 == 0) co_await yield();
    ++ran;
    co_return value;
  };
  std::vector<std::thread> spawners;
  for (int thread = 0; thread < threads; ++thread) {
    spawners.emplace_back([&, thread] {
      splitmix64 random(static_cast<std::uint64_t>(thread));
      for (int i = 0; i < spawns; ++i) {
        EXPECT_EQ(there.handle().spawn(work(i)).get(), i);
        if (random.below(16) == 0) std::this_thread::sleep_for(50us);
      }
    });
  }
  for (std::thread& each : spawners) each.join();
  EXPECT_EQ(ran, threads * spawns);
}

// The loop ends at any moment while threads spawn and stop. Every task either runs to its end or is refused, and
// everybody who waits is told.
TEST(remote, loses_nothing_when_its_loop_ends_while_spawns_arrive) {
  constexpr int threads = 3;
  constexpr int rounds = 150;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::atomic<int> begun{0};
    std::atomic<int> ended{0};
    std::atomic<int> told{0};
    std::atomic<int> refused{0};
    std::atomic<int> spawned_by_now{0};
    const auto work = [&](int value) -> task<int> {
      ++begun;
      try {
        if (value % 2 == 0) co_await sleep_for(20us);
        if (value % 3 == 0) co_await yield();
      } catch (const cancelled&) {
        ++ended;
        throw;
      }
      ++ended;
      co_return value;
    };
    {
      loop_thread there;
      std::vector<std::thread> spawners;
      for (int thread = 0; thread < threads; ++thread) {
        spawners.emplace_back([&, thread] {
          for (int i = 0; i < 40; ++i) {
            spawned<int> pending = there.handle().spawn(work(i));
            ++spawned_by_now;
            if ((i + thread) % 5 == 0) pending.request_stop();
            try {
              EXPECT_EQ(pending.get(), i);
            } catch (const cancelled&) {
              ++refused;
            }
            ++told;
          }
        });
      }
      while (spawned_by_now < round % (threads * 40)) std::this_thread::yield();
      there.end();
      for (std::thread& each : spawners) each.join();
    }
    EXPECT_EQ(told, threads * 40);
    EXPECT_EQ(begun, ended);
    EXPECT_GE(begun + refused, threads * 40);
  }
}

}  // namespace
}  // namespace waitwork
