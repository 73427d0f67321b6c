// SPDX-License-Identifier: Apache-2.0
#include <waitwork/hybrid/loop_group.hpp>

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/base/affinity.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/call_on.hpp>
#include <waitwork/io/timer.hpp>
#include <waitwork/parallel/effective_cpus.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

loop_group_options of_loops(unsigned count) {
  loop_group_options options;
  options.count = count;
  return options;
}

task<std::thread::id> where_it_runs() { co_return std::this_thread::get_id(); }

TEST(loop_group, has_one_loop_for_each_effective_cpu) {
  const loop_group loops;
  EXPECT_EQ(loops.count(), effective_cpus());
}

TEST(loop_group, has_each_loop_on_a_thread_of_its_own) {
  const loop_group loops(of_loops(3));
  std::set<std::thread::id> threads;
  for (unsigned index = 0; index < 3; ++index) threads.insert(loops.on(index).spawn(where_it_runs()).get());
  EXPECT_EQ(threads.size(), 3u);
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
}

TEST(loop_group, pins_its_loops_in_turn_to_the_given_cpus) {
  const unsigned last = affinity_cpus().back();
  loop_group_options options = of_loops(2);
  options.cpus = {last};
  const loop_group loops(options);
  const auto allowed = []() -> task<std::vector<unsigned>> { co_return affinity_cpus(); };
  for (unsigned index = 0; index < 2; ++index) {
    EXPECT_EQ(loops.on(index).spawn(allowed()).get(), std::vector<unsigned>{last});
  }
}

TEST(loop_group, leaves_its_loops_free_to_move_if_asked) {
  loop_group_options options = of_loops(1);
  options.pinned = false;
  const loop_group loops(options);
  const auto allowed = []() -> task<std::vector<unsigned>> { co_return affinity_cpus(); };
  EXPECT_EQ(loops.on(0).spawn(allowed()).get(), affinity_cpus());
}

TEST(loop_group, says_which_cpu_it_cannot_have) {
  loop_group_options options = of_loops(3);
  options.cpus = {affinity_cpus().front(), 100'000};
  try {
    const loop_group loops(options);
    ADD_FAILURE() << "there is no such CPU";
  } catch (const environment_error& error) {
    EXPECT_EQ(error.operation(), "pin");
    EXPECT_NE(error.subject().find("100000"), std::string::npos);
  }
}

TEST(loop_group, runs_a_job_on_each_loop_at_the_same_time) {
  const loop_group loops(of_loops(3));
  std::atomic<unsigned> here{0};
  std::mutex mutex;
  std::set<unsigned> indices;
  std::set<loop*> used;
  const auto job = [&](unsigned index, loop& own) -> task<void> {
    {
      const std::lock_guard lock(mutex);
      indices.insert(index);
      used.insert(&own);
    }
    EXPECT_EQ(&loop::current(), &own);
    // Leaves only when all are in.
    ++here;
    while (here < 3) co_await yield();
  };
  loops.run_on_each(job);
  EXPECT_EQ(indices, (std::set<unsigned>{0, 1, 2}));
  EXPECT_EQ(used.size(), 3u);
}

TEST(loop_group, joins_all_jobs_and_throws_the_first_failure) {
  const loop_group loops(of_loops(3));
  std::atomic<int> ended{0};
  const auto job = [&ended](unsigned index, loop&) -> task<void> {
    if (index != 2) throw std::runtime_error(std::to_string(index));
    co_await sleep_for(1ms);
    ++ended;
  };
  try {
    loops.run_on_each(job);
    ADD_FAILURE() << "two jobs fail";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "0");
  }
  EXPECT_EQ(ended, 1);
  const auto nothing = [](unsigned, loop&) -> task<void> { co_return; };
  EXPECT_NO_THROW(loops.run_on_each(nothing));
}

TEST(loop_group, counts_for_each_loop_and_for_all) {
  const loop_group loops(of_loops(2));
  const auto sleeping = [](unsigned index, loop&) -> task<void> {
    for (unsigned i = 0; i < 5 * (index + 1); ++i) co_await sleep_for(1us);
  };
  const loop_counters before = loops.counters();
  loops.run_on_each(sleeping);
  EXPECT_EQ(loops.counters(0).timers_expired, 5u);
  EXPECT_EQ(loops.counters(1).timers_expired, 10u);
  loop_counters more = loops.counters();
  more -= before;
  EXPECT_EQ(more.timers_expired, 15u);
  EXPECT_NE(loops.setup_flags(), 0u);
}

TEST(loop_group, stops_and_joins_what_runs_on_it_when_it_ends) {
  std::atomic<int> stopped{0};
  const auto sleeping = [&stopped]() -> task<void> {
    try {
      co_await sleep_for(1h);
    } catch (const cancelled&) {
      ++stopped;
      throw;
    }
  };
  std::vector<spawned<void>> pending;
  {
    const loop_group loops(of_loops(2));
    for (unsigned i = 0; i < 6; ++i) pending.push_back(loops.on(i % 2).spawn(sleeping()));
  }
  EXPECT_EQ(stopped, 6);
  for (spawned<void>& each : pending) EXPECT_THROW(each.get(), cancelled);
}

TEST(loop_group, begins_and_ends_again_and_again) {
  for (int round = 0; round < 50; ++round) {
    const loop_group loops(of_loops(3));
    if (round % 2 == 0) loops.run_on_each([](unsigned, loop&) -> task<void> { co_return; });
  }
}

// Every loop asks every other, all at once: n squared messages in both directions.
TEST(loop_group, has_its_loops_call_each_other) {
  constexpr unsigned count = 4;
  constexpr int calls = 200;
  const loop_group loops(of_loops(count));
  std::atomic<int> answered{0};
  const auto square = [](int value) -> task<int> { co_return value* value; };
  const auto ask = [&](unsigned whom) -> task<void> {
    for (int i = 0; i < calls; ++i) {
      const int answer = co_await call_on(loops.on(whom), square(i));
      EXPECT_EQ(answer, i * i);
      ++answered;
    }
  };
  const auto job = [&](unsigned, loop&) -> task<void> {
    std::vector<task<void>> all;
    for (unsigned whom = 0; whom < count; ++whom) all.push_back(ask(whom));
    co_await when_all(std::move(all));
  };
  loops.run_on_each(job);
  EXPECT_EQ(answered, static_cast<int>(count * count) * calls);
}

}  // namespace
}  // namespace waitwork
