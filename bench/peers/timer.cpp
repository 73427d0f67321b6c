// SPDX-License-Identifier: Apache-2.0
// peers/timer, peers/sleep_cancel: timers that never expire. A unit is one timer, scheduled for an hour from now and
// cancelled while as many as the depth says are pending; the program has heard of each cancellation.
//
// timer: what a timeout costs a request that is answered in time.
//   waitwork  with_timeout around something that ends in the next turn
//   asio      steady_timer with a completion handler, cancelled, and the handler called with operation_aborted
//
// sleep_cancel: a coroutine asleep, and woken by a request to stop.
//   waitwork  sleep_for in a scope that is asked to stop: it throws `cancelled`, since a loop of sleeps must end
//   asio      co_await of a steady_timer that is cancelled: it gives an error code

#include <waitwork/io/timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <waitwork/base/clock.hpp>
#include <waitwork/coro/cancellation.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/coro/this_task.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/timeout.hpp>

#include <harness/drive/self_driven.hpp>
#include <peers/asio.hpp>
#include <peers/our_loop_driver.hpp>

namespace waitwork::bench {
namespace {

constexpr auto never = std::chrono::hours(1);

// --- timer -------------------------------------------------------------------------------------------------------

task<void> next_turn() { co_await yield(); }

task<void> timeout_after_timeout(units_of_batch& units) {
  while (units.next != units.end) {
    const std::uint64_t index = units.next++;
    const result<void> in_time = co_await with_timeout(never, next_turn());
    if (in_time) units.sum += index;
  }
}

class our_timeouts final : public our_loop_driver {
 public:
  explicit our_timeouts(unsigned depth) : depth_(depth) {}

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::int64_t begin_ns = now_ns();
    units_of_batch units{first, first + count};
    run_lanes(loop_, depth_, [&units](unsigned) { return timeout_after_timeout(units); });
    return batch_log(first, count, now_ns() - begin_ns, units.sum);
  }

 private:
  unsigned depth_;
};

// --- sleep_cancel ------------------------------------------------------------------------------------------------

task<void> sleep_until_stopped(std::uint64_t index, answer& sum) {
  try {
    co_await sleep_for(never);
  } catch (const cancelled&) {
    sum += index;
  }
}

class our_sleeps final : public our_loop_driver {
 public:
  explicit our_sleeps(unsigned depth) : depth_(depth) {}

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::int64_t begin_ns = now_ns();
    answer sum = 0;
    auto sleep_and_stop = [&sum](scope& sleepers, std::uint64_t next, std::uint64_t last) {
      for (; next != last; ++next) sleepers.spawn(sleep_until_stopped(next, sum));
      sleepers.request_stop();
    };
    loop_.run(run_groups(first, first + count, depth_, sleep_and_stop));
    return batch_log(first, count, now_ns() - begin_ns, sum);
  }

 private:
  unsigned depth_;
};

// --- Asio --------------------------------------------------------------------------------------------------------

#if WAITWORK_HAS_ASIO
class asio_timers : public self_driven {
 public:
  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::int64_t begin_ns = now_ns();
    answer sum = 0;
    for (std::uint64_t next = first; next != first + count;) {
      const std::uint64_t pending = std::min<std::uint64_t>(timers_.size(), first + count - next);
      for (std::uint64_t i = 0; i < pending; ++i) schedule(timers_[i], next + i, sum);
      if (queued_) {
        context_.restart();
        context_.poll();
      }
      for (std::uint64_t i = 0; i < pending; ++i) timers_[i].cancel();
      context_.restart();
      context_.run();
      next += pending;
    }
    return batch_log(first, count, now_ns() - begin_ns, sum);
  }

 protected:
  // `queued`: schedule() does not start the timer but queues a coroutine that will.
  asio_timers(unsigned depth, bool queued) : queued_(queued) {
    timers_.reserve(depth);
    for (unsigned i = 0; i < depth; ++i) timers_.emplace_back(context_);
  }
  asio::io_context& context() noexcept { return context_; }

 private:
  virtual void schedule(asio::steady_timer& timer, std::uint64_t index, answer& sum) = 0;

  bool queued_;
  asio::io_context context_{ASIO_CONCURRENCY_HINT_UNSAFE};
  std::vector<asio::steady_timer> timers_;
};

class with_asio_handlers final : public asio_timers {
 public:
  explicit with_asio_handlers(unsigned depth) : asio_timers(depth, false) {}

 private:
  void schedule(asio::steady_timer& timer, std::uint64_t index, answer& sum) override {
    timer.expires_after(never);
    timer.async_wait([index, &sum](const asio::error_code& error) {
      if (error == asio::error::operation_aborted) sum += index;
    });
  }
};

asio::awaitable<void> asio_sleep_until_cancelled(asio::steady_timer& timer, std::uint64_t index, answer& sum) {
  asio::error_code error;
  timer.expires_after(never);
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  if (error == asio::error::operation_aborted) sum += index;
}

class with_asio_coroutines final : public asio_timers {
 public:
  explicit with_asio_coroutines(unsigned depth) : asio_timers(depth, true) {}

 private:
  void schedule(asio::steady_timer& timer, std::uint64_t index, answer& sum) override {
    asio::co_spawn(context(), asio_sleep_until_cancelled(timer, index, sum), asio::detached);
  }
};
#endif

template <class Ours, class Theirs>
std::unique_ptr<workload> make(const workload_settings& settings) {
  if (settings.variant == "waitwork") return std::make_unique<Ours>(settings.lanes);
  if constexpr (std::is_void_v<Theirs>) {
    asio_is_missing();
  } else {
    return std::make_unique<Theirs>(settings.lanes);
  }
}

#if !WAITWORK_HAS_ASIO
using with_asio_handlers = void;
using with_asio_coroutines = void;
#endif

const bool timer = register_workload({
    .name = "peers/timer",
    .variants = {"waitwork", "asio"},
    .depths = {1, 1024},
    .make = make<our_timeouts, with_asio_handlers>,
});

const bool sleep_cancel = register_workload({
    .name = "peers/sleep_cancel",
    .variants = {"waitwork", "asio"},
    .depths = {1, 1024},
    .make = make<our_sleeps, with_asio_coroutines>,
});

}  // namespace
}  // namespace waitwork::bench
