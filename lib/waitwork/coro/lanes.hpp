// SPDX-License-Identifier: Apache-2.0
#pragma once
// lanes: drive many independent units with a bounded number in flight.
//
// `depth` coroutines, the lanes, each take the next unit when they are done with their last one. Against one task
// per unit and a semaphore this needs no queue, and its memory is that of `depth` frames however many units there
// are. A lane owns whatever a unit needs while it is in flight (a buffer, a connection), so `lane` is passed along.

#include <cstdint>
#include <exception>
#include <optional>
#include <vector>

#include <waitwork/coro/task.hpp>
#include <waitwork/coro/when_all.hpp>

namespace waitwork {
namespace detail {

template <class NextUnit, class RunUnit>
task<void> lane_body(unsigned lane, NextUnit& next_unit, RunUnit& run_unit, bool& failed) {
  while (!failed) {
    const std::optional<std::uint64_t> unit = next_unit();
    if (!unit) break;
    try {
      co_await run_unit(*unit, lane);
    } catch (...) {
      failed = true;  // the other lanes finish the unit they are in and take no more
      throw;
    }
  }
}

}  // namespace detail

// Awaits run_unit(unit, lane) for every unit that next_unit() hands out, at most one at a time in each lane of
// [first_lane, first_lane + lane_count). next_unit: () -> std::optional<uint64_t>, empty when there are no more; it is
// called on this thread only, but may share its source with other threads. run_unit: (uint64_t unit, unsigned lane)
// -> task<void>. Both are referred to, not copied. The first failure stops further units, is thrown after all lanes
// have come to rest.
template <class NextUnit, class RunUnit>
task<void> lanes(unsigned first_lane, unsigned lane_count, NextUnit& next_unit, RunUnit& run_unit) {
  bool failed = false;
  std::vector<task<void>> bodies;
  bodies.reserve(lane_count);
  for (unsigned lane = 0; lane < lane_count; ++lane) {
    bodies.push_back(detail::lane_body(first_lane + lane, next_unit, run_unit, failed));
  }
  co_await when_all(std::move(bodies));
}

}  // namespace waitwork
