// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/timer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/timer_heap.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

TEST(timer_heap, gives_the_timers_back_in_the_order_of_their_deadlines) {
  splitmix64 random(7);
  for (const std::size_t count : {1u, 2u, 4u, 5u, 6u, 17u, 1000u}) {
    timer_heap heap;
    std::vector<std::unique_ptr<sleep_operation>> timers;
    std::vector<std::int64_t> deadlines;
    for (std::size_t i = 0; i < count; ++i) {
      const auto deadline_ns = static_cast<std::int64_t>(random.below(count));  // with equal ones
      timers.push_back(std::make_unique<sleep_operation>(time_point(nanoseconds(deadline_ns))));
      deadlines.push_back(deadline_ns);
      heap.push(*timers.back());
    }
    std::ranges::sort(deadlines);
    for (const std::int64_t expected : deadlines) {
      EXPECT_EQ(heap.earliest_ns(), expected);
      EXPECT_EQ(heap.pop().deadline_ns(), expected);
    }
    EXPECT_TRUE(heap.empty());
  }
}

TEST(timer_heap, keeps_its_order_while_timers_come_and_go_and_are_cancelled) {
  splitmix64 random(11);
  timer_heap heap;
  std::vector<std::unique_ptr<sleep_operation>> pending;  // in no order
  std::multiset<std::int64_t> deadlines;
  for (int i = 0; i < 50'000; ++i) {
    // Phases in which the heap grows, in which most are cancelled, and in which it shrinks.
    const std::uint64_t choice = random.below(10);
    const int phase = (i / 5'000) % 3;
    if (pending.empty() || choice < (phase == 0 ? 7u : phase == 1 ? 5u : 2u)) {
      const auto deadline_ns = static_cast<std::int64_t>(random.below(1'000'000));
      pending.push_back(std::make_unique<sleep_operation>(time_point(nanoseconds(deadline_ns))));
      deadlines.insert(deadline_ns);
      heap.push(*pending.back());
    } else if (choice < 9) {
      std::swap(pending[random.below(pending.size())], pending.back());
      deadlines.erase(deadlines.find(pending.back()->deadline_ns()));
      heap.remove(*pending.back());
      pending.pop_back();  // a dead entry must not be followed
    } else {
      ASSERT_EQ(heap.earliest_ns(), *deadlines.begin());
      timer& earliest = heap.pop();
      ASSERT_EQ(earliest.deadline_ns(), *deadlines.begin());
      deadlines.erase(deadlines.begin());
      std::erase_if(pending, [&](const auto& each) { return each.get() == &earliest; });
    }
    ASSERT_EQ(heap.size(), deadlines.size());
  }
}

TEST(timer_heap, does_not_grow_while_every_timer_is_cancelled) {
  timer_heap heap;
  for (int i = 0; i < 100'000; ++i) {
    sleep_operation soon(time_point{nanoseconds(i)});
    heap.push(soon);
    heap.remove(soon);
  }
  EXPECT_TRUE(heap.empty());
  EXPECT_LT(heap.entries_held(), 1000u);
}

TEST(sleep_for, never_ends_early) {
  loop here;
  const auto body = []() -> task<void> {
    for (const nanoseconds duration : {0ns, 1ns, 50'000ns, 3'000'000ns, nanoseconds(-5)}) {
      const std::int64_t begin = now_ns();
      co_await sleep_for(duration);
      EXPECT_GE(now_ns() - begin, duration.count());
    }
  };
  here.run(body());
}

TEST(sleep_until, wakes_in_the_order_of_the_deadlines) {
  loop here;
  std::vector<int> order;
  const auto sleeper = [&order](int position, time_point deadline) -> task<void> {
    co_await sleep_until(deadline);
    order.push_back(position);
  };
  const auto body = [&]() -> task<void> {
    const time_point start{nanoseconds(now_ns())};
    co_await when_all(sleeper(3, start + 9ms), sleeper(1, start + 3ms), sleeper(0, start - 1ms),
                      sleeper(2, start + 6ms));
  };
  here.run(body());
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
}

TEST(sleep_for, of_many_at_once_costs_no_submission) {
  loop here;
  const auto sleeper = []() -> task<void> { co_await sleep_for(5ms); };
  const auto body = [&]() -> task<void> {
    std::vector<task<void>> sleepers;
    for (int i = 0; i < 10'000; ++i) sleepers.push_back(sleeper());
    co_await when_all(std::move(sleepers));
  };
  here.run(body());
  EXPECT_EQ(here.counters().timers_expired, 10'000u);
  EXPECT_LE(here.counters().submissions, 1u) << "the bell is the only request";
}

}  // namespace
}  // namespace waitwork
