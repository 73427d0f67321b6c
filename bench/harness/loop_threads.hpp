#pragma once
// loop_threads: a loop on each of several threads, waiting for jobs.
//
// A ring belongs to the thread that made it, so the threads live as long as their loops, and a job is brought to them.

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <waitwork/io/loop.hpp>

namespace waitwork::bench {

class loop_threads {
 public:
  using job = std::function<void(unsigned index, loop& here)>;

  // Starts `count` threads; throws what a loop's constructor throws.
  explicit loop_threads(unsigned count);
  ~loop_threads();
  loop_threads(const loop_threads&) = delete;
  loop_threads& operator=(const loop_threads&) = delete;

  unsigned count() const noexcept { return static_cast<unsigned>(threads_.size()); }

  // Calls work(index, loop) on every thread at the same time and returns when all are done; then the first exception
  // is thrown.
  void run_on_each(const job& work);

  // The sum over all loops, as of the end of the last job.
  loop_counters counters() const;

  // What loop::setup_flags() says; the same for all, made alike on one kernel.
  unsigned setup_flags() const;

 private:
  void thread_body(unsigned index);
  void wait_for_all(std::unique_lock<std::mutex>& lock);
  void stop() noexcept;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // All guarded by mutex_.
  const job* work_ = nullptr;
  unsigned generation_ = 0;  // of the job; a thread does each generation once
  unsigned busy_ = 0;
  bool stopping_ = false;
  std::exception_ptr failure_;
  std::vector<loop_counters> counters_;
  unsigned setup_flags_ = 0;

  std::vector<std::thread> threads_;
};

}  // namespace waitwork::bench
