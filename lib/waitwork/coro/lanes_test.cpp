// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/lanes.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <stdexcept>
#include <vector>

#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/event.hpp>

namespace waitwork {
namespace {

// Hands out 0 .. count-1.
class counted_units {
 public:
  explicit counted_units(std::uint64_t count) : count_(count) {}
  std::optional<std::uint64_t> operator()() {
    if (next_ == count_) return std::nullopt;
    return next_++;
  }

 private:
  std::uint64_t next_ = 0;
  std::uint64_t count_;
};

// Waits that are ended one by one, oldest first.
class pending_units {
 public:
  class waiting {
   public:
    explicit waiting(pending_units& owner) noexcept : owner_(owner) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) { owner_.pending_.push_back(self); }
    void await_resume() const noexcept {}

   private:
    pending_units& owner_;
  };
  waiting wait() noexcept { return waiting(*this); }
  std::size_t count() const { return pending_.size(); }
  void end_oldest() {
    const std::coroutine_handle<> oldest = pending_.front();
    pending_.pop_front();
    oldest.resume();
  }

 private:
  std::deque<std::coroutine_handle<>> pending_;
};

TEST(lanes, do_every_unit_once_and_never_exceed_their_depth) {
  for (const unsigned depth : {1u, 2u, 7u, 64u}) {
    counted_units units(50);
    pending_units pending;
    std::multiset<std::uint64_t> seen;
    std::set<unsigned> busy;
    auto run_unit = [&](std::uint64_t unit, unsigned lane) -> task<void> {
      EXPECT_TRUE(busy.insert(lane).second) << "a lane has one unit at a time";
      seen.insert(unit);
      co_await pending.wait();
      busy.erase(lane);
    };
    started_for_test<void> running(lanes(0, depth, units, run_unit));
    std::size_t most = 0;
    while (!running.done()) {
      most = std::max(most, pending.count());
      pending.end_oldest();
    }
    running.take();
    EXPECT_EQ(most, std::min<std::size_t>(depth, 50));
    EXPECT_EQ(seen.size(), 50u);
    EXPECT_EQ(std::set<std::uint64_t>(seen.begin(), seen.end()).size(), 50u);
  }
}

TEST(lanes, start_at_their_first_lane) {
  counted_units units(3);
  std::set<unsigned> used;
  auto run_unit = [&used](std::uint64_t, unsigned lane) -> task<void> {
    used.insert(lane);
    co_return;
  };
  run_for_test(lanes(8, 3, units, run_unit));
  EXPECT_TRUE(used.contains(8));
  EXPECT_TRUE(std::ranges::all_of(used, [](unsigned lane) { return lane >= 8 && lane < 11; }));
}

TEST(lanes, stop_taking_units_after_a_failure_and_end_the_ones_in_flight) {
  counted_units units(100);
  pending_units pending;
  int started = 0;
  int ended = 0;
  auto run_unit = [&](std::uint64_t unit, unsigned) -> task<void> {
    ++started;
    co_await pending.wait();
    if (unit == 0) throw std::runtime_error("unit 0");
    ++ended;
  };
  started_for_test<void> running(lanes(0, 4, units, run_unit));
  while (!running.done()) pending.end_oldest();
  EXPECT_THROW(running.take(), std::runtime_error);
  EXPECT_EQ(started, 4);
  EXPECT_EQ(ended, 3);
}

TEST(lanes, that_are_stopped_end_the_units_in_flight_and_take_no_more) {
  driver_for_test driver;
  stop_source source;
  event never;
  counted_units units(100);
  int started = 0;
  int ended = 0;
  auto run_unit = [&](std::uint64_t, unsigned) -> task<void> {
    ++started;
    try {
      co_await never.wait();
    } catch (const cancelled&) {
      ++ended;
      throw;
    }
  };
  started_for_test<void> running(lanes(0, 4, units, run_unit), &source);
  source.request_stop();
  driver.run_until_idle();
  ASSERT_TRUE(running.done());
  EXPECT_THROW(running.take(), cancelled);
  EXPECT_EQ(started, 4);
  EXPECT_EQ(ended, 4);
}

TEST(lanes, without_a_unit_are_ready) {
  counted_units units(0);
  auto run_unit = [](std::uint64_t, unsigned) -> task<void> { co_return; };
  run_for_test(lanes(0, 16, units, run_unit));
}

}  // namespace
}  // namespace waitwork
