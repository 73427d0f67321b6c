// SPDX-License-Identifier: Apache-2.0
#include <harness/drive/strategy.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <waitwork/base/check.hpp>
#include <waitwork/base/clock.hpp>
#include <waitwork/coro/lanes.hpp>
#include <waitwork/hybrid/loop_group.hpp>
#include <waitwork/parallel/arena.hpp>

#include <harness/drive/self_driven.hpp>

namespace waitwork::bench {
namespace {

// Hands out the units of one drive() to any number of threads, each once.
class unit_source {
 public:
  unit_source(std::uint64_t first, std::uint64_t count) : next_(first), end_(first + count) {}
  std::optional<std::uint64_t> operator()() noexcept {
    // Relaxed: the index is all that is shared. It overshoots end_ by at most one per lane.
    const std::uint64_t index = next_.fetch_add(1, std::memory_order_relaxed);
    if (index >= end_) return std::nullopt;
    return index;
  }

  // Hands out no more: a unit has failed, on whichever thread.
  void stop() noexcept { next_.store(end_, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> next_;
  const std::uint64_t end_;
};

// One lane that blocks, whose units `run_unit(index)` does. The end of a unit is the beginning of the next: one look at
// the clock a unit.
template <class RunUnit>
void run_blocking_lane(const workload& work, unit_source& units, unit_log& log, const RunUnit& run_unit) {
  try {
    std::int64_t begin_ns = now_ns();
    while (const std::optional<std::uint64_t> index = units()) {
      const answer given = run_unit(*index);
      const std::int64_t end_ns = now_ns();
      log.record(work, *index, given, end_ns - begin_ns);
      begin_ns = end_ns;
    }
  } catch (...) {
    units.stop();
    throw;
  }
}

// The same on a loop: between the end of a lane's unit and the beginning of its next, no other lane runs.
task<void> run_unit(workload& work, async_context& context, unit_log& log, std::uint64_t index, unsigned lane,
                    std::int64_t& begin_ns) {
  const answer given = co_await work.run(context, {index, lane});
  const std::int64_t end_ns = now_ns();
  log.record(work, index, given, end_ns - begin_ns);
  begin_ns = end_ns;
}

// All lanes of the current loop.
task<void> run_lanes(workload& work, async_context context, unit_source& units, unsigned first_lane,
                     unsigned lane_count, unit_log& log) {
  std::vector<std::int64_t> begin_ns(lane_count, now_ns());
  auto run_one = [&](std::uint64_t index, unsigned lane) {
    return run_unit(work, context, log, index, lane, begin_ns[lane - first_lane]);
  };
  try {
    co_await lanes(first_lane, lane_count, units, run_one);
  } catch (...) {
    units.stop();
    throw;
  }
}

class sequential final : public strategy {
 public:
  unit_log drive(workload& work, std::uint64_t first, std::uint64_t count) override {
    unit_source units(first, count);
    unit_log log;
    run_blocking_lane(work, units, log, [&](std::uint64_t index) { return work.run({index, 0}); });
    return log;
  }
};

class concurrent final : public strategy {
 public:
  explicit concurrent(unsigned depth) : depth_(depth) {}

  unit_log drive(workload& work, std::uint64_t first, std::uint64_t count) override {
    unit_source units(first, count);
    unit_log log;
    loop_.run(run_lanes(work, async_context(nullptr), units, 0, depth_, log));
    return log;
  }
  std::vector<loop_counters> loops() const override { return {loop_.counters()}; }
  unsigned loop_setup_flags() const override { return loop_.setup_flags(); }

 private:
  unsigned depth_;
  loop loop_;
};

class parallel final : public strategy {
 public:
  explicit parallel(unsigned workers) : arena_(workers), logs_(workers) { arena_.warm_up(); }

  unit_log drive(workload& work, std::uint64_t first, std::uint64_t count) override {
    unit_source units(first, count);
    std::ranges::fill(logs_, unit_log());
    arena_.run_on_each([&](unsigned worker) {
      run_blocking_lane(work, units, logs_[worker], [&](std::uint64_t index) { return work.run({index, worker}); });
    });
    unit_log merged;
    for (const unit_log& log : logs_) merged.merge(log);
    return merged;
  }

 private:
  arena arena_;
  std::vector<unit_log> logs_;
};

class parallel_split final : public strategy {
 public:
  explicit parallel_split(unsigned workers) : arena_(workers) { arena_.warm_up(); }

  unit_log drive(workload& work, std::uint64_t first, std::uint64_t count) override {
    unit_source units(first, count);
    unit_log log;
    run_blocking_lane(work, units, log, [&](std::uint64_t index) { return work.run_split(arena_, {index, 0}); });
    return log;
  }

 private:
  arena arena_;
};

class hybrid final : public strategy {
 public:
  hybrid(unsigned depth, unsigned workers)
      : depth_(depth),
        arena_(workers, callers::hand_in),
        loops_(unpinned(std::min(workers, depth))),
        counters_(loops_.count()) {
    arena_.warm_up();
  }

  unit_log drive(workload& work, std::uint64_t first, std::uint64_t count) override {
    unit_source units(first, count);
    unit_log merged;
    std::mutex merging;
    const auto share = [&](unsigned index, loop& here) -> task<void> {
      const loop_counters before = here.counters();
      // The lanes [0, depth) cut into one contiguous share a loop.
      const unsigned first_lane = depth_ * index / loops_.count();
      const unsigned last_lane = depth_ * (index + 1) / loops_.count();
      unit_log log;
      co_await run_lanes(work, async_context(&arena_), units, first_lane, last_lane - first_lane, log);
      const std::lock_guard lock(merging);
      merged.merge(log);
      counters_[index] += here.counters();
      counters_[index] -= before;
    };
    loops_.run_on_each(share);
    return merged;
  }
  std::vector<loop_counters> loops() const override { return counters_; }
  unsigned loop_setup_flags() const override { return loops_.setup_flags(); }

 private:
  // The loops share the CPUs with the arena's workers, so the scheduler places them.
  static loop_group_options unpinned(unsigned count) {
    loop_group_options options;
    options.count = count;
    options.pinned = false;
    return options;
  }

  unsigned depth_;
  arena arena_;
  loop_group loops_;
  std::vector<loop_counters> counters_;  // of each loop, over all drives; without what the group itself does
};

class self_driving final : public strategy {
 public:
  explicit self_driving(self_driven& work) : work_(work) {}

  unit_log drive(workload& work, std::uint64_t first, std::uint64_t count) override {
    WAITWORK_CHECK(&work == &work_, "work that drives itself has a strategy of its own");
    return work_.drive(first, count);
  }
  std::vector<loop_counters> loops() const override { return work_.loops(); }
  unsigned loop_setup_flags() const override { return work_.loop_setup_flags(); }

 private:
  self_driven& work_;
};

}  // namespace

answer workload::run_split(arena&, unit) {
  WAITWORK_CHECK(false, "only work whose definition says so is split");
  return 0;
}

void unit_log::merge(const unit_log& other) {
  latency.merge(other.latency);
  if (other.wrong > 0) {
    first_wrong_unit = wrong == 0 ? other.first_wrong_unit : std::min(first_wrong_unit, other.first_wrong_unit);
  }
  wrong += other.wrong;
}

std::unique_ptr<strategy> make_strategy(const row& chosen) {
  switch (chosen.strategy) {
    case strategy_kind::sequential:
      return std::make_unique<sequential>();
    case strategy_kind::concurrent:
      return std::make_unique<concurrent>(chosen.depth);
    case strategy_kind::parallel:
      if (chosen.depth < chosen.workers) return std::make_unique<parallel_split>(chosen.workers);
      return std::make_unique<parallel>(chosen.workers);
    case strategy_kind::hybrid:
      return std::make_unique<hybrid>(chosen.depth, chosen.workers);
  }
  std::unreachable();
}

std::unique_ptr<strategy> make_strategy(const row& chosen, workload& work) {
  if (auto* const own = dynamic_cast<self_driven*>(&work)) return std::make_unique<self_driving>(*own);
  return make_strategy(chosen);
}

}  // namespace waitwork::bench
