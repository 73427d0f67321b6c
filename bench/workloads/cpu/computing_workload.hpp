// SPDX-License-Identifier: Apache-2.0
#pragma once
// computing_workload: what the workloads of this folder have in common. A unit computes and waits for nothing, so all
// of it is what a loop hands to whoever computes; it can be split; and it comes in three sizes:
//
//   l2      all that a unit touches fits a second-level cache of 1 MiB
//   llc     a last-level cache of 32 MiB
//   memory  neither; in the full suite only, because such a unit takes long

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <waitwork/bench/workload.hpp>

namespace waitwork::bench {

class computing_workload : public workload {
 public:
  answer run(unit work) final { return compute(work.index); }

  task<answer> run(async_context& context, unit work) final {
    auto computing = [this, work] { return compute(work.index); };
    const answer computed = co_await context.compute(computing);
    co_return computed;
  }

 private:
  // Does unit `index`, on this thread alone. Called from several at once: what it needs besides the input belongs to
  // the thread (thread_local) and not to the lane, because a unit computes from start to end on one thread. 256 lanes
  // with an output each would walk through 150 MB of memory, and the row would show cache misses instead of its
  // strategy.
  virtual answer compute(std::uint64_t index) const = 0;
};

// At program start; returns true.
template <class Workload>
bool register_computing(std::string name, std::vector<std::string> variants = {"l2", "llc"},
                        std::vector<std::string> full_variants = {"memory"}) {
  return register_workload({
      .name = std::move(name),
      .variants = std::move(variants),
      .full_variants = std::move(full_variants),
      .waits = false,
      .splits = true,
      .make = [](const workload_settings& settings) -> std::unique_ptr<workload> {
        return std::make_unique<Workload>(settings);
      },
  });
}

}  // namespace waitwork::bench
