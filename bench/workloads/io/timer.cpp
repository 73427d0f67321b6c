// SPDX-License-Identifier: Apache-2.0
// io/timer: wait a fixed time and do nothing else, the pure wait.
//
// What a strategy costs when there is no work at all: every unit that can be in flight multiplies
// the rate, and the only limits are the timers of the kernel and of the loop. The answer is right
// only if the wait was long enough, so a strategy cannot win by waking early.

#include <waitwork/io/timer.hpp>

#include <errno.h>
#include <time.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/bench/workload.hpp>

namespace waitwork::bench {
namespace {

// Twenty times the default timer slack (50 us), so that the wait dominates what the kernel adds to
// it.
constexpr nanoseconds wait = std::chrono::milliseconds(1);

void block_for(nanoseconds duration) {
  timespec remaining{duration.count() / 1'000'000'000, duration.count() % 1'000'000'000};
  int error = EINTR;
  while (error == EINTR) error = ::clock_nanosleep(CLOCK_MONOTONIC, 0, &remaining, &remaining);
  if (error != 0) throw_call_error("sleep", "for a millisecond", "clock_nanosleep", error);
}

answer judge(std::uint64_t index, std::int64_t started_ns) noexcept {
  const bool long_enough = now_ns() - started_ns >= wait.count();
  return long_enough ? index : ~index;
}

class timer_workload final : public workload {
 public:
  answer run(unit work) override {
    const std::int64_t started_ns = now_ns();
    block_for(wait);
    return judge(work.index, started_ns);
  }

  task<answer> run(async_context&, unit work) override {
    const std::int64_t started_ns = now_ns();
    co_await sleep_for(wait);
    co_return judge(work.index, started_ns);
  }

  std::map<std::string, double> parameters() const override {
    return {{"wait_us", static_cast<double>(wait.count()) / 1e3}};
  }

  answer expected(std::uint64_t index) const override { return index; }
};

const bool registered = register_workload({
    .name = "io/timer",
    .variants = {""},
    .waits = true,
    .make = [](const workload_settings&) -> std::unique_ptr<workload> { return std::make_unique<timer_workload>(); },
});

}  // namespace
}  // namespace waitwork::bench
