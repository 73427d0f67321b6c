// SPDX-License-Identifier: Apache-2.0
#pragma once
// loop: one thread, one io_uring, any number of coroutines.
//
//        +--> resume what is ready ----------------------------+
//        |                                                     | submissions gather in the ring
//        |    expire timers, take what other threads posted    v
//        +--- resume what has completed <--- enter the kernel once (and sleep there if nothing is ready)
//
// A system call for each batch of submissions, one a turn as a rule, none while coroutines only hand over to each
// other. A coroutine goes on from the turn itself, never from inside another one: a completion is out of the queue
// before it is acted on, and what a timer, a stop request or another coroutine ends is made ready for the next turn. So
// nothing re-enters and the stack does not grow. The loop runs on the thread that constructs it, and on no other.
//
// run() ends when its task has ended, and what was spawned on the loop from outside, and every request in the kernel.
//
// Not here: SQPOLL. It burns a core that on a small machine is the other half of the experiment.

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/look_out.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/coro/this_task.hpp>

struct io_uring_sqe;

namespace waitwork {

class fault_seam;
class multishot;
class operation;
class remote;
class remote_queue;
class ring;
class timer;
class timer_heap;

struct loop_options {
  // Entries of the submission queue. A full one is handed over within the turn, so this bounds how much of a turn's
  // work lies about before the kernel gets it: an echo server's CPU over a hand-written loop's, at 512 connections, was
  // 1.06, 1.04, 0.97 with 256, 128, 64 entries (8 rounds of 15 pairs of slices), and a NOP's 1.18, 1.16, 1.15.
  unsigned submission_entries = 64;
  // A turn hands its submissions to the kernel whenever this many reads and writes of files have gathered, and what is
  // left at its end. Larger saves system calls; smaller keeps a device busy while coroutines still run. Random 4 KiB
  // direct reads at depth 64 reached 0.81 of fio's rate with one batch a turn, and 0.99, 0.97, 0.99, 0.89 with batches
  // of 8, 4, 2, 1 (virtio disk, two CPUs, geometric mean of 5 interleaved runs). Sockets and timers gain nothing by it.
  unsigned submission_batch = 8;
  // Completions the kernel can note before it falls back to its slower overflow list; keep at or above the number
  // of operations in flight.
  unsigned completion_entries = 4096;
  // For tests: what stands between the loop and the kernel. Must outlive the loop.
  fault_seam* seam = nullptr;
};

// What explains a loop's speed. All counts since construction.
struct loop_counters {
  std::uint64_t turns = 0;        // rounds of the figure above
  std::uint64_t enters = 0;       // times the loop entered the kernel
  std::uint64_t waits = 0;        // of those, the ones that were allowed to sleep
  std::uint64_t submissions = 0;  // SQEs handed to the kernel
  std::uint64_t completions = 0;  // CQEs taken
  std::uint64_t queue_full = 0;   // early enters because the submission queue was full
  std::uint64_t overflows = 0;    // turns that found the kernel's completion overflow list in use
  std::uint64_t timers_expired = 0;
  std::uint64_t posts_taken = 0;     // coroutines handed over by other threads
  std::uint64_t wakes_received = 0;  // times other threads rang the bell; posts without it cost no system call
  std::uint64_t cancels = 0;         // requests that the kernel was asked to end early
  std::uint64_t in_flight_peak = 0;  // requests in the kernel at the same time, at most

  // Sums and differences, field by field: of several loops, or of two moments of one. The peak is the largest of both
  // in a sum, and stays what it is in a difference.
  loop_counters& operator+=(const loop_counters& other) noexcept;
  loop_counters& operator-=(const loop_counters& other) noexcept;
};

class loop {
 public:
  // Throws unsupported_error where io_uring is refused or missing, environment_error where it runs out of something.
  explicit loop(const loop_options& options = loop_options());
  // Checks that nothing is in flight.
  ~loop();
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  // Drives `main` to completion on this thread and gives its value, or throws its exception. Then what was spawned from
  // outside is asked to stop, and run() returns when that has ended too. While it runs, current() is this loop. Not
  // reentrant.
  template <class T>
  T run(task<T> main);

  // The loop that is running on this thread; a bug if there is none. Awaitables use it, so that no signature has to
  // carry a loop.
  static loop& current() noexcept;

  const loop_counters& counters() const noexcept { return counters_; }

  // The IORING_SETUP_ flags that the kernel granted: a figure with and without DEFER_TASKRUN is not the same figure.
  unsigned setup_flags() const noexcept;

  // Queues a coroutine to be resumed in the next turn. This thread only.
  void make_ready(ready_node& node) noexcept { ready_.push(node); }

