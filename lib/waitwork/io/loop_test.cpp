// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/loop.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/file.hpp>
#include <waitwork/io/nop.hpp>
#include <waitwork/io/timer.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

TEST(loop, runs_a_task_to_its_value) {
  loop here;
  const auto body = []() -> task<std::string> { co_return "done"; };
  EXPECT_EQ(here.run(body()), "done");
}

TEST(loop, throws_what_its_task_throws_and_can_run_again) {
  loop here;
  const auto failing = []() -> task<int> {
    co_await yield();
    throw std::runtime_error("inside");
  };
  const auto succeeding = []() -> task<int> {
    co_await yield();
    co_return 3;
  };
  EXPECT_THROW(here.run(failing()), std::runtime_error);
  EXPECT_EQ(here.run(succeeding()), 3);
}

TEST(loop, lets_coroutines_that_yield_take_turns) {
  loop here;
  std::string order;
  const auto worker = [&order](char name) -> task<void> {
    for (int i = 0; i < 3; ++i) {
      order += name;
      co_await yield();
    }
  };
  const auto body = [&]() -> task<void> { co_await when_all(worker('a'), worker('b')); };
  here.run(body());
  EXPECT_EQ(order, "ababab");
}

TEST(loop, that_only_yields_enters_the_kernel_not_once) {
  loop here;
  const auto body = []() -> task<void> {
    for (int i = 0; i < 1000; ++i) co_await yield();
  };
  here.run(body());
  EXPECT_GE(here.counters().turns, 1000u);
  EXPECT_EQ(here.counters().enters, 0u);
}

TEST(loop, serves_timers_while_another_coroutine_keeps_yielding) {
  loop here;
  bool slept = false;
  const auto sleeper = [&slept]() -> task<void> {
    co_await sleep_for(2ms);
    slept = true;
  };
  const auto busy = [&slept]() -> task<void> {
    while (!slept) co_await yield();
  };
  const auto body = [&]() -> task<void> { co_await when_all(busy(), sleeper()); };
  here.run(body());
  EXPECT_TRUE(slept);
}

TEST(loop, serves_completions_while_another_coroutine_keeps_yielding) {
  loop here;
  bool opened = false;
  const auto opener = [&opened]() -> task<void> {
    const result<unique_fd> file = co_await open_file("/proc/self/status", O_RDONLY);
    EXPECT_TRUE(file.has_value());
    opened = true;
  };
  const auto busy = [&opened]() -> task<void> {
    while (!opened) co_await yield();
  };
  const auto body = [&]() -> task<void> { co_await when_all(busy(), opener()); };
  here.run(body());
}

TEST(loop, with_a_tiny_ring_completes_more_operations_than_it_has_entries) {
  loop_options tiny;
  tiny.submission_entries = 2;
  tiny.completion_entries = 4;
  tiny.submission_batch = 1000;  // never: the full queue is to be met
  loop here(tiny);
  int opened = 0;
  const auto opener = [&opened]() -> task<void> {
    const result<unique_fd> file = co_await open_file("/dev/null", O_RDONLY);
    if (file) ++opened;
  };
  const auto body = [&]() -> task<void> {
    std::vector<task<void>> openers;
    for (int i = 0; i < 300; ++i) openers.push_back(opener());
    co_await when_all(std::move(openers));
  };
  here.run(body());
  EXPECT_EQ(opened, 300);
  EXPECT_GT(here.counters().queue_full, 0u);
}

