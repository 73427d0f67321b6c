// SPDX-License-Identifier: Apache-2.0
#pragma once
// strategy: how units are driven. Knows nothing of what a unit does.
//
//   sequential  one thread, blocking, one unit after another
//   concurrent  one thread, one loop, `depth` units in flight; compute runs on the loop's thread
//   parallel    `workers` threads of an arena, each blocking on its own unit; or, with a depth of 1, all of them on the
//               parts of one unit, and then of the next
//   hybrid      one loop per worker (but no more than `depth`) on a thread of its own, `depth` units in flight over all
//               of them; compute runs on an arena of `workers` threads
//
// Work that drives itself (self_driven.hpp) is only handed its units, whatever its row's strategy.
//
// Whichever it is, units are handed out one by one from a common counter, so that no lane idles while another has a
// backlog, and every answer is compared with the workload's own.

#include <cstdint>
#include <memory>
#include <vector>

#include <waitwork/bench/workload.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/measure/histogram.hpp>

#include <harness/suite/registry.hpp>

namespace waitwork::bench {

// What was seen of the units that one thread drove.
struct unit_log {
  histogram latency;  // of a unit, from the end of its lane's last one to its own
  std::uint64_t wrong = 0;
  std::uint64_t first_wrong_unit = 0;

  void record(const workload& work, std::uint64_t index, answer given, std::int64_t duration_ns) {
    latency.record(duration_ns);
    if (given != work.expected(index)) [[unlikely]] {
      if (wrong == 0) first_wrong_unit = index;
      ++wrong;
    }
  }
  void merge(const unit_log& other);
};

// Threads, loops and arenas of one row, made once and used for warm-up and measurement alike. Used from one thread.
class strategy {
 public:
  virtual ~strategy() = default;

  // Does units [first, first + count) of `work` and returns when all are done. Throws what a unit throws, after every
  // unit in flight has ended. `work` must have been made for as many lanes as the row has depth.
  virtual unit_log drive(workload& work, std::uint64_t first, std::uint64_t count) = 0;

  // What each loop has counted so far; empty for strategies without one.
  virtual std::vector<loop_counters> loops() const { return {}; }

  // The IORING_SETUP_ flags that the kernel granted to the loops; 0 for strategies without one.
  virtual unsigned loop_setup_flags() const { return 0; }
};

// Starts what the row's strategy needs. Throws unsupported_error where io_uring is needed and refused, and
// environment_error where threads or descriptors run out.
std::unique_ptr<strategy> make_strategy(const row& chosen);

// The same for this work, which may drive itself; then it must outlive the strategy.
std::unique_ptr<strategy> make_strategy(const row& chosen, workload& work);

}  // namespace waitwork::bench
