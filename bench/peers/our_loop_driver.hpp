// SPDX-License-Identifier: Apache-2.0
#pragma once
// our_loop_driver: what the peers' works of ours have in common: a loop, and units that coroutines take in turn.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/loop.hpp>

#include <harness/drive/self_driven.hpp>

namespace waitwork::bench {

// The units of one batch, shared by those that are in flight.
struct units_of_batch {
  std::uint64_t next;
  std::uint64_t end;
  answer sum = 0;
};

class our_loop_driver : public self_driven {
 public:
  std::vector<loop_counters> loops() const final { return {loop_.counters()}; }
  unsigned loop_setup_flags() const final { return loop_.setup_flags(); }

 protected:
  loop loop_;
};

// Runs make_lane(0), make_lane(1), ... at the same time until all of them have ended.
template <class MakeLane>
void run_lanes(loop& here, unsigned lanes, MakeLane make_lane) {
  std::vector<task<void>> running;
  running.reserve(lanes);
  for (unsigned lane = 0; lane < lanes; ++lane) running.push_back(make_lane(lane));
  const auto all_of = [](std::vector<task<void>> tasks) -> task<void> { co_await when_all(std::move(tasks)); };
  here.run(all_of(std::move(running)));
}

// Units [next, end) in groups of `depth`, each in a scope of its own, into which begin_group(scope, first, last) spawns
// it.
template <class BeginGroup>
task<void> run_groups(std::uint64_t next, std::uint64_t end, unsigned depth, BeginGroup& begin_group) {
  std::uint64_t last = next;
  auto group = [&](scope& members) -> task<void> {
    begin_group(members, next, last);
    co_return;
  };
  for (; next != end; next = last) {
    last = next + std::min<std::uint64_t>(depth, end - next);
    co_await with_scope(group);
  }
}

}  // namespace waitwork::bench
