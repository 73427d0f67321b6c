// SPDX-License-Identifier: Apache-2.0
// How the ideas of Python's async are written here: the table of lib/README.md, compiled and run. A test of the
// documents compares the two.

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <thread>

#include <waitwork/base/check.hpp>
#include <waitwork/coro/channel.hpp>
#include <waitwork/coro/event.hpp>
#include <waitwork/coro/mutex.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/semaphore.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/coro/when_any.hpp>
#include <waitwork/hybrid/blocking_pool.hpp>
#include <waitwork/hybrid/offload.hpp>
#include <waitwork/io/file.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/remote.hpp>
#include <waitwork/io/timeout.hpp>
#include <waitwork/io/timer.hpp>
#include <waitwork/parallel/arena.hpp>

namespace {

using namespace waitwork;
using namespace std::chrono_literals;

task<std::size_t> first_bytes(const char* path, std::span<std::byte> into) {
  const result<unique_fd> file = co_await open_file(path, O_RDONLY);
  if (!file) co_return 0;
  const result<std::size_t> read = co_await read_at(file->get(), into, 0);
  co_return read.value_or(0);
}

task<int> fetch(int id) {
  co_await sleep_for(1ms);
  co_return id;
}

task<void> send_mail(int& sent) {
  co_await yield();
  ++sent;
}

TEST(an_idea_of_pythons_async, a_coroutine_that_is_run) {
  std::array<std::byte, 16> buffer{};
  loop here;  // one thread, one ring
  const std::size_t count = here.run(first_bytes("/proc/version", buffer));
  EXPECT_EQ(count, buffer.size());
  EXPECT_EQ(here.run(first_bytes("/nowhere", buffer)), 0u);
}

task<void> several_at_once() {
  auto [a, b] = co_await when_all(fetch(1), fetch(2));
  EXPECT_EQ(a + b, 3);
  auto first = co_await when_any(fetch(1), fetch(2));
  EXPECT_EQ(first.index(), 0u);
}

TEST(an_idea_of_pythons_async, several_at_once) { loop().run(several_at_once()); }

task<void> started_and_joined(int& sent) {
  auto body = [&](scope& background) -> task<void> {
    background.spawn(send_mail(sent));
    EXPECT_EQ(sent, 0);  // goes on while this does
    co_await sleep_for(1ms);
    EXPECT_EQ(sent, 1);
    background.spawn(send_mail(sent));
  };
  co_await with_scope(body);
  EXPECT_EQ(sent, 2);
}

TEST(an_idea_of_pythons_async, tasks_that_are_started) {
  int sent = 0;
  loop().run(started_and_joined(sent));
}

task<void> limits() {
  const result<int> late = co_await with_timeout(1us, fetch(1));
  EXPECT_EQ(late.error(), std::errc::timed_out);
  int sent = 0;
  auto body = [&](scope& stopped) -> task<void> {
    stopped.spawn(send_mail(sent));
    stopped.request_stop();
    co_return;
  };
  co_await with_scope(body);
  EXPECT_EQ(sent, 0);
  int goodbyes = 0;
  co_await shielded(send_mail(goodbyes));
  EXPECT_EQ(goodbyes, 1);
}

TEST(an_idea_of_pythons_async, limits_and_stops) { loop().run(limits()); }

task<void> other_threads(arena& workers, blocking_pool& pool) {
  auto blocking = [] { return std::this_thread::get_id(); };
  const std::thread::id there = co_await offload_blocking(pool, blocking);
  EXPECT_NE(there, std::this_thread::get_id());
  auto computing = [] { return 6 * 7; };
  const int answer = co_await offload(workers, computing);
  EXPECT_EQ(answer, 42);
}

TEST(an_idea_of_pythons_async, functions_that_block_or_compute) {
  arena workers(2, callers::hand_in);
  blocking_pool pool;
  loop().run(other_threads(workers, pool));
}

TEST(an_idea_of_pythons_async, a_coroutine_that_another_thread_starts) {
  loop here;
  const remote outside = here.remote();
  std::jthread other;
  const auto main = [&]() -> task<void> {
    event asked;
    other = std::jthread([&outside, &asked] {
      const auto tell = [&asked]() -> task<void> {
        asked.set();
        co_return;
      };
      EXPECT_EQ(outside.spawn(fetch(7)).get(), 7);
      outside.spawn(tell()).get();
    });
    co_await asked.wait();
  };
  here.run(main());
}

task<void> between_coroutines() {
  semaphore at_most_two(2);
  co_await at_most_two.acquire();
  at_most_two.release();
  mutex turns;
  {
    auto guard = co_await turns.lock();
  }
  channel<int> orders(8);
  co_await orders.send(1);
  const std::optional<int> order = co_await orders.receive();
  EXPECT_EQ(order, 1);
  event opened;
  opened.set();
  co_await opened.wait();
}

TEST(an_idea_of_pythons_async, what_stands_between_coroutines) { loop().run(between_coroutines()); }

}  // namespace
