// SPDX-License-Identifier: Apache-2.0
#pragma once
// loop_group: a loop on each of several threads, running from the constructor to the destructor.
//
//   loop_group loops;                                            // one for each CPU, pinned to it
//   spawned<reply> pending = loops.on(1).spawn(ask(question));    // from ordinary code
//   reply answer = co_await call_on(loops.on(1), ask(question));  // from a coroutine, of this group or of any loop
//   loops.run_on_each(job);                                      // the same on all of them
//
// Nothing is shared between the loops: work and connections go to one of them and stay there, and what concerns two
// goes by message (io/remote.hpp, io/call_on.hpp). A loop without work sleeps in the kernel.

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <waitwork/coro/task.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/remote.hpp>

namespace waitwork {

struct loop_group_options {
  // Loops; 0: as many as there are effective CPUs, or as `cpus` lists.
  unsigned count = 0;
  // Whether each thread stays on one CPU. Keeps its cache warm, but cannot step aside for others: not for loops that
  // share the CPUs with an arena of as many workers.
  bool pinned = true;
  // Where to pin, in turn; empty: to the CPUs of the affinity mask.
  std::vector<unsigned> cpus;
  loop_options loops;
};

class loop_group {
 public:
  // Gives the task to be run on loop `index`, in [0, count). Called on that loop.
  using job = std::function<task<void>(unsigned index, loop& here)>;

  // Returns when every loop runs. Throws what a loop's constructor throws, and environment_error for a thread that the
  // system does not grant or a CPU that it does not know.
  explicit loop_group(const loop_group_options& options = loop_group_options());

  // Asks everything on the loops to stop, waits for it, and joins the threads. Not from one of the loops.
  ~loop_group();
  loop_group(const loop_group&) = delete;
  loop_group& operator=(const loop_group&) = delete;

  unsigned count() const noexcept { return static_cast<unsigned>(members_.size()); }

  // Loop `index`, for any thread. The reference lives as long as the group, and a copy may be kept longer.
  const remote& on(unsigned index) const { return *members_[index].handle; }

  // Runs a job on every loop at the same time and returns when all have ended; then the first failure, by index, is
  // thrown. Blocks: for ordinary code, not for a coroutine of one of the loops.
  void run_on_each(const job& work) const;

  // What a loop has counted by now, and all of them together. Blocks like run_on_each, and costs each loop one wake,
  // which is counted too.
  loop_counters counters(unsigned index) const;
  loop_counters counters() const;

  // What loop::setup_flags() says; the same for all, made alike on one kernel.
  unsigned setup_flags() const noexcept { return setup_flags_; }

 private:
  struct member {
    std::optional<remote> handle;  // when its loop runs
    std::thread thread;
  };

  void thread_body(unsigned index, const loop_group_options& options);
  task<void> serve(unsigned index);
  void has_come(unsigned index, std::exception_ptr failure);
  void stop() noexcept;

  // Guarded by mutex_ until all have come; not changed afterwards.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<member> members_;
  unsigned setup_flags_ = 0;
  unsigned still_to_come_ = 0;
  std::exception_ptr failure_;
};

}  // namespace waitwork
