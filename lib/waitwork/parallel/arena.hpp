#pragma once
// arena: a fixed number of oneTBB workers that belong to us and to no one else.
//
// oneTBB sizes itself from the affinity mask but not from the cgroup quota, and refuses more threads than CPUs unless
// told otherwise; both are wrong for work that waits. The arena takes an explicit number and raises the library's limit
// to it for as long as it lives. `workers` counts threads that run our work at the same time.

#include <functional>
#include <memory>

namespace waitwork {

// Whether a thread from outside takes part in the work (run_on_each) or only hands it in (enqueue).
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
  // have come (warm_up), and returns when all are done. The calling thread is one of them: needs callers::take_part. The first exception is
  // rethrown. Bodies may block.
  void run_on_each(const std::function<void(unsigned worker)>& body);

  // Makes every worker run at the same moment once, so that no measurement pays for thread creation. Throws
  // environment_error if they do not all come within a few seconds (a thread limit).
  void warm_up();

  // Queues work(argument) for some worker and returns at once; the caller may be a loop's thread.
  void enqueue(void (*work)(void*) noexcept, void* argument);

 private:
  struct state;
  unsigned workers_;
  callers calling_;
  std::unique_ptr<state> state_;
};

}  // namespace waitwork
