// SPDX-License-Identifier: Apache-2.0
// peers/sleepers: a million coroutines asleep at once, for one second each. A unit is all of them, from the first spawn
// until the last has woken up.
//
//   waitwork  tasks of a scope, sleep_for
//   asio      co_spawn, a steady_timer in each coroutine
//
// bytes_per_sleeper is what the process grew by until all were asleep, the first time; time_over_nominal is the whole
// against the one second that it would take if coroutines cost nothing.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include <waitwork/base/clock.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/timer.hpp>

#include <harness/drive/self_driven.hpp>
#include <peers/asio.hpp>

namespace waitwork::bench {
namespace {

constexpr std::uint64_t a_million = 1'000'000;
constexpr std::uint64_t smoke_sleepers = 1'000;
constexpr std::chrono::milliseconds nominal(1000);
constexpr std::chrono::milliseconds smoke_nominal(1);

double resident_bytes() {
  double total_pages = 0;
  double resident_pages = 0;
  std::ifstream("/proc/self/statm") >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

class sleepers : public self_driven {
 public:
  unit_log drive(std::uint64_t first, std::uint64_t count) final {
    const std::int64_t begin_ns = now_ns();
    answer sum = 0;
    for (std::uint64_t index = first; index != first + count; ++index) {
      before_bytes_ = resident_bytes();
      const std::uint64_t woken = sleep_all();
      sum += woken == population_ ? index : ~index;
    }
    const std::int64_t duration_ns = now_ns() - begin_ns;
    over_nominal_ = static_cast<double>(duration_ns) / static_cast<double>(count) /
                    static_cast<double>(nanoseconds(duration_).count());
    return batch_log(first, count, duration_ns, sum);
  }

  std::map<std::string, double> parameters() const final {
    return {{"sleepers", static_cast<double>(population_)}, {"nominal_ms", static_cast<double>(duration_.count())}};
  }
  std::map<std::string, double> figures() const final {
    return {{"bytes_per_sleeper", bytes_per_sleeper_}, {"time_over_nominal", over_nominal_}};
  }

 protected:
  explicit sleepers(bool smoke)
      : population_(smoke ? smoke_sleepers : a_million), duration_(smoke ? smoke_nominal : nominal) {}

  std::uint64_t population() const noexcept { return population_; }
  std::chrono::milliseconds duration() const noexcept { return duration_; }

  // To be called when all are asleep. Later batches reuse the memory of the first, so the first tells.
  void all_asleep() {
    const double each = (resident_bytes() - before_bytes_) / static_cast<double>(population_);
    bytes_per_sleeper_ = std::max(bytes_per_sleeper_, each);
  }

 private:
  // Has everybody sleep once; how many woke up.
  virtual std::uint64_t sleep_all() = 0;

  std::uint64_t population_;
  std::chrono::milliseconds duration_;
  double before_bytes_ = 0;
  double bytes_per_sleeper_ = 0;
  double over_nominal_ = 0;
};

task<void> sleep_once(std::chrono::milliseconds duration, std::uint64_t& woken) {
  co_await sleep_for(duration);
  ++woken;
}

class our_sleepers final : public sleepers {
 public:
  explicit our_sleepers(bool smoke) : sleepers(smoke) {}
  std::vector<loop_counters> loops() const override { return {loop_.counters()}; }
  unsigned loop_setup_flags() const override { return loop_.setup_flags(); }

 private:
  std::uint64_t sleep_all() override {
    std::uint64_t woken = 0;
    auto everybody = [&](scope& asleep) -> task<void> {
      for (std::uint64_t i = 0; i < population(); ++i) asleep.spawn(sleep_once(duration(), woken));
      all_asleep();
      co_return;
    };
    loop_.run(with_scope(everybody));
    return woken;
  }

  loop loop_;
};

#if WAITWORK_HAS_ASIO
asio::awaitable<void> asio_sleep_once(std::chrono::milliseconds duration, std::uint64_t& woken) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  asio::error_code error;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  if (!error) ++woken;
}

class asio_sleepers final : public sleepers {
 public:
  explicit asio_sleepers(bool smoke) : sleepers(smoke) {}

 private:
  std::uint64_t sleep_all() override {
    std::uint64_t woken = 0;
    for (std::uint64_t i = 0; i < population(); ++i) {
      asio::co_spawn(context_, asio_sleep_once(duration(), woken), asio::detached);
    }
    context_.restart();
    context_.poll();  // co_spawn only queues: everybody goes to sleep here
    all_asleep();
    context_.restart();
    context_.run();
    return woken;
  }

  asio::io_context context_{ASIO_CONCURRENCY_HINT_UNSAFE};
};
#endif

std::unique_ptr<workload> make(const workload_settings& settings) {
  if (settings.variant == "waitwork") return std::make_unique<our_sleepers>(settings.smoke);
#if WAITWORK_HAS_ASIO
  return std::make_unique<asio_sleepers>(settings.smoke);
#else
  asio_is_missing();
#endif
}

const bool registered = register_workload({
    .name = "peers/sleepers",
    .variants = {"waitwork", "asio"},
    .depths = {1},
    .make = make,
});

}  // namespace
}  // namespace waitwork::bench