  // Queues a coroutine of this loop from any thread, and wakes the loop if it sleeps. The loop must be running and stay
  // so until the coroutine is resumed, as it does for a coroutine that waits for this very call; `node` must stay alive
  // as long. The wake costs one system call and is elided while the loop is awake.
  void post(ready_node& node) noexcept;

  // For awaitables whose answer another thread posts, maybe within microseconds: while one is expected, the loop looks
  // out for a moment before it sleeps. In pairs; this thread only.
  void expect_answer() noexcept { ++expected_; }
  void expected_answer_came() noexcept { --expected_; }

  // For other threads: spawn, and stop. Usable before, during and after run(), and after the loop is gone.
  waitwork::remote remote() const noexcept;

  // Asks the running task, and all that was spawned from outside, to stop.
  void request_stop() noexcept;

  // The loop's clock: CLOCK_MONOTONIC.
  std::int64_t now_ns() const;

  // For awaitables of this layer. An entry is filled in before anything else is done with the loop.
  io_uring_sqe* next_submission(operation& owner, stop_source* stop);
  io_uring_sqe* next_urgent_submission(operation& owner, stop_source* stop);
  io_uring_sqe* next_submission(multishot& owner);
  void cancel(operation& pending) noexcept;
  void cancel(multishot& pending) noexcept;
  void defer(multishot& until_drained) noexcept;
  void start_timer(timer& pending);
  void cancel_timer(timer& pending) noexcept;
  waitwork::ring& kernel_ring() noexcept { return *ring_; }

  // For a coroutine that was posted to `queue` and has arrived: the loop, if it is the one that runs here; and where to
  // spawn, null if it is too late.
  static loop* running_with(const remote_queue& queue) noexcept;
  scope* spawned() noexcept;

 private:
  struct run_state;

  static task<void> supervise(task<void> main, bool& finished);
  void run_until(const bool& finished, task<void>& main);
  void turn();
  void finish_spawned();
  void resume_ready();
  void gather_ready();
  void enter_kernel(bool may_sleep);
  int submit_and_wait();
  int submit_and_get_events();
  void about_to_submit();
  [[gnu::noinline]] io_uring_sqe* hindered_submission(operation& owner, stop_source* stop);
  io_uring_sqe* free_submission();
  void cancel(std::uint64_t user_data) noexcept;
  void resume_completed();
  void queue_completed();
  template <class GoOn>
  void take_completions(GoOn go_on);
  template <class GoOn>
  void take_completions_from_seam(GoOn go_on);
  template <class GoOn>
  void accept(std::uint64_t user_data, std::int32_t answer, std::uint32_t flags, const GoOn& go_on);
  unsigned in_flight() const noexcept;
  unsigned awaited() const noexcept;
  [[gnu::noinline]] void accept_unattended(std::uint64_t user_data, std::int32_t answer, std::uint32_t flags) noexcept;
  void bell_rang(std::int32_t answer) noexcept;
  void call_deferred();
  void expire_timers();
  void take_posted(bool announced_sleep);
  void look_out_for_answer();
  bool may_sleep();
  void arm_bell();

  // What every operation passes shares a cache line.
  alignas(64) std::unique_ptr<waitwork::ring> ring_;
  fault_seam* seam_;
  ready_queue ready_;
  unsigned unattended_ = 0;        // multishots and cancellations whose last completion is to come
  unsigned extra_ = 0;             // completions that ended no request: of multishots, of other threads' messages
  unsigned awaited_by_seam_ = 0;   // with a seam, which puts requests of its own into the ring: awaited()
  multishot* deferred_ = nullptr;  // to be told when the completion queue is drained

  std::unique_ptr<timer_heap> timers_;
  std::shared_ptr<remote_queue> posted_;
  run_state* run_ = nullptr;  // null: not running
  unsigned submission_batch_;
  unsigned urgent_ = 0;    // entries in the submission queue that should not wait for the end of the turn
  unsigned expected_ = 0;  // answers from other threads
  look_out patience_;
  bool bell_armed_ = false;
  std::uint64_t bell_reading_ = 0;  // where the kernel puts the number of rings since the last reading
  loop_counters counters_;
};

namespace detail {

// Stores the outcome of a task outside it, because a task hands its outcome to whoever awaits it.
template <class T>
task<void> store_outcome(task<T> main, std::optional<T>& value) {
  value.emplace(co_await std::move(main));
}

}  // namespace detail

template <class T>
T loop::run(task<T> main) {
  if constexpr (std::is_void_v<T>) {
    bool finished = false;
    task<void> root = supervise(std::move(main), finished);
    run_until(finished, root);
    root.handle().promise().take();
  } else {
    std::optional<T> value;
    run(detail::store_outcome(std::move(main), value));
    return std::move(*value);
  }
}

}  // namespace waitwork
