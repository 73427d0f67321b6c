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
// A thread without work sleeps at once. On two CPUs, looking out for more work during 5 or 20 us before that made the round
// trip of an empty job from a loop longer, not shorter, 10.7 and 21.9 us against 5.3: the thread that looks out keeps the
// CPU from the loop that would give it work.

#include <waitwork/base/clock.hpp>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

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
  // What the threads are for, for error messages.
  std::string purpose = "work";
};

// As of one moment; counts are since construction.
struct worker_threads_counters {
  unsigned threads = 0;         // alive
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
  // environment_error if there is not one thread and none can be started; with fewer than the limit it goes on.
  void submit(job& next);

  // Takes back what was handed in. True: it is not going to run, and nothing refers to it any more. False: it is running
  // or has run. From the thread that handed it in.
  bool withdraw(job& pending) noexcept;

  // Starts every thread that may still be started. Throws environment_error if one is refused.
  void start_all();

  unsigned limit() const noexcept { return options_.limit; }
  worker_threads_counters counters() const;

 private:
  struct worker;

  std::error_code start_worker();
  void serve(worker& self);
  job* next_queued() noexcept;
  job* wait_for_job(worker& self, std::unique_lock<std::mutex>& lock);
  void leave(worker& self, std::unique_lock<std::mutex>& lock);
  void push(job& last) noexcept;
  void unlink(job& queued) noexcept;

  const worker_threads_options options_;
  mutable std::mutex mutex_;
  std::condition_variable emptied_;  // the destructor's: no thread and no job is left

  // All guarded by mutex_.
  job* first_ = nullptr;
  job* last_ = nullptr;
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<worker*> idle_;     // the one that went idle last at the back
  std::unique_ptr<worker> left_;  // the last thread that ended by itself; the next one to do so joins it
  bool stopping_ = false;
  worker_threads_counters counters_;
};

}  // namespace waitwork
