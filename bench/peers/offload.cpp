// SPDX-License-Identifier: Apache-2.0
// peers/offload, peers/offload_cold: a callable runs on another thread, and its value comes back to the one that asked.
// offload goes from one to the next at once; offload_cold pauses 20 ms before each, by when every thread is asleep. The
// pause is not in the latency (p50_ns), but it is in the time of a unit.
//
//   waitwork     co_await offload(arena, work): a coroutine goes on when the value is there
//   tbb_enqueue  task_arena::enqueue of the same callable; the asking thread waits on an atomic word: no coroutine
//   std_thread   one worker, a queue behind a mutex, a condition variable; the asking thread waits in the same way

#include <waitwork/hybrid/offload.hpp>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/base/clock.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/measure/histogram.hpp>
#include <waitwork/parallel/arena.hpp>
#include <waitwork/parallel/effective_cpus.hpp>

#include <harness/drive/self_driven.hpp>

namespace waitwork::bench {
namespace {

constexpr std::chrono::milliseconds cold_pause(20);
constexpr std::chrono::milliseconds smoke_pause(1);

// The work itself: nothing, but not known to the compiler.
[[gnu::noinline]] answer compute(std::uint64_t index) { return index; }

class offloading : public self_driven {
 public:
  explicit offloading(std::chrono::milliseconds pause) : pause_(pause) {}

  std::map<std::string, double> parameters() const final { return {{"pause_ms", static_cast<double>(pause_.count())}}; }

 protected:
  // The asking thread does nothing meanwhile, on no loop, in all variants.
  void pause() const {
    if (pause_.count() > 0) std::this_thread::sleep_for(pause_);
  }

 private:
  std::chrono::milliseconds pause_;
};

class to_our_arena final : public offloading {
 public:
  explicit to_our_arena(std::chrono::milliseconds pause) : offloading(pause) { arena_.warm_up(); }

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    histogram latency;
    const answer sum = loop_.run(one_by_one(first, count, latency));
    return batch_log(first, count, latency, sum);
  }
  std::vector<loop_counters> loops() const override { return {loop_.counters()}; }
  unsigned loop_setup_flags() const override { return loop_.setup_flags(); }

 private:
  task<answer> one_by_one(std::uint64_t first, std::uint64_t count, histogram& latency) {
    answer sum = 0;
    for (std::uint64_t index = first; index != first + count; ++index) {
      pause();
      const std::int64_t begin_ns = now_ns();
      auto work = [index] { return compute(index); };
      sum += co_await offload(arena_, work);
      latency.record(now_ns() - begin_ns);
    }
    co_return sum;
  }

  arena arena_{effective_cpus(), callers::hand_in};
  loop loop_;
};

// What a thread that has no loop does to get a value from another one.
class mailbox {
 public:
  // Once, from another thread.
  void put(answer value) noexcept {
    value_ = value;
    full_.store(1, std::memory_order_release);
    full_.notify_one();
  }
  answer take() noexcept {
    full_.wait(0, std::memory_order_acquire);
    full_.store(0, std::memory_order_relaxed);
    return value_;
  }

 private:
  answer value_ = 0;
  std::atomic<int> full_{0};  // 1: value_ is there; the release makes it visible
};

class to_a_worker : public offloading {
 public:
  using offloading::offloading;

  unit_log drive(std::uint64_t first, std::uint64_t count) final {
    histogram latency;
    answer sum = 0;
    for (std::uint64_t index = first; index != first + count; ++index) {
      pause();
      const std::int64_t begin_ns = now_ns();
      hand_over(index);
      sum += answers_.take();
      latency.record(now_ns() - begin_ns);
    }
    return batch_log(first, count, latency, sum);
  }

 protected:
  // On the worker.
  void work_on(std::uint64_t index) noexcept { answers_.put(compute(index)); }

 private:
  virtual void hand_over(std::uint64_t index) = 0;

  mailbox answers_;
};

class to_tbb final : public to_a_worker {
 public:
  using to_a_worker::to_a_worker;
  // An arena does not wait for its tasks, and the last may still be on its way out of put().
  ~to_tbb() override {
    while (ended_.load(std::memory_order_acquire) != handed_over_) std::this_thread::yield();
  }

 private:
  void hand_over(std::uint64_t index) override {
    ++handed_over_;
    arena_.enqueue([this, index] {
      work_on(index);
      ended_.fetch_add(1, std::memory_order_release);
    });
  }

  std::uint64_t handed_over_ = 0;
  std::atomic<std::uint64_t> ended_{0};
  // As many workers as our arena has: the asking thread is none of them, and oneTBB counts it.
  tbb::global_control threads_{tbb::global_control::max_allowed_parallelism, effective_cpus() + 1};
  tbb::task_arena arena_{static_cast<int>(effective_cpus()), 0};
};

class to_a_thread final : public to_a_worker {
 public:
  explicit to_a_thread(std::chrono::milliseconds pause) : to_a_worker(pause), thread_([this] { serve(); }) {}
  ~to_a_thread() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

 private:
  void hand_over(std::uint64_t index) override {
    {
      const std::lock_guard lock(mutex_);
      queued_ = index;
    }
    changed_.notify_one();
  }
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || queued_; });
      if (!queued_) return;
      const std::uint64_t index = *queued_;
      queued_.reset();
      lock.unlock();
      work_on(index);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::uint64_t> queued_;  // guarded by mutex_, as is stopping_; one at a time is all that is asked
  bool stopping_ = false;
  std::thread thread_;
};

std::unique_ptr<workload> make(const workload_settings& settings, std::chrono::milliseconds pause) {
  if (settings.variant == "waitwork") return std::make_unique<to_our_arena>(pause);
  if (settings.variant == "tbb_enqueue") return std::make_unique<to_tbb>(pause);
  return std::make_unique<to_a_thread>(pause);
}

const bool hot = register_workload({
    .name = "peers/offload",
    .variants = {"waitwork", "tbb_enqueue", "std_thread"},
    .depths = {1},
    .make = [](const workload_settings& settings) { return make(settings, {}); },
});

const bool cold = register_workload({
    .name = "peers/offload_cold",
    .variants = {"waitwork", "tbb_enqueue", "std_thread"},
    .depths = {1},
    .make = [](const workload_settings& settings) { return make(settings, settings.smoke ? smoke_pause : cold_pause); },
});

}  // namespace
}  // namespace waitwork::bench
