// SPDX-License-Identifier: Apache-2.0
#pragma once
// self_driven: work that brings its own loop, so that the loop can be compared.
//
// A hand-written liburing program or Asio cannot be driven by our lanes, and a unit of 7 ns cannot be timed one by one:
// two looks at the clock are 40 ns. So a workload of bench/peers/ drives its own units, all of its variants do it in
// the same way, and a whole batch is timed as one; the percentiles of such a row are all the batch's mean, unless the
// units are long enough for a clock each.
//
// Nothing of the work can be left out, by a compiler or by mistake: every unit contributes its answer, a value that has
// been where the work went (through the ring, through a child coroutine), to a wrapping sum, and the sum is compared
// with that of the right answers.

#include <cstdint>
#include <vector>

#include <waitwork/bench/workload.hpp>
#include <waitwork/io/loop.hpp>

#include <harness/drive/strategy.hpp>

namespace waitwork::bench {

class self_driven : public workload {
 public:
  // Does units [first, first + count), at most workload_settings::lanes of them in flight, and returns when all are
  // done. Called again and again, from one thread. The log holds `count` units.
  virtual unit_log drive(std::uint64_t first, std::uint64_t count) = 0;

  // For work on a ring, what has been counted since construction: our loop's own counters, or enters, submissions and
  // completions counted by hand. Empty for work without a ring.
  virtual std::vector<loop_counters> loops() const { return {}; }

  // The IORING_SETUP_ flags that the kernel granted; 0 for work without a ring.
  virtual unsigned loop_setup_flags() const { return 0; }

  // A unit's answer is its index, unless the work computes something.
  answer expected(std::uint64_t index) const override { return index; }

  // The strategies' ways in, which work that drives itself does not have.
  answer run(unit work) final;
  task<answer> run(async_context& context, unit work) final;
};

// The log of a batch that took `duration_ns` together and whose answers add up to `sum`, where a unit's right answer is
// its index.
unit_log batch_log(std::uint64_t first, std::uint64_t count, std::int64_t duration_ns, answer sum);

// The same for units that were timed one by one; `latency` has them.
unit_log batch_log(std::uint64_t first, std::uint64_t count, const histogram& latency, answer sum);

}  // namespace waitwork::bench