TEST(loop, hands_reads_of_files_over_in_batches_before_the_turn_ends_and_the_rest_at_its_end) {
  loop_options batching;
  batching.submission_batch = 4;
  const unique_fd file(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  const auto read_one = [](int fd) -> task<void> {
    std::array<std::byte, 8> bytes;
    const result<std::size_t> moved = co_await read_at(fd, bytes, 0);
    EXPECT_EQ(moved, bytes.size());
  };
  const auto wait_one = [](int) -> task<void> {
    const result<void> done = co_await nop();
    EXPECT_TRUE(done.has_value());
  };
  const auto many = [&file](auto& one) -> task<void> {
    std::vector<task<void>> all;
    for (int i = 0; i < 64; ++i) all.push_back(one(file.get()));
    co_await when_all(std::move(all));
  };
  loop reading(batching);
  reading.run(many(read_one));
  EXPECT_GE(reading.counters().enters, 64u / 4);
  EXPECT_EQ(reading.counters().queue_full, 0u);
  EXPECT_EQ(reading.counters().submissions, 64u);
  loop waiting(batching);
  waiting.run(many(wait_one));
  EXPECT_LE(waiting.counters().enters, 2u);
}

// Suspends and is resumed by another thread's post().
class posted_from_outside : private ready_node {
 public:
  explicit posted_from_outside(std::atomic<posted_from_outside*>& mailbox) noexcept : mailbox_(mailbox) {}
  posted_from_outside(const posted_from_outside&) = delete;
  posted_from_outside& operator=(const posted_from_outside&) = delete;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) noexcept {
    waiter = self;
    home_ = &loop::current();
    mailbox_.store(this, std::memory_order_release);
  }
  void await_resume() const noexcept {}
  void post() noexcept { home_->post(*this); }

 private:
  std::atomic<posted_from_outside*>& mailbox_;
  loop* home_ = nullptr;
};

// The loop sleeps in some rounds and is awake in others; a lost wake hangs this test, a wake that comes after the loop
// is gone is seen by the sanitizers.
TEST(loop, takes_what_another_thread_posts_asleep_or_awake) {
  constexpr int rounds = 2000;
  std::atomic<posted_from_outside*> mailbox{nullptr};
  std::thread poster([&mailbox] {
    for (int round = 0; round < rounds; ++round) {
      posted_from_outside* waiting = nullptr;
      while ((waiting = mailbox.exchange(nullptr, std::memory_order_acquire)) == nullptr) {
        std::this_thread::yield();
      }
      if (round % 3 == 0) std::this_thread::sleep_for(20us);
      waiting->post();
    }
  });
  for (int run = 0; run < rounds / 10; ++run) {
    loop here;
    const auto body = [&mailbox]() -> task<void> {
      for (int i = 0; i < 10; ++i) co_await posted_from_outside(mailbox);
    };
    here.run(body());
    EXPECT_EQ(here.counters().posts_taken, 10u);
  }
  poster.join();
}

TEST(loop, takes_posts_of_many_threads) {
  constexpr int threads = 4;
  constexpr int posts = 2000;
  std::vector<std::atomic<posted_from_outside*>> mailboxes(threads);
  std::vector<std::thread> posters;
  for (int thread = 0; thread < threads; ++thread) {
    posters.emplace_back([&mailbox = mailboxes[static_cast<std::size_t>(thread)]] {
      for (int i = 0; i < posts; ++i) {
        posted_from_outside* waiting = nullptr;
        while ((waiting = mailbox.exchange(nullptr, std::memory_order_acquire)) == nullptr) {
          std::this_thread::yield();
        }
        waiting->post();
      }
    });
  }
  loop here;
  const auto waiter = [](std::atomic<posted_from_outside*>& mailbox) -> task<void> {
    for (int i = 0; i < posts; ++i) co_await posted_from_outside(mailbox);
  };
  const auto body = [&]() -> task<void> {
    std::vector<task<void>> waiters;
    for (std::atomic<posted_from_outside*>& mailbox : mailboxes) waiters.push_back(waiter(mailbox));
    co_await when_all(std::move(waiters));
  };
  here.run(body());
  EXPECT_EQ(here.counters().posts_taken, static_cast<std::uint64_t>(threads * posts));
  for (std::thread& poster : posters) poster.join();
}

TEST(loop, is_a_bug_to_await_io_without_one) {
  const auto body = []() -> task<void> { co_await sleep_for(1ms); };
  EXPECT_DEATH(
      {
        task<void> root = body();
        root.handle().resume();
      },
      "needs a running loop");
}

TEST(loop, inside_a_loop_is_a_bug) {
  EXPECT_DEATH(
      {
        loop outer;
        const auto inner = []() -> task<void> {
          loop nested;
          nested.run([]() -> task<void> { co_return; }());
          co_return;
        };
        outer.run(inner());
      },
      "one loop at a time");
}

task<int> descend(int levels) {
  if (levels == 0) {
    co_await yield();
    co_return 0;
  }
  co_return 1 + co_await descend(levels - 1);
}

TEST(loop, runs_what_awaits_a_million_levels_deep) {
  loop here;
  EXPECT_EQ(here.run(descend(1'000'000)), 1'000'000);
}

}  // namespace
}  // namespace waitwork
