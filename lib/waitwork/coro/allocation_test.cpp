// SPDX-License-Identifier: Apache-2.0
// Once warm, starting and awaiting coroutines asks operator new for nothing. A program of its own, because it replaces
// operator new; not under AddressSanitizer, where the frame pool steps aside.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <optional>
#include <utility>

#include <waitwork/coro/channel.hpp>
#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/event.hpp>
#include <waitwork/coro/mutex.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/semaphore.hpp>
#include <waitwork/coro/this_task.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/coro/when_any.hpp>

namespace {

std::size_t allocations = 0;

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
// All out of line: g++ 12 inlines one of a pair, and then sees a malloc() where it expects an operator new.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace waitwork {
namespace {

// Allocations in 1000 rounds of `round` after 10 to warm up; round: () -> an awaitable.
template <class Round>
std::size_t allocations_once_warm(Round& round) {
  const auto body = [&round]() -> task<std::size_t> {
    std::size_t before = 0;
    for (int i = 0; i < 1010; ++i) {
      if (i == 10) before = allocations;
      co_await round();
    }
    co_return allocations - before;
  };
  return run_for_test(body());
}

task<int> ready_value(int value) { co_return value; }
task<void> suspends() { co_await yield(); }

TEST(allocation, is_counted_here) {
  const std::size_t before = allocations;
  ::operator delete(::operator new(1));  // not an expression that a compiler may leave out
  EXPECT_EQ(allocations, before + 1);
}

TEST(allocation, is_none_for_awaiting_a_task_that_completes_at_once_or_suspends) {
  const auto at_once = []() { return ready_value(1); };
  EXPECT_EQ(allocations_once_warm(at_once), 0u);
  EXPECT_EQ(allocations_once_warm(suspends), 0u);
  EXPECT_EQ(allocations_once_warm(yield), 0u);
}

TEST(allocation, is_none_for_a_scope_and_what_is_spawned_in_it) {
  auto body = [](scope& children) -> task<int> {
    for (int i = 0; i < 20; ++i) children.spawn(suspends());
    co_return 1;
  };
  const auto round = [&]() { return with_scope(body); };
  EXPECT_EQ(allocations_once_warm(round), 0u);
}

TEST(allocation, is_none_for_when_all_and_when_any_of_named_tasks) {
  const auto all = []() { return when_all(ready_value(1), suspends(), suspends()); };
  EXPECT_EQ(allocations_once_warm(all), 0u);
  const auto any = []() { return when_any(ready_value(1), suspends()); };
  EXPECT_EQ(allocations_once_warm(any), 0u);
}

TEST(allocation, is_none_for_shielded_and_with_stop) {
  stop_source own;
  const auto round = [&]() -> task<void> {
    co_await shielded(suspends());
    co_await with_stop(own, yield());
  };
  EXPECT_EQ(allocations_once_warm(round), 0u);
}

TEST(allocation, is_none_for_waits_at_a_semaphore_mutex_or_event_and_in_a_channel) {
  semaphore slots(0);
  mutex shared;
  event ready;
  channel<int> queue(1);
  const auto takes = [&]() -> task<void> {
    co_await slots.acquire();
    const mutex::guard guard = co_await shared.lock();
    co_await ready.wait();
    const std::optional<int> received = co_await queue.receive();
    EXPECT_EQ(received, 1);
  };
  const auto gives = [&]() -> task<void> {
    ready.reset();
    slots.release();
    co_await yield();
    ready.set();
    co_await yield();
    const bool sent = co_await queue.send(1);
    EXPECT_TRUE(sent);
  };
  const auto round = [&]() { return when_all(takes(), gives()); };
  EXPECT_EQ(allocations_once_warm(round), 0u);
}

}  // namespace
}  // namespace waitwork
