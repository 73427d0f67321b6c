// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/crew.hpp>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <waitwork/base/affinity.hpp>
#include <waitwork/base/thread_start.hpp>

namespace waitwork {
namespace {

// Between the moment that a window begins and the last worker's having heard of it: a futex wake takes 50 us in a
// virtual machine.
constexpr std::int64_t head_start_ns = 60'000;
struct share {
  double work = 0;
  std::int64_t end_ns = 0;
};

// Workers that begin every window together.
//
//   start_ns  written by the worker that comes last to the barrier, before any leaves it, and read by all after it
//   given_up  false; true from before missing workers are taken off the barrier, and read after it
//
// Both relaxed: the barrier orders writing and reading.
class crew {
 public:
  crew(const probe_options& options, std::vector<batch> work)
      : options_(options),
        work_(std::move(work)),
        windows_(options.windows, std::vector<share>(work_.size())),
        starts_ns_(options.windows),
        together_(static_cast<std::ptrdiff_t>(work_.size()), announcement{*this}) {}

  // Work per second in the best window.
  probed best_rate(nanoseconds warm_up) {
    std::vector<std::jthread> threads;
    threads.reserve(work_.size());
    {
      const roll_call all_came{*this, threads};
      try {
        for (std::size_t w = 0; w < work_.size(); ++w) threads.emplace_back([this, w, warm_up] { run(w, warm_up); });
      } catch (const std::system_error& refused) {  // explained while the others have what they were given
        const std::string subject = "one of " + std::to_string(work_.size()) + " threads";
        return std::unexpected(std::string("cannot ") + thread_error(subject, refused.code().value()).what());
      }
    }
    threads.clear();  // joins
    double best = 0;
    for (std::size_t window = 0; window < windows_.size(); ++window) {
      double total = 0;
      std::int64_t end_ns = starts_ns_[window] + 1;
      for (const share& each : windows_[window]) {
        total += each.work;
        end_ns = std::max(end_ns, each.end_ns);
      }
      best = std::max(best, total * 1e9 / static_cast<double>(end_ns - starts_ns_[window]));
    }
    return best;
  }

 private:
  // Whatever keeps the last workers from coming, those that came do not wait for them for ever.
  struct roll_call {
    crew& all;
    const std::vector<std::jthread>& came;
    ~roll_call() {
      if (came.size() == all.work_.size()) return;
      all.given_up_.store(true, std::memory_order_relaxed);
      for (std::size_t missing = came.size(); missing < all.work_.size(); ++missing) all.together_.arrive_and_drop();
    }
  };

  struct announcement {
    crew& all;
    void operator()() noexcept { all.start_ns_.store(now_ns() + head_start_ns, std::memory_order_relaxed); }
  };

  void run(std::size_t worker, nanoseconds warm_up) {
    if (work_.size() > 1 && options_.cpus.size() >= work_.size()) pin_if_possible(options_.cpus[worker]);
    const batch& work = work_[worker];
    const std::int64_t warm_ns = now_ns() + warm_up.count();
    do work();
    while (now_ns() < warm_ns);
    for (std::size_t window = 0; window < windows_.size(); ++window) {
      together_.arrive_and_wait();
      if (given_up_.load(std::memory_order_relaxed)) return;
      const std::int64_t start_ns = start_ns_.load(std::memory_order_relaxed);
      while (now_ns() < start_ns) continue;
      share mine;
      do {
        mine.work += work();
        mine.end_ns = now_ns();
      } while (mine.end_ns < start_ns + options_.window.count());
      windows_[window][worker] = mine;
      if (worker == 0) starts_ns_[window] = start_ns;
    }
  }

  const probe_options& options_;
  const std::vector<batch> work_;
  std::vector<std::vector<share>> windows_;
  std::vector<std::int64_t> starts_ns_;
  std::atomic<std::int64_t> start_ns_{0};
  std::atomic<bool> given_up_{false};
  std::barrier<announcement> together_;
};

}  // namespace

void pin_if_possible(unsigned cpu) {
  try {
    pin_this_thread(cpu);
  } catch (const std::exception&) {
    // A CPU that has just gone away, or a sandbox, leaves the worker where it is.
  }
}

probed best_rate(const probe_options& options, std::vector<batch> work, nanoseconds warm_up) {
  return crew(options, std::move(work)).best_rate(warm_up);
}

}  // namespace waitwork
