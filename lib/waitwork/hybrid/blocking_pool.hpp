// SPDX-License-Identifier: Apache-2.0
#pragma once
// blocking_pool, offload_blocking: await code that blocks.
//
//   blocking_pool pool;
//   auto resolve = [&] { return look_up_host(name); };           // name the callable first (g++ 12), as for offload()
//   addresses found = co_await offload_blocking(pool, resolve);   // the loop goes on meanwhile
//
// For what has no asynchronous form: a resolver, a database driver, a library that reads its own files. Threads are
// started when all others are busy, up to a limit, and end when they have been idle for a while. When the limit is
// reached, a call waits its turn, first come first served, as a suspended coroutine: that costs no thread and no memory
// beyond the coroutine itself, so the queue has no limit and is never full. To have fewer calls wait, take a semaphore.
// A call that itself waits for another call of the same pool holds a thread meanwhile: as many of them as there are
// threads wait for ever.
//
// Not for computing: more threads than CPUs only get into each other's way. That is what offload() and an arena are
// for.

#include <chrono>
#include <coroutine>

#include <waitwork/base/clock.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/hybrid/offloaded.hpp>
#include <waitwork/parallel/worker_threads.hpp>

namespace waitwork {

struct blocking_pool_options {
  // Calls that block at the same time, at most; >= 1. Each takes a thread, and 8 MiB of address space. Larger keeps
  // more waits going; smaller protects what is waited for.
  unsigned threads = 64;
  // Longer saves starting a thread again, about 30 us; shorter gives back memory after a burst.
  nanoseconds keep_idle = std::chrono::seconds(10);
};

class blocking_pool {
 public:
  // Starts no thread.
  explicit blocking_pool(const blocking_pool_options& options = blocking_pool_options())
      : threads_({.limit = options.threads, .keep_idle = options.keep_idle, .purpose = "blocking calls"}) {}

  // The destructor waits until every call has returned, those that still wait for a thread too, and joins the threads.
  // The pool must outlive every coroutine that awaits it.

  // Any number of loops may share a pool. From any thread.
  void submit(job& next) { threads_.submit(next); }
  bool withdraw(job& pending) noexcept { return threads_.withdraw(pending); }
  worker_threads_counters counters() const { return threads_.counters(); }

 private:
  worker_threads threads_;
};

template <class Work>
class blocking_awaiter final : public detail::offloaded<Work> {
 public:
  blocking_awaiter(blocking_pool& pool, Work& work) noexcept : detail::offloaded<Work>(work), pool_(pool) {}

  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) {
    return this->depart(self, detail::stop_of(self));
  }

 private:
  bool hand_over(job& self) override {
    pool_.submit(self);
    return false;  // a blocking call takes as long as it takes
  }
  bool take_back(job& self) noexcept override { return pool_.withdraw(self); }
  void run() noexcept override {
    this->work();
    this->come_home();
  }

  blocking_pool& pool_;
};

// Runs work() on a thread of `pool`, where it may block; resumes on the current loop with its value, or throws its
// exception. `work` is referred to and must live until then.
//
// A stop: a call that has no thread yet is taken back and throws `cancelled`; one that runs cannot be interrupted and
// is waited for, and gives what it gives. Throws environment_error if the pool has not one thread and the system grants
// none; with fewer than it may have it goes on.
template <class Work>
[[nodiscard]] blocking_awaiter<Work> offload_blocking(blocking_pool& pool, Work& work) noexcept {
  return {pool, work};
}

}  // namespace waitwork
