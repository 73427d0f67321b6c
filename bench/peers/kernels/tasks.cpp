// SPDX-License-Identifier: Apache-2.0
// peers/empty_task: what it costs to hand out work that is nothing: 10,000 parts of one element each, on one worker and
// on all. core_ns_per_task is the time of all workers together for one part.
//
//   waitwork  split_tiles of tiles of 1 x 1
//   tbb       parallel_for with a grain of 1 and the simple partitioner, without an arena of ours

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <waitwork/base/clock.hpp>
#include <waitwork/parallel/arena.hpp>
#include <waitwork/parallel/split.hpp>

#include <harness/drive/self_driven.hpp>

namespace waitwork::bench {
namespace {

namespace tbb = oneapi::tbb;

constexpr std::size_t parts = 10'000;

// One part, not known to the compiler.
[[gnu::noinline]] void nothing(std::size_t) { asm volatile(""); }

// Units are parts; a batch of them is rounded up to whole loops of 10,000, whose time is shared out.
class empty_tasks : public self_driven {
 public:
  explicit empty_tasks(unsigned workers) : workers_(workers) {}

  unit_log drive(std::uint64_t first, std::uint64_t count) final {
    const std::uint64_t loops = (count + parts - 1) / parts;
    std::uint64_t sum = 0;
    for (std::uint64_t index = first; index != first + count; ++index) sum += index;
    const std::int64_t begin_ns = now_ns();
    for (std::uint64_t loop = 0; loop < loops; ++loop) hand_out();
    const auto duration_ns = static_cast<double>(now_ns() - begin_ns);
    part_ns_ = duration_ns / static_cast<double>(loops * parts);
    return batch_log(first, count, static_cast<std::int64_t>(duration_ns), sum);
  }
  std::map<std::string, double> figures() const final { return {{"core_ns_per_task", part_ns_ * workers_}}; }

 private:
  virtual void hand_out() = 0;

  unsigned workers_;
  double part_ns_ = 0;  // of the last batch
};

class by_split final : public empty_tasks {
 public:
  explicit by_split(unsigned workers) : empty_tasks(workers), arena_(workers) { arena_.warm_up(); }

 private:
  void hand_out() override {
    split_tiles(arena_, parts, 1, 1, 1, [](const tile& some) { nothing(some.row); });
  }
  arena arena_;
};

class by_tbb final : public empty_tasks {
 public:
  explicit by_tbb(unsigned workers)
      : empty_tasks(workers),
        limit_(tbb::global_control::max_allowed_parallelism, workers),
        arena_(static_cast<int>(workers)) {}

 private:
  void hand_out() override {
    arena_.execute([] {
      tbb::parallel_for(
          tbb::blocked_range<std::size_t>(0, parts, 1),
          [](const tbb::blocked_range<std::size_t>& range) { nothing(range.begin()); }, tbb::simple_partitioner());
    });
  }
  tbb::global_control limit_;
  tbb::task_arena arena_;
};

const bool registered = register_workload({
    .name = "peers/empty_task",
    .variants = {"waitwork", "tbb"},
    .splits = true,
    .depths = {1},
    .make = [](const workload_settings& settings) -> std::unique_ptr<workload> {
      if (settings.variant == "tbb") return std::make_unique<by_tbb>(settings.workers);
      return std::make_unique<by_split>(settings.workers);
    },
});

}  // namespace
}  // namespace waitwork::bench
