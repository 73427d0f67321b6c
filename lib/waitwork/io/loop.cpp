#include <waitwork/io/loop.hpp>

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <waitwork/base/check.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/io/operation.hpp>
#include <waitwork/io/ring.hpp>
#include <waitwork/io/timer.hpp>
#include <waitwork/io/timer_heap.hpp>

namespace waitwork {
namespace {

thread_local loop* running_loop = nullptr;

ready_node asleep;  // never queued: its address is a state of loop::posted_

// An operation's address is its request's user_data; the bell is nobody's operation.
constexpr std::uint64_t bell_data = 1;

unique_fd make_bell() {
  unique_fd bell(::eventfd(0, EFD_CLOEXEC));
  if (!bell) {
    throw environment_error("create", "an eventfd", std::generic_category().message(errno),
                            "raise the limit of open files (ulimit -n)");
  }
  return bell;
}

// A bare system call: ThreadSanitizer watches the descriptor in eventfd_write(), but cannot see that the ring's read
// of it comes before the loop closes it.
void ring_bell(int bell) noexcept {
  const std::uint64_t once = 1;
  ::syscall(SYS_write, bell, &once, sizeof once);
}

// ETIME: the timeout passed. EINTR: a signal. EAGAIN, EBUSY: the kernel wants its completions drained first. All of them
// are answered by going round; what was not submitted stays in the queue.
void require_transient(int answer) {
  WAITWORK_CHECK(answer >= 0 || answer == -ETIME || answer == -EINTR || answer == -EAGAIN || answer == -EBUSY,
                 "io_uring_enter fails only for reasons that another turn answers");
}

template <class Combine>
void combine(loop_counters& into, const loop_counters& other, Combine&& each) {
  each(into.turns, other.turns);
  each(into.enters, other.enters);
  each(into.waits, other.waits);
  each(into.submissions, other.submissions);
  each(into.completions, other.completions);
  each(into.queue_full, other.queue_full);
  each(into.overflows, other.overflows);
  each(into.timers_expired, other.timers_expired);
  each(into.posts_taken, other.posts_taken);
  each(into.wakes_received, other.wakes_received);
}

}  // namespace

loop_counters& loop_counters::operator+=(const loop_counters& other) noexcept {
  combine(*this, other, [](std::uint64_t& into, std::uint64_t value) { into += value; });
  return *this;
}

loop_counters& loop_counters::operator-=(const loop_counters& other) noexcept {
  combine(*this, other, [](std::uint64_t& into, std::uint64_t value) { into -= value; });
  return *this;
}

loop::loop(const loop_options& options)
    : ring_(std::make_unique<ring>(options.submission_entries, options.completion_entries)),
      timers_(std::make_unique<timer_heap>()),
      submission_batch_(options.submission_batch),
      bell_(make_bell()) {}

loop::~loop() {
  WAITWORK_CHECK(!running_, "a loop is not destroyed from inside its own run()");
  WAITWORK_CHECK(in_flight_ == 0, "no operation is in flight when its loop ends");
  WAITWORK_CHECK(timers_->empty(), "no coroutine sleeps when its loop ends");
  if (bell_armed_ && rings_received_ == rings_expected_) {
    // Nobody else will: complete the pending read ourselves, so that the kernel is done with bell_reading_.
    ++rings_expected_;
    ring_bell(bell_.get());
  }
  while (bell_armed_ || rings_received_ < rings_expected_) {
    arm_bell();
    enter_kernel(true);
    drain_completions();
  }
}

unsigned loop::setup_flags() const noexcept { return ring_->setup_flags(); }

loop& loop::current() noexcept {
  WAITWORK_CHECK(running_loop != nullptr, "awaiting I/O or a timer needs a running loop on this thread");
  return *running_loop;
}

task<void> loop::supervise(task<void> main, bool& finished) {
  try {
    co_await std::move(main);
  } catch (...) {
    finished = true;
    throw;
  }
  finished = true;
}

void loop::run_until(const bool& finished, std::coroutine_handle<> main) {
  WAITWORK_CHECK(running_loop == nullptr, "a thread runs one loop at a time");
  running_loop = this;
  running_ = true;
  ready_node root;
  root.waiter = main;
  make_ready(root);
  for (;;) {
    ++counters_.turns;
    resume_ready();
    if (finished) break;
    gather_ready();
  }
  running_ = false;
  running_loop = nullptr;
  WAITWORK_CHECK(in_flight_ == 0, "every operation was awaited before run() returned");
}

// The rest of the turn: kernel, completions, timers, posts.
void loop::gather_ready() {
  const bool idle = ready_.empty() && io_uring_cq_ready(ring_->get()) == 0;
  if (idle) arm_bell();
  // Arming may have drained completions to get an entry, so what is ready is looked at again.
  const bool announced = idle && ready_.empty() && announce_sleep();
  enter_kernel(announced);
  drain_completions();
  if (!timers_->empty()) {
    const std::int64_t now = now_ns();
    while (!timers_->empty() && timers_->earliest_ns() <= now) {
      ready_.push(timers_->pop());
      ++counters_.timers_expired;
    }
  }
  take_posted(announced);
}

// Runs what was ready when the turn began; what becomes ready meanwhile waits for the next turn, so that a coroutine
// that keeps yielding cannot keep the loop from the kernel.
void loop::resume_ready() {
  ready_node* node = ready_.take_all();
  while (node != nullptr) {
    ready_node* next = node->next;  // the node dies with the awaiter it is part of
    node->waiter.resume();
    node = next;
  }
}

void loop::enter_kernel(bool may_sleep) {
  io_uring* ring = ring_->get();
  if (ring_->overflowed()) ++counters_.overflows;
  int answer = 0;
  if (may_sleep) {
    __kernel_timespec timeout{};
    __kernel_timespec* until = nullptr;
    if (!timers_->empty()) {
      const std::int64_t remaining_ns = std::max<std::int64_t>(timers_->earliest_ns() - now_ns(), 0);
      timeout.tv_sec = remaining_ns / 1'000'000'000;
      timeout.tv_nsec = remaining_ns % 1'000'000'000;
      until = &timeout;
    }
    ++counters_.enters;
    ++counters_.waits;
    io_uring_cqe* first = nullptr;
    answer = io_uring_submit_and_wait_timeout(ring, &first, 1, until, nullptr);
  } else if (io_uring_sq_ready(ring) > 0 || ring_->task_work_pending() || ring_->overflowed()) {
    ++counters_.enters;
    answer = io_uring_submit_and_get_events(ring);
  }
  require_transient(answer);
}

// A free entry of the submission queue. Enters the kernel before the turn's own time if a batch is full or the queue
// is; called from within coroutines, so completions are at most noted here.
io_uring_sqe* loop::free_submission() {
  if (io_uring_sq_ready(ring_->get()) >= submission_batch_) {
    ++counters_.enters;
    io_uring_submit(ring_->get());  // whatever it could not take stays in the queue
  }
  io_uring_sqe* entry = io_uring_get_sqe(ring_->get());
  while (entry == nullptr) {
    ++counters_.queue_full;
    ++counters_.enters;
    const int answer = io_uring_submit_and_get_events(ring_->get());
    require_transient(answer);
    if (answer == -EBUSY || answer == -EAGAIN) drain_completions();
    entry = io_uring_get_sqe(ring_->get());
  }
  ++counters_.submissions;
  return entry;
}

io_uring_sqe* loop::next_submission(operation& owner) {
  io_uring_sqe* entry = free_submission();
  ++in_flight_;
  io_uring_sqe_set_data(entry, &owner);
  return entry;
}

void loop::start_timer(timer& expiring) { timers_->push(expiring); }

void loop::drain_completions() {
  io_uring* ring = ring_->get();
  io_uring_cqe* completion = nullptr;
  unsigned head = 0;
  unsigned count = 0;
  io_uring_for_each_cqe(ring, head, completion) {
    ++count;
    if (completion->user_data == bell_data) {
      WAITWORK_CHECK(completion->res == static_cast<int>(sizeof bell_reading_) ||
                         completion->res == -EINTR || completion->res == -EAGAIN,
                     "reading the bell's eventfd gives eight bytes");
      if (completion->res > 0) {
        rings_received_ += bell_reading_;
        counters_.wakes_received += bell_reading_;
      }
      bell_armed_ = false;
      continue;
    }
    auto* owner = static_cast<operation*>(io_uring_cqe_get_data(completion));
    owner->complete(completion->res);
    --in_flight_;
    ready_.push(*owner);
  }
  io_uring_cq_advance(ring, count);
  counters_.completions += count;
}

void loop::arm_bell() {
  if (bell_armed_) return;
  io_uring_sqe* entry = free_submission();
  io_uring_prep_read(entry, bell_.get(), &bell_reading_, sizeof bell_reading_, 0);
  io_uring_sqe_set_data64(entry, bell_data);
  bell_armed_ = true;
}

// Publishes that this loop is about to sleep. False if something was posted before: then it must not.
bool loop::announce_sleep() noexcept {
  ready_node* nothing = nullptr;
  return posted_.compare_exchange_strong(nothing, &asleep, std::memory_order_relaxed,
                                         std::memory_order_relaxed);
}

void loop::take_posted(bool announced_sleep) {
  // Acquire: pairs with the poster's release, so that what it computed is visible to the coroutine.
  if (!announced_sleep && posted_.load(std::memory_order_relaxed) == nullptr) return;
  ready_node* newest = posted_.exchange(nullptr, std::memory_order_acquire);
  if (newest == &asleep) return;
  if (announced_sleep) ++rings_expected_;
  ready_node* oldest = nullptr;  // the stack reversed, so that who posted first goes first
  while (newest != nullptr) {
    ready_node* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    ready_node* next = oldest->next;
    ready_.push(*oldest);
    ++counters_.posts_taken;
    oldest = next;
  }
}

void loop::post(ready_node& node) noexcept {
  const int bell = bell_.get();
  ready_node* seen = posted_.load(std::memory_order_relaxed);
  do {
    node.next = seen == &asleep ? nullptr : seen;
  } while (!posted_.compare_exchange_weak(seen, &node, std::memory_order_release,
                                          std::memory_order_relaxed));
  // From here on the loop may have taken the node. It is alive only if it was asleep, for then it awaits our ring.
  if (seen == &asleep) ring_bell(bell);
}

}  // namespace waitwork
