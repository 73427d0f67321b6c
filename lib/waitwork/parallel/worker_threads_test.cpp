// SPDX-License-Identifier: Apache-2.0
#include <waitwork/parallel/worker_threads.hpp>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/random.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

// A door that jobs stand before until it is opened.
class door {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void wait_until_arrived(unsigned expected) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= expected; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  unsigned arrived_ = 0;
};

class job_at_door final : public job {
 public:
  explicit job_at_door(door& before) noexcept : door_(before) {}
  bool ran() const noexcept { return ran_; }

 private:
  void run() noexcept override {
    door_.pass();
    ran_ = true;
  }

  door& door_;
  std::atomic<bool> ran_{false};
};

class recording_job final : public job {
 public:
  recording_job(std::vector<int>& order, int name) noexcept : order_(order), name_(name) {}

 private:
  void run() noexcept override { order_.push_back(name_); }

  std::vector<int>& order_;
  int name_;
};

worker_threads_options at_most(unsigned limit, nanoseconds keep_idle = 10s) {
  worker_threads_options options;
  options.limit = limit;
  options.keep_idle = keep_idle;
  return options;
}

TEST(worker_threads, are_started_when_needed_and_not_beyond_their_limit) {
  door before;
  std::deque<job_at_door> jobs;
  worker_threads threads(at_most(3));
  EXPECT_EQ(threads.counters().threads, 0u);
  for (unsigned count = 1; count <= 5; ++count) {
    threads.submit(jobs.emplace_back(before));
    EXPECT_EQ(threads.counters().threads, std::min(count, 3u));
  }
  before.wait_until_arrived(3);
  EXPECT_EQ(threads.counters().jobs, 3u);
  before.open();
}

TEST(worker_threads, that_are_idle_are_used_again) {
  worker_threads threads(at_most(8));
  for (int i = 0; i < 100; ++i) {
    door before;
    job_at_door work(before);
    before.open();
    threads.submit(work);
    while (!work.ran()) std::this_thread::yield();
    // The job has told us; its thread needs a moment to say that it is free.
    std::this_thread::yield();
  }
  EXPECT_LE(threads.counters().threads_peak, 8u);
  EXPECT_EQ(threads.counters().jobs, 100u);
}

TEST(worker_threads, take_what_waits_in_order) {
  std::vector<int> order;
  door before;
  job_at_door first(before);
  std::deque<recording_job> jobs;
  {
    worker_threads threads(at_most(1));
    threads.submit(first);
    before.wait_until_arrived(1);
    for (int i = 0; i < 5; ++i) threads.submit(jobs.emplace_back(order, i));
    before.open();
  }
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(worker_threads, give_back_what_is_not_begun_and_nothing_else) {
  std::vector<int> order;
  door before;
  job_at_door first(before);
  std::deque<recording_job> jobs;
  {
    worker_threads threads(at_most(1));
    threads.submit(first);
    before.wait_until_arrived(1);
    for (int i = 0; i < 6; ++i) threads.submit(jobs.emplace_back(order, i));
    EXPECT_TRUE(threads.withdraw(jobs[0]));
    EXPECT_TRUE(threads.withdraw(jobs[3]));
    EXPECT_TRUE(threads.withdraw(jobs[5]));
    EXPECT_FALSE(threads.withdraw(jobs[3]));
    EXPECT_FALSE(threads.withdraw(first));
    threads.submit(jobs[0]);
    EXPECT_EQ(threads.counters().withdrawn, 3u);
    before.open();
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2, 4, 0}));
  EXPECT_TRUE(first.ran());
}

TEST(worker_threads, end_when_idle_for_long_and_come_back) {
  worker_threads threads(at_most(4, 1ms));
  for (int round = 0; round < 3; ++round) {
    door before;
    std::deque<job_at_door> jobs;
    for (int i = 0; i < 4; ++i) threads.submit(jobs.emplace_back(before));
    before.wait_until_arrived(4);
    before.open();
    while (threads.counters().threads > 0) std::this_thread::yield();
  }
  EXPECT_EQ(threads.counters().started, 12u);
}

TEST(worker_threads, can_all_be_started_beforehand) {
  worker_threads threads(at_most(5));
  threads.start_all();
  EXPECT_EQ(threads.counters().threads, 5u);
}

