// SPDX-License-Identifier: Apache-2.0
#include <waitwork/parallel/arena.hpp>

#include <gtest/gtest.h>
#include <oneapi/tbb.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace waitwork {
namespace {

class arenas : public ::testing::TestWithParam<unsigned> {};

TEST_P(arenas, run_each_body_once_on_a_thread_of_its_own) {
  arena workers(GetParam());
  workers.warm_up();
  std::mutex mutex;
  std::multiset<unsigned> bodies;
  std::set<std::thread::id> threads;
  std::atomic<unsigned> here{0};
  workers.run_on_each([&](unsigned worker) {
    {
      const std::lock_guard lock(mutex);
      bodies.insert(worker);
      threads.insert(std::this_thread::get_id());
    }
    // Leaves only when all are in: impossible unless they really run at the same time.
    here.fetch_add(1);
    while (here.load() < GetParam()) std::this_thread::yield();
  });
  EXPECT_EQ(threads.size(), GetParam());
  EXPECT_EQ(bodies.size(), GetParam());
  for (unsigned worker = 0; worker < GetParam(); ++worker) EXPECT_EQ(bodies.count(worker), 1u);
}

class counting_job final : public job {
 public:
  counting_job(arena& home, std::atomic<int>& count) noexcept : arena_(home), count_(count) {}

 private:
  void run() noexcept override {
    arena_.enter([](void* count) noexcept { static_cast<std::atomic<int>*>(count)->fetch_add(1); }, &count_);
  }

  arena& arena_;
  std::atomic<int>& count_;
};

TEST_P(arenas, run_everything_that_is_handed_in) {
  constexpr int count = 1000;
  std::atomic<int> done{0};
  std::deque<counting_job> jobs;
  {
    arena workers(GetParam(), callers::hand_in);
    workers.warm_up();
    for (int i = 0; i < count; ++i) workers.submit(jobs.emplace_back(workers, done));
    while (done.load() < count) std::this_thread::yield();
    EXPECT_EQ(workers.counters().threads_peak, GetParam());
  }
  EXPECT_EQ(done.load(), count);
}

// A job that is parallel itself has the arena's other slots, whose threads oneTBB brings.
class parallel_job final : public job {
 public:
  explicit parallel_job(arena& home) noexcept : arena_(home) {}
  bool done() const noexcept { return done_; }

 private:
  void run() noexcept override {
    arena_.enter([](void* self) noexcept { static_cast<parallel_job*>(self)->meet_all(); }, this);
    done_ = true;
  }
  void meet_all() {
    const auto slots = static_cast<unsigned>(oneapi::tbb::this_task_arena::max_concurrency());
    EXPECT_EQ(slots, arena_.workers());
    oneapi::tbb::task_group group;
    std::atomic<unsigned> here{0};
    for (unsigned i = 0; i < slots; ++i) {
      // Leaves only when all are in.
      group.run([&] {
        ++here;
        while (here < slots) std::this_thread::yield();
      });
    }
    group.wait();
  }

  arena& arena_;
  std::atomic<bool> done_{false};
};

TEST_P(arenas, give_a_job_that_is_parallel_itself_all_their_slots) {
  arena workers(GetParam(), callers::hand_in);
  parallel_job work(workers);
  workers.submit(work);
  while (!work.done()) std::this_thread::yield();
}

// More workers than CPUs is the point for work that waits.
INSTANTIATE_TEST_SUITE_P(of_every_size, arenas, ::testing::Values(1u, 2u, 3u, 16u, 64u));

TEST(arena, hands_the_first_failure_to_the_caller_after_all_have_ended) {
  arena workers(4);
  std::atomic<unsigned> ended{0};
  EXPECT_THROW(workers.run_on_each([&](unsigned worker) {
    if (worker == 2) throw std::runtime_error("two");
    ended.fetch_add(1);
  }),
               std::runtime_error);
  EXPECT_GE(ended.load(), 1u);
}

TEST(arena, of_a_failing_caller_still_joins_the_others) {
  arena workers(3);
  std::atomic<bool> other_ended{false};
  EXPECT_THROW(workers.run_on_each([&](unsigned worker) {
    if (worker == 0) throw std::runtime_error("zero");
    if (worker == 1) other_ended = true;
  }),
               std::runtime_error);
  EXPECT_TRUE(other_ended.load());
}

TEST(arena, beside_another_has_all_of_its_workers) {
  arena small(2, callers::hand_in);
  small.warm_up();
  arena large(6);
  EXPECT_NO_THROW(large.warm_up());
  EXPECT_NO_THROW(small.warm_up());
}

TEST(arena, without_a_slot_for_its_caller_refuses_run_on_each) {
  EXPECT_DEATH(
      {
        arena workers(2, callers::hand_in);
        workers.run_on_each([](unsigned) {});
      },
      "slot for its caller");
}

}  // namespace
}  // namespace waitwork
