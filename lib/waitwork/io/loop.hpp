#pragma once
// loop: one thread, one io_uring, any number of coroutines.
//
//        +--> resume what is ready ---------------------------+
//        |                                                    | submissions gather in the ring
//        |    expire timers, take what other threads posted   v
//        +--- drain the whole completion queue <--- enter the kernel once (and sleep there if nothing is ready)
//
// A system call for each batch of submissions, one a turn as a rule, none while coroutines only hand over to each other.
// Completions are only noted and queued while the ring is walked; coroutines run after it, so nothing re-enters the ring
// in the middle of a walk and the stack does not grow. The loop runs on the thread that constructs it, and on no other.
//
// Not here: cancellation, multishot operations, registered files and buffers. SQPOLL is left out on purpose: it burns
// a core that on a small machine is the other half of the experiment.

#include <waitwork/base/clock.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/coro/task.hpp>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

struct io_uring_sqe;

namespace waitwork {

class ring;
class timer_heap;
class operation;
class timer;

struct loop_options {
  // Entries of the submission queue, 64 bytes each.
  unsigned submission_entries = 256;
  // A turn hands its submissions to the kernel whenever this many have gathered, and what is left at its end. Larger
  // saves system calls; smaller keeps a device busy while coroutines still run. Random 4 KiB direct reads at depth 64
  // reached 0.81 of fio's rate with one batch a turn, and 0.99, 0.97, 0.99, 0.89 with batches of 8, 4, 2, 1
  // (virtio disk, two CPUs, geometric mean of 5 interleaved runs); TCP echo did not tell 8 from one batch a turn.
  unsigned submission_batch = 8;
  // Completions the kernel can note before it falls back to its slower overflow list; keep at or above the number
  // of operations in flight.
  unsigned completion_entries = 4096;
};

// What explains a loop's speed. All counts since construction.
struct loop_counters {
  std::uint64_t turns = 0;            // rounds of the figure above
  std::uint64_t enters = 0;           // times the loop entered the kernel
  std::uint64_t waits = 0;            // of those, the ones that were allowed to sleep
  std::uint64_t submissions = 0;      // SQEs handed to the kernel
  std::uint64_t completions = 0;      // CQEs taken
  std::uint64_t queue_full = 0;       // early enters because the submission queue was full
  std::uint64_t overflows = 0;        // turns that found the kernel's completion overflow list in use
  std::uint64_t timers_expired = 0;
  std::uint64_t posts_taken = 0;      // coroutines handed over by other threads
  std::uint64_t wakes_received = 0;   // times other threads rang the bell; posts without it cost no system call

  // Sums and differences, field by field: of several loops, or of two moments of one.
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

  // Drives `main` to completion on this thread and gives its value, or throws its exception. While it runs,
  // current() is this loop. Not reentrant.
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

  // Queues a coroutine of this loop from any thread, and wakes the loop if it sleeps. `node` must stay alive until
  // the coroutine is resumed. The wake costs one system call and is elided while the loop is awake.
  void post(ready_node& node) noexcept;

  // For awaitables of this layer.
  io_uring_sqe* next_submission(operation& owner);
  void start_timer(timer& expiring);

 private:
  static task<void> supervise(task<void> main, bool& finished);
  void run_until(const bool& finished, std::coroutine_handle<> main);
  void resume_ready();
  void gather_ready();
  void enter_kernel(bool may_sleep);
  io_uring_sqe* free_submission();
  void drain_completions();
  void take_posted(bool announced_sleep);
  bool announce_sleep() noexcept;
  void arm_bell();

  std::unique_ptr<ring> ring_;
  std::unique_ptr<timer_heap> timers_;
  ready_queue ready_;
  std::uint64_t in_flight_ = 0;  // operations the kernel has not answered yet, without the bell's
  bool running_ = false;
  unsigned submission_batch_;
  loop_counters counters_;

  // The bell is an eventfd that the ring reads. Every poster that finds the loop asleep rings it exactly once, maybe
  // after the loop has been woken by something else; the destructor waits for the rings it is owed, because a poster
  // may still be on its way into write().
  unique_fd bell_;
  bool bell_armed_ = false;
  std::uint64_t bell_reading_ = 0;  // where the kernel puts the number of rings since the last reading
  std::uint64_t rings_received_ = 0;
  std::uint64_t rings_expected_ = 0;

  // Written by other threads, so kept off the cache lines above. States of posted_:
  //   nullptr        awake, nothing posted
  //   &asleep        about to sleep or sleeping, nothing posted: the first poster rings the bell
  //   anything else  the newest of a stack of posted nodes
  alignas(64) std::atomic<ready_node*> posted_{nullptr};
};

namespace detail {

class yield_awaiter : private ready_node {
 public:
  yield_awaiter() noexcept = default;
  yield_awaiter(const yield_awaiter&) = delete;
  yield_awaiter& operator=(const yield_awaiter&) = delete;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) noexcept {
    waiter = self;
    loop::current().make_ready(*this);
  }
  void await_resume() const noexcept {}
};

// Stores the outcome of a task outside it, because a task hands its outcome to whoever awaits it.
template <class T>
task<void> store_outcome(task<T> main, std::optional<T>& value) {
  value.emplace(co_await std::move(main));
}

}  // namespace detail

// Lets every other ready coroutine of this loop run first. Costs no system call.
[[nodiscard]] inline detail::yield_awaiter yield() noexcept { return {}; }

template <class T>
T loop::run(task<T> main) {
  if constexpr (std::is_void_v<T>) {
    bool finished = false;
    task<void> root = supervise(std::move(main), finished);
    run_until(finished, root.handle());
    root.handle().promise().take();
  } else {
    std::optional<T> value;
    run(detail::store_outcome(std::move(main), value));
    return std::move(*value);
  }
}

}  // namespace waitwork
