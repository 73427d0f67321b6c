// SPDX-License-Identifier: Apache-2.0
// A million rounds of everything that starts or resumes coroutines, on a stack that does not grow. Means most at -O0
// and under sanitizers, where nothing is a tail call.
#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include <waitwork/coro/channel.hpp>
#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/mutex.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/semaphore.hpp>
#include <waitwork/coro/stack_watch_for_test.hpp>
#include <waitwork/coro/this_task.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/coro/when_any.hpp>

namespace waitwork {
namespace {

constexpr int rounds = 1'000'000;

// A few resumptions nested in each other at -O0 under AddressSanitizer; growth by one word a round would be 8 MB.
constexpr std::uintptr_t flat_bytes = 64 << 10;

class flat_stack : public testing::Test {
 protected:
  template <class Round>
  void run_rounds(Round& round) {
    const auto body = [&]() -> task<void> {
      for (int i = 0; i < rounds; ++i) {
        watch.note();
        co_await round();
      }
    };
    run_for_test(body());
  }
  void TearDown() override { EXPECT_LT(watch.spread_bytes(), flat_bytes); }

  stack_watch watch;
};

TEST_F(flat_stack, of_children_that_complete_at_once) {
  const auto child = [this]() -> task<void> {
    watch.note();
    co_return;
  };
  run_rounds(child);
}

TEST_F(flat_stack, of_children_that_suspend) {
  const auto child = [this]() -> task<void> {
    co_await yield();
    watch.note();
  };
  run_rounds(child);
}

TEST_F(flat_stack, of_yield) {
  const auto body = [this]() -> task<void> {
    for (int i = 0; i < rounds; ++i) {
      co_await yield();
      watch.note();
    }
  };
  run_for_test(body());
}

TEST_F(flat_stack, of_a_chain_of_children_that_suspend_at_its_end) {
  const auto leaf = []() -> task<void> { co_await yield(); };
  const auto middle = [&]() -> task<void> { co_await leaf(); };
  const auto root = [&]() -> task<void> { co_await middle(); };
  run_rounds(root);
}

TEST_F(flat_stack, of_spawned_children_that_complete_at_once) {
  const auto child = [this]() -> task<void> {
    watch.note();
    co_return;
  };
  auto body = [&](scope& children) -> task<void> {
    for (int i = 0; i < rounds; ++i) children.spawn(child());
    co_return;
  };
  run_for_test(with_scope(body));
}

TEST_F(flat_stack, of_spawned_children_that_suspend) {
  const auto child = [this]() -> task<void> {
    co_await yield();
    watch.note();
  };
  auto body = [&](scope& children) -> task<void> {
    for (int i = 0; i < rounds; ++i) {
      children.spawn(child());
      if (i % 64 == 0) co_await yield();
    }
  };
  run_for_test(with_scope(body));
}

TEST_F(flat_stack, of_scopes) {
  const auto child = []() -> task<void> { co_await yield(); };
  auto inner = [&](scope& children) -> task<void> {
    children.spawn(child());
    watch.note();
    co_return;
  };
  const auto round = [&]() { return with_scope(inner); };
  run_rounds(round);
}

TEST_F(flat_stack, of_scopes_that_complete_at_once) {
  auto inner = [](scope&) -> task<int> { co_return 1; };
  const auto round = [&]() { return with_scope(inner); };
  run_rounds(round);
}

TEST_F(flat_stack, of_when_any_whose_first_child_completes_at_once) {
  const auto ready = []() -> task<int> { co_return 1; };
  const auto waits = []() -> task<void> { co_await yield(); };
  const auto round = [&]() { return when_any(ready(), waits()); };
  run_rounds(round);
}

TEST_F(flat_stack, of_when_any_with_a_loser_to_join) {
  const auto short_one = []() -> task<void> { co_await yield(); };
  const auto long_one = []() -> task<void> {
    co_await yield();
    co_await yield();
  };
  const auto round = [&]() { return when_any(long_one(), short_one()); };
  run_rounds(round);
}

TEST_F(flat_stack, of_when_all) {
  const auto waits = []() -> task<void> { co_await yield(); };
  const auto ready = []() -> task<int> { co_return 1; };
  const auto round = [&]() { return when_all(waits(), ready(), waits()); };
  run_rounds(round);
}

TEST_F(flat_stack, of_shielded_and_with_stop) {
  stop_source own;
  const auto ready = []() -> task<void> { co_return; };
  const auto round = [&]() -> task<void> {
    co_await shielded(ready());
    co_await with_stop(own, yield());
  };
  run_rounds(round);
}

TEST_F(flat_stack, of_a_semaphore_that_is_handed_to_and_fro) {
  semaphore ping(1);
  semaphore pong(0);
  const auto plays = [this](semaphore& own, semaphore& other) -> task<void> {
    for (int i = 0; i < rounds; ++i) {
      co_await own.acquire();
      watch.note();
      other.release();
    }
  };
  const auto body = [&]() -> task<void> { co_await when_all(plays(ping, pong), plays(pong, ping)); };
  run_for_test(body());
}

TEST_F(flat_stack, of_a_mutex_that_is_free) {
  mutex own;
  const auto body = [&]() -> task<void> {
    for (int i = 0; i < rounds; ++i) {
      const mutex::guard guard = co_await own.lock();
      watch.note();
    }
  };
  run_for_test(body());
}

TEST_F(flat_stack, of_a_channel_without_room) {
  channel<int> meeting(0);
  const auto sends = [&]() -> task<void> {
    for (int i = 0; i < rounds; ++i) {
      const bool sent = co_await meeting.send(i);
      if (!sent) co_return;
      watch.note();
    }
    meeting.close();
  };
  const auto receives = [&]() -> task<int> {
    int received = 0;
    for (;;) {
      const std::optional<int> value = co_await meeting.receive();
      if (!value) break;
      ++received;
      watch.note();
    }
    co_return received;
  };
  const auto body = [&]() -> task<int> {
    const auto [nothing, received] = co_await when_all(sends(), receives());
    co_return received;
  };
  EXPECT_EQ(run_for_test(body()), rounds);
}

// A request walks a list; what it ends resumes from the queue, not from inside one another.
TEST_F(flat_stack, of_a_stop_that_ends_a_hundred_thousand_waits) {
  driver_for_test driver;
  stop_source stop;
  semaphore never(0);
  const auto waits = [&]() -> task<void> {
    try {
      co_await never.acquire();
    } catch (const cancelled&) {
      watch.note();
    }
  };
  auto body = [&](scope& children) -> task<void> {
    for (int i = 0; i < 100'000; ++i) children.spawn(waits());
    co_return;
  };
  started_for_test<void> running(with_scope(body), &stop);
  stop.request_stop();
  driver.run_until_idle();
  EXPECT_TRUE(running.done());
}

}  // namespace
}  // namespace waitwork
