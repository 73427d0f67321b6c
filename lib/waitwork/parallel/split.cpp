// SPDX-License-Identifier: Apache-2.0
#include <waitwork/parallel/split.hpp>

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/blocked_range2d.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <exception>

#include <waitwork/base/check.hpp>

namespace waitwork::detail {
namespace {

namespace tbb = oneapi::tbb;

// The arena whose part this thread is doing; null outside.
thread_local const arena* inside = nullptr;

class within {
 public:
  explicit within(const arena& workers) noexcept : before_(inside) { inside = &workers; }
  ~within() { inside = before_; }
  within(const within&) = delete;
  within& operator=(const within&) = delete;

 private:
  const arena* before_;
};

unsigned this_worker() { return static_cast<unsigned>(tbb::this_task_arena::current_thread_index()); }

// Calls run() inside the arena and rethrows what it throws. Isolated: a worker that waits for its parts does not take
// up a part of something else meanwhile, whose scratch it is using.
template <class Run>
void run_inside(arena& workers, const Run& run) {
  WAITWORK_CHECK(inside == nullptr || inside == &workers, "a split inside a part is over the same arena");
  struct call {
    const Run& run;
    std::exception_ptr failure;
  } made{run, nullptr};
  workers.enter(
      [](void* argument) noexcept {
        call& here = *static_cast<call*>(argument);
        try {
          tbb::this_task_arena::isolate(here.run);
        } catch (...) {
          here.failure = std::current_exception();
        }
      },
      &made);
  if (made.failure) std::rethrow_exception(made.failure);
}

}  // namespace

void split(arena& workers, std::size_t count, std::size_t grain, sharing how, part_function call, const void* body) {
  WAITWORK_CHECK(grain >= 1, "a part is at least 1 long");
  if (count == 0) return;
  const auto do_part = [&](const tbb::blocked_range<std::size_t>& range) {
    const within here(workers);
    call(body, {range.begin(), range.end(), this_worker()});
  };
  const tbb::blocked_range<std::size_t> whole(0, count, grain);
  run_inside(workers, [&] {
    if (how == sharing::even) {
      tbb::parallel_for(whole, do_part, tbb::static_partitioner());
    } else {
      tbb::parallel_for(whole, do_part, tbb::auto_partitioner());
    }
  });
}

void split_tiles(arena& workers, std::size_t rows, std::size_t row_grain, std::size_t columns, std::size_t column_grain,
                 tile_function call, const void* body) {
  WAITWORK_CHECK(row_grain >= 1 && column_grain >= 1, "a tile is at least 1 by 1");
  if (rows == 0 || columns == 0) return;
  const auto do_tile = [&](const tbb::blocked_range2d<std::size_t>& range) {
    const within here(workers);
    call(body, {range.rows().begin(), range.rows().end(), range.cols().begin(), range.cols().end(), this_worker()});
  };
  const tbb::blocked_range2d<std::size_t> whole(0, rows, row_grain, 0, columns, column_grain);
  run_inside(workers, [&] { tbb::parallel_for(whole, do_tile, tbb::simple_partitioner()); });
}

}  // namespace waitwork::detail
