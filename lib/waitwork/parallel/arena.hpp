// SPDX-License-Identifier: Apache-2.0
#pragma once
// arena: a fixed number of oneTBB workers that belong to us and to no one else.
//
// oneTBB sizes itself from the affinity mask but not from the cgroup quota, and refuses more threads than CPUs unless
// told otherwise; both are wrong for work that waits. The arena takes an explicit number and raises the library's limit
// to it for as long as it lives. `workers` counts threads that run our work at the same time.
//
// What is handed in is run by threads of our own (worker_threads.hpp) inside the arena, not by task_arena::enqueue,
// because oneTBB's workers go on looking for work, at full speed, long after it has run out. An empty job handed in
// every 200 us cost 152 us of CPU with enqueue and 36 with threads that sleep; every 5 ms, 314 and 59 (oneTBB 2021.8,
// two virtual CPUs, medians of 5 interleaved runs). Ours look out for at most 30 us, if a CPU is to spare: one job
// after the other from a loop and back takes 1.5 us (22 to 36 if all sleep at once; enqueue: 1.9), from a standstill 40
// (62), and costs 2.8 and 115 us of CPU (3.7 and 272; 5 rounds). Units of 50 us of work behind 1 ms of waiting took
// 0.80 of the time and of the CPU that they took without looking out, 64 at a time on two CPUs (6 rounds). The
// algorithms of oneTBB inside a job have the arena's slots and workers as before.

#include <functional>
#include <memory>

#include <waitwork/parallel/worker_threads.hpp>

namespace waitwork {

// Whether a thread from outside takes part in the work (run_on_each) or only hands it in (submit).
enum class callers { take_part, hand_in };

class arena {
 public:
  // Starts no thread yet; warm_up() does. workers >= 1.
  explicit arena(unsigned workers, callers calling = callers::take_part);
  ~arena();
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;

  unsigned workers() const noexcept { return workers_; }

  // Calls body(worker) once for every worker in [0, workers), at the same time on different threads as far as they
  // have come (warm_up), and returns when all are done. The calling thread is one of them: needs callers::take_part.
  // The first exception is rethrown. Bodies may block.
  void run_on_each(const std::function<void(unsigned worker)>& body);

  // Makes every worker run at the same moment once, so that no measurement pays for thread creation. Throws
  // environment_error if the system does not grant so many threads, or if they do not all come within a few seconds.
  // Without it, and for want of threads, run_on_each and the algorithms of oneTBB throw whatever oneTBB throws.
  void warm_up();

  // Hands a job to some worker, or takes it back: worker_threads.hpp. The job calls enter(). The caller may be a loop's
  // thread. Throws environment_error if no thread can be started at all.
  void submit(job& next);
  bool withdraw(job& pending) noexcept;

  // Whether a CPU is left for a thread that looks out for the outcome of what it handed in. As of one moment.
  bool has_cpu_to_spare() const noexcept;

  // Calls work(argument) inside the arena, on this thread: algorithms of oneTBB that it uses have the arena's slots.
  // Throws what oneTBB throws if it cannot (no memory, no thread); the work was not done then.
  void enter(void (*work)(void*) noexcept, void* argument);

  worker_threads_counters counters() const;

 private:
  struct state;
  unsigned workers_;
  callers calling_;
  std::unique_ptr<state> state_;
};

}  // namespace waitwork
