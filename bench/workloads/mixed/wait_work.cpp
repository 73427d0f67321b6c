// SPDX-License-Identifier: Apache-2.0
// mixed/wait_work: wait W microseconds, then compute S microseconds; W + S is always one
// millisecond. The whole range between the two stories by which concurrency and parallelism are
// taught: `burgers`, where one cook with many orders mostly waits, and `cleaning`, where there is
// nothing to wait for and only more hands help.
//
// The wait is a sleep: a thread's in the kernel or a coroutine's timer. The computing is busy_work,
// a number of steps that takes S on this machine when it has a core to itself, so a unit's compute
// is the same work in every row.

#include <errno.h>
#include <time.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <waitwork/base/check.hpp>
#include <waitwork/base/clock.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/bench/workload.hpp>
#include <waitwork/io/timer.hpp>

#include <harness/drive/busy_work.hpp>

namespace waitwork::bench {
namespace {

constexpr int total_us = 1000;

struct mix {
  std::string_view name;
  int wait_us;
};
constexpr std::array<mix, 5> mixes{
    {{"burgers", 950}, {"wait75", 750}, {"wait50", 500}, {"wait25", 250}, {"cleaning", 0}}};

int wait_us_of(std::string_view variant) {
  for (const mix& candidate : mixes) {
    if (candidate.name == variant) return candidate.wait_us;
  }
  WAITWORK_CHECK(false, "a variant of mixed/wait_work is one of those that it registers");
  return 0;
}

// Until an absolute time, so that a signal that interrupts the sleep does not lengthen it.
void sleep_blocking(nanoseconds duration) {
  const std::int64_t deadline_ns = now_ns() + duration.count();
  const timespec deadline{.tv_sec = deadline_ns / 1'000'000'000, .tv_nsec = deadline_ns % 1'000'000'000};
  int error = EINTR;
  while (error == EINTR) error = ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr);
  if (error != 0) throw_call_error("sleep", "for the waiting part of a unit", "clock_nanosleep", error);
}

class wait_work final : public workload {
 public:
  explicit wait_work(const workload_settings& settings)
      : wait_us_(wait_us_of(settings.variant)), wait_(std::chrono::microseconds(wait_us_)) {
    WAITWORK_CHECK(settings.work_per_us > 0, "the speed of busy_work is measured before a workload is made");
    const double work_us = total_us - wait_us_;
    steps_ = static_cast<std::uint64_t>(std::llround(work_us * settings.work_per_us));
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const std::uint64_t seed = mix64(settings.seed * inputs_.size() + i);
      inputs_[i] = {seed, busy_work_expected(seed, steps_)};
    }
  }

  answer run(unit work) override {
    if (wait_.count() > 0) sleep_blocking(wait_);
    return compute(work.index);
  }

  task<answer> run(async_context& context, unit work) override {
    if (wait_.count() > 0) co_await sleep_for(wait_);
    auto busy = [this, work] { return compute(work.index); };
    const answer result = co_await context.compute(busy);
    co_return result;
  }

  answer expected(std::uint64_t index) const override { return input_of(index).expected; }

  std::map<std::string, double> parameters() const override {
    return {{"wait_us", wait_us_}, {"work_us", total_us - wait_us_}};
  }

 private:
  struct input {
    std::uint64_t seed = 0;
    answer expected = 0;
  };

  const input& input_of(std::uint64_t index) const { return inputs_[index % inputs_.size()]; }
  answer compute(std::uint64_t index) const { return busy_work(input_of(index).seed, steps_); }

  int wait_us_;
  nanoseconds wait_;
  std::uint64_t steps_ = 0;
  std::array<input, 16> inputs_;
};

std::vector<std::string> variant_names() {
  std::vector<std::string> names;
  for (const mix& each : mixes) names.emplace_back(each.name);
  return names;
}

const bool registered = register_workload({
    .name = "mixed/wait_work",
    .variants = variant_names(),
    .waits = true,
    .make = [](const workload_settings& settings) -> std::unique_ptr<workload> {
      return std::make_unique<wait_work>(settings);
    },
});

}  // namespace
}  // namespace waitwork::bench
