// SPDX-License-Identifier: Apache-2.0
#pragma once
// worker_threads: threads that run jobs handed to them, started when they are first needed.
//
// What stands behind both the arena (as many threads as there is computing power) and the blocking_pool (as many as may
// sit in blocking calls at once). A job is part of whoever waits for it, so queueing one allocates nothing and cannot
// fail; the queue needs no limit of its own, because it never holds more than there are waiting coroutines.
//
// Handing in: to the thread that went idle last, whose stack is still in the cache and whose colleagues may then end
// for lack of work; else to a new thread; else, when all are there and busy, to the queue, first come first served. One
// lock guards all of it and is held for some tens of nanoseconds, except while a thread is started.
//
// A thread without work looks out for more for a moment (look_out.hpp) if a CPU is to spare for it, and sleeps.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <waitwork/base/clock.hpp>

namespace waitwork {

// Something to be done once by some worker. Derive from it. Not movable; may be handed in again once it has been run or
// withdrawn.
class job {
 public:
  job(const job&) = delete;
  job& operator=(const job&) = delete;

 protected:
  job() noexcept = default;
  ~job() = default;

 private:
  friend class worker_threads;

  // Does it. The job may be destroyed by whoever waits for it as soon as run() has told them, so nobody touches it
  // afterwards.
  virtual void run() noexcept = 0;

  // Guarded by the lock of the worker_threads that it was handed to.
  job* next_ = nullptr;
  job* previous_ = nullptr;
  bool queued_ = false;
};

struct worker_threads_options {
  // Threads at most; >= 1.
  unsigned limit = 1;
  // A thread that has had nothing to do for this long ends. Longer saves starting it again, about 30 us.
  nanoseconds keep_idle = std::chrono::seconds(10);
  // How many CPUs the threads share with those who wait for them. Looking out for work, or for an answer, is worth it
  // only on a CPU that nobody else needs; 0: never.
  unsigned cpus = 0;
  // What the threads are for, for error messages.
  std::string purpose = "work";
};

// As of one moment; counts are since construction.
struct worker_threads_counters {
  unsigned threads = 0;  // alive
  unsigned threads_peak = 0;
  std::uint64_t started = 0;    // threads
  std::uint64_t refused = 0;    // threads that the system did not grant
  std::uint64_t jobs = 0;       // begun
  std::uint64_t queued = 0;     // jobs that waited for a thread, a new one or a busy one
  std::uint64_t withdrawn = 0;  // jobs taken back before they were begun
};

class worker_threads {
 public:
  // Starts no thread yet.
  explicit worker_threads(worker_threads_options options);

  // Waits until everything handed in has been done and every thread has ended.
  ~worker_threads();
  worker_threads(const worker_threads&) = delete;
  worker_threads& operator=(const worker_threads&) = delete;

  // Has `next` run by some thread; it must stay alive until then, or until it is withdrawn. From any thread. Throws
  // environment_error (thread_start.hpp) if there is not one thread and none can be started; with fewer than the limit
  // it goes on.
  void submit(job& next);

  // Takes back what was handed in. True: it is not going to run, and nothing refers to it any more. False: it is
  // running or has run. From the thread that handed it in.
  bool withdraw(job& pending) noexcept;

  // Starts every thread that may still be started. Throws environment_error if one is refused.
  void start_all();

  // Whether a CPU is left for who waits, and looks out, for what was handed in. As of one moment.
  bool has_cpu_to_spare() const noexcept { return busy_.load(std::memory_order_relaxed) < options_.cpus; }

  unsigned limit() const noexcept { return options_.limit; }
  worker_threads_counters counters() const;

 private:
  struct worker;

  std::error_code start_worker();
  void serve(worker& self);
  job* next_queued() noexcept;
  job* wait_for_job(worker& self, std::unique_lock<std::mutex>& lock);
  void leave(worker& self, std::unique_lock<std::mutex>& lock);
  void look_out_for_job(worker& self, std::unique_lock<std::mutex>& lock);
  void count_busy() noexcept;
  void push(job& last) noexcept;
  void unlink(job& queued) noexcept;

  const worker_threads_options options_;
  mutable std::mutex mutex_;
  std::condition_variable emptied_;  // the destructor's: no thread and no job is left

  std::atomic<unsigned> busy_{0};  // threads that are not idle; written under the lock, read without

  // All guarded by mutex_.
  job* first_ = nullptr;
  job* last_ = nullptr;
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<worker*> idle_;     // the one that went idle last at the back
  std::unique_ptr<worker> left_;  // the last thread that ended by itself; the next one to do so joins it
  unsigned looking_out_ = 0;      // of the idle ones
  bool stopping_ = false;
  worker_threads_counters counters_;
};

}  // namespace waitwork
