// SPDX-License-Identifier: Apache-2.0
// peers/nop: a request that does nothing, submitted and awaited: what our loop and its coroutines cost on top of the
// ring.
//
//   waitwork  a coroutine for each request in flight: co_await nop()
//   liburing  the loop that one writes by hand: submit all that are ready in one enter, wait, reap, prepare again

#include <waitwork/io/nop.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <waitwork/base/clock.hpp>
#include <waitwork/io/loop.hpp>

#include <harness/drive/self_driven.hpp>
#include <peers/our_loop_driver.hpp>
#include <peers/raw_ring.hpp>

namespace waitwork::bench {
namespace {

task<void> nop_after_nop(units_of_batch& units) {
  while (units.next != units.end) {
    const std::uint64_t index = units.next++;
    const result<void> done = co_await nop();
    if (done) units.sum += index;
  }
}

class on_our_loop final : public our_loop_driver {
 public:
  explicit on_our_loop(unsigned depth) : depth_(depth) {}

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::int64_t begin_ns = now_ns();
    units_of_batch units{first, first + count};
    run_lanes(loop_, depth_, [&units](unsigned) { return nop_after_nop(units); });
    return batch_log(first, count, now_ns() - begin_ns, units.sum);
  }

 private:
  unsigned depth_;
};

class by_hand final : public self_driven {
 public:
  explicit by_hand(unsigned depth) : depth_(depth) {}

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::int64_t begin_ns = now_ns();
    units_of_batch units{first, first + count};
    std::uint64_t in_flight = std::min<std::uint64_t>(depth_, count);
    for (std::uint64_t i = 0; i < in_flight; ++i) prepare(units);
    while (in_flight > 0) {
      ring_.submit_and_wait();
      ring_.reap([&](const io_uring_cqe& completion) {
        if (completion.res == 0) units.sum += completion.user_data;
        if (units.next == units.end) {
          --in_flight;
        } else {
          prepare(units);
        }
      });
    }
    return batch_log(first, count, now_ns() - begin_ns, units.sum);
  }
  std::vector<loop_counters> loops() const override { return {ring_.counters()}; }
  unsigned loop_setup_flags() const override { return ring_.setup_flags(); }

 private:
  void prepare(units_of_batch& units) {
    io_uring_sqe& entry = ring_.entry();
    io_uring_prep_nop(&entry);
    entry.user_data = units.next++;
  }

  unsigned depth_;
  raw_ring ring_;
};

const bool registered = register_workload({
    .name = "peers/nop",
    .variants = {"waitwork", "liburing"},
    .depths = {1, 64},
    .make = [](const workload_settings& settings) -> std::unique_ptr<workload> {
      if (settings.variant == "waitwork") return std::make_unique<on_our_loop>(settings.lanes);
      return std::make_unique<by_hand>(settings.lanes);
    },
});

}  // namespace
}  // namespace waitwork::bench