TEST(worker_threads, do_everything_before_they_are_gone) {
  door before;
  std::deque<job_at_door> jobs;
  std::thread opener;
  {
    worker_threads threads(at_most(2));
    for (int i = 0; i < 50; ++i) threads.submit(jobs.emplace_back(before));
    opener = std::thread([&before] { before.open(); });
  }
  opener.join();
  for (const job_at_door& each : jobs) EXPECT_TRUE(each.ran());
}

TEST(worker_threads, say_whether_a_cpu_is_to_spare) {
  door before;
  std::deque<job_at_door> jobs;
  worker_threads_options options = at_most(3);
  EXPECT_FALSE(worker_threads(options).has_cpu_to_spare());  // nothing is known of CPUs
  options.cpus = 2;
  worker_threads threads(options);
  EXPECT_TRUE(threads.has_cpu_to_spare());
  for (const bool expected : {true, false, false}) {
    threads.submit(jobs.emplace_back(before));
    EXPECT_EQ(threads.has_cpu_to_spare(), expected) << jobs.size();
  }
  before.open();
  while (!threads.has_cpu_to_spare()) std::this_thread::yield();
}

class worker_threads_in_a_crowd : public testing::TestWithParam<unsigned> {};

// Threads hand in and take back while other threads end for want of work and are started again.
TEST_P(worker_threads_in_a_crowd, lose_nothing_when_everything_happens_at_once) {
  constexpr int rounds = 400;
  std::atomic<int> ran{0};
  std::atomic<int> withdrawn{0};
  class counting final : public job {
   public:
    explicit counting(std::atomic<int>& count) noexcept : count_(count) {}
    bool done() const noexcept { return done_; }

   private:
    void run() noexcept override {
      ++count_;
      done_ = true;
    }

    std::atomic<int>& count_;
    std::atomic<bool> done_{false};
  };
  {
    worker_threads_options options = at_most(3, 20us);
    options.cpus = GetParam();
    worker_threads threads(options);
    std::vector<std::thread> callers;
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      callers.emplace_back([&, seed] {
        splitmix64 random(seed);
        for (int round = 0; round < rounds; ++round) {
          std::deque<counting> jobs;
          for (int i = 0; i < 4; ++i) threads.submit(jobs.emplace_back(ran));
          if (random.below(4) == 0) std::this_thread::sleep_for(30us);
          for (counting& each : jobs) {
            if (random.below(2) == 0 && threads.withdraw(each)) {
              ++withdrawn;
            } else {
              while (!each.done()) std::this_thread::yield();
            }
          }
        }
      });
    }
    for (std::thread& each : callers) each.join();
  }
  EXPECT_EQ(ran + withdrawn, 4 * rounds * 4);
}

INSTANTIATE_TEST_SUITE_P(that_sleep_or_look_out, worker_threads_in_a_crowd, testing::Values(0u, 16u));

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// Lets this process have no memory for the stack of another thread.
void allow_no_thread() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlimit little{.rlim_cur = pages * 4096 + (4 << 20), .rlim_max = RLIM_INFINITY};
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &little), 0);
}

// In a process of its own for the sake of the limit, and started afresh, because a forked one could use the stacks of
// threads that have ended.
TEST(worker_threads_without_a_single_thread, say_the_cause_and_the_remedy) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        worker_threads threads(at_most(2));
        allow_no_thread();
        std::vector<int> order;
        recording_job work(order, 1);
        try {
          threads.submit(work);
        } catch (const environment_error& error) {
          std::fputs(error.what(), stderr);
        }
        std::_Exit(threads.counters().refused == 1 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0),
      "start a thread for work: there is no memory for a stack of .*; raise the limits on memory");
}

TEST(worker_threads_without_a_second_thread, go_on_with_the_first) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        bool all_ran = false;
        {
          door before;
          worker_threads threads(at_most(8));
          std::deque<job_at_door> jobs;
          threads.submit(jobs.emplace_back(before));
          before.wait_until_arrived(1);
          allow_no_thread();
          for (int i = 0; i < 3; ++i) threads.submit(jobs.emplace_back(before));
          before.open();
          for (const job_at_door& each : jobs) {
            while (!each.ran()) std::this_thread::yield();
          }
          all_ran = threads.counters().refused == 3 && threads.counters().threads == 1;
        }
        std::_Exit(all_ran ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

#endif

}  // namespace
}  // namespace waitwork
