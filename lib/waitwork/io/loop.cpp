// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/loop.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/io/fault_seam.hpp>
#include <waitwork/io/multishot.hpp>
#include <waitwork/io/operation.hpp>
#include <waitwork/io/remote.hpp>
#include <waitwork/io/remote_queue.hpp>
#include <waitwork/io/ring.hpp>
#include <waitwork/io/timer.hpp>
#include <waitwork/io/timer_heap.hpp>

namespace waitwork {
namespace {

constinit thread_local loop* running_loop = nullptr;

// What a completion belongs to, in its user_data: an operation's address, which ends in three zero bits; or a
// multishot's with the lowest one set; or bell_data or cancel_data, which are no addresses.
constexpr std::uint64_t no_operation_mask = 7;
constexpr std::uint64_t multishot_mark = 1;
constexpr std::uint64_t cancel_data = 4;
static_assert(alignof(operation) > no_operation_mask);
static_assert((bell_data & no_operation_mask) != 0 && (bell_data & multishot_mark) == 0);

std::uint64_t data_of(const operation& owner) noexcept { return reinterpret_cast<std::uintptr_t>(&owner); }
std::uint64_t data_of(const multishot& owner) noexcept {
  return reinterpret_cast<std::uintptr_t>(&owner) | multishot_mark;
}

// ETIME: the timeout passed. EINTR: a signal. EAGAIN, EBUSY: the kernel wants its completions drained first. All of
// them are answered by going round; what was not submitted stays in the queue.
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
  each(into.cancels, other.cancels);
}

}  // namespace

loop_counters& loop_counters::operator+=(const loop_counters& other) noexcept {
  combine(*this, other, [](std::uint64_t& into, std::uint64_t value) { into += value; });
  in_flight_peak = std::max(in_flight_peak, other.in_flight_peak);
  return *this;
}

loop_counters& loop_counters::operator-=(const loop_counters& other) noexcept {
  combine(*this, other, [](std::uint64_t& into, std::uint64_t value) { into -= value; });
  return *this;
}

// What lives as long as one run().
struct loop::run_state {
  stop_source stop;
  scope spawned{&stop};  // from outside, by way of a remote
  bool closing = false;  // the task has ended: nothing more is spawned
};

loop::loop(const loop_options& options)
    : ring_(std::make_unique<waitwork::ring>(options.submission_entries, options.completion_entries)),
      seam_(options.seam),
      timers_(std::make_unique<timer_heap>()),
      posted_(std::make_shared<remote_queue>(*ring_)),
      submission_batch_(options.submission_batch) {}

loop::~loop() {
  WAITWORK_CHECK(run_ == nullptr, "a loop is not destroyed from inside its own run()");
  WAITWORK_CHECK(awaited() == 0 && unattended_ == 0, "no request is in flight when its loop ends");
  WAITWORK_CHECK(timers_->empty(), "no coroutine sleeps when its loop ends");
  // Nobody else may ring any more: complete the pending read ourselves, so that the kernel is done with bell_reading_.
  if (bell_armed_ && !posted_->is_owed_rings()) posted_->ring_for_ourselves();
  seam_ = nullptr;
  while (bell_armed_ || posted_->is_owed_rings()) {
    arm_bell();  // if an eventfd it is
    enter_kernel(true);
    resume_completed();
  }
}

unsigned loop::setup_flags() const noexcept { return ring_->setup_flags(); }

loop& loop::current() noexcept {
  WAITWORK_CHECK(running_loop != nullptr, "awaiting I/O or a timer needs a running loop on this thread");
  return *running_loop;
}

std::int64_t loop::now_ns() const { return seam_ == nullptr ? waitwork::now_ns() : seam_->now_ns(); }

// --- one run -----------------------------------------------------------------------------------------------------

task<void> loop::supervise(task<void> main, bool& finished) {
  try {
    co_await std::move(main);
  } catch (...) {
    finished = true;
    throw;
  }
  finished = true;
}

void loop::run_until(const bool& finished, task<void>& main) {
  WAITWORK_CHECK(running_loop == nullptr, "a thread runs one loop at a time");
  const ready_queue::as_current queue(ready_);
  run_state state;
  run_ = &state;
  running_loop = this;
  posted_->open();
  main.handle().promise().set_stop(&state.stop);
  ready_node root;
  root.waiter = main.handle();
  make_ready(root);
  ++counters_.turns;
  resume_ready();
  while (!finished) turn();
  finish_spawned();
  running_loop = nullptr;
  run_ = nullptr;
}

// The task has ended; what was spawned from outside is stopped and joined, and the kernel's last answers awaited.
void loop::finish_spawned() {
  run_->closing = true;
  run_->spawned.request_stop();
  while (run_->spawned.running() > 0 || unattended_ > 0 || deferred_ != nullptr) turn();
  WAITWORK_CHECK(awaited() == 0, "every operation was awaited before run() returned");
  ready_.push_all(posted_->close());
  resume_ready();  // each finds that it came too late, and says so to whoever sent it
  WAITWORK_CHECK(ready_.empty() && run_->spawned.running() == 0, "what comes too late is not begun");
}

void loop::turn() {
  gather_ready();
  ++counters_.turns;
  resume_ready();
}

// Runs what was ready when the turn began; what becomes ready meanwhile waits for the next turn, so that a coroutine
// that keeps yielding cannot keep the loop from the kernel.
void loop::resume_ready() {
  ready_node* node = ready_.take_all();
  while (node != nullptr) {
    ready_node* const next = node->next;  // the node dies with the awaiter it is part of
    node->waiter.resume();
    if (seam_ != nullptr) seam_->suspended();
    node = next;
  }
}

// The rest of the turn: kernel, completions, timers, posts.
void loop::gather_ready() {
  if (ready_.empty() && !ring_->has_completions()) arm_bell();
  if (expected_ > 0 && seam_ == nullptr) look_out_for_answer();
  // Arming may have drained completions to get an entry, so what is ready is looked at again.
  const bool announced = may_sleep() && posted_->announce_sleep();
  enter_kernel(announced);
  resume_completed();
  call_deferred();
  if (!timers_->empty()) expire_timers();
  take_posted(announced);
}

// A timer may be late by as long as that takes, which is less than the kernel's own slack.
void loop::look_out_for_answer() {
  if (!may_sleep()) return;
  if (ring_->unsubmitted() > 0) enter_kernel(false);
  patience_.until([this] { return posted_->has_posts() || ring_->has_completions() || ring_->task_work_pending(); });
}

bool loop::may_sleep() {
  if (!ready_.empty() || (!bell_armed_ && posted_->eventfd() >= 0)) return false;
  // A test is asked in any case: whether something has completed by now may depend on the kernel's worker threads.
  const bool wanted =
      seam_ == nullptr || seam_->may_sleep(timers_->empty() ? std::nullopt : std::optional(timers_->earliest_ns()));
  return wanted && !ring_->has_completions();
}

void loop::request_stop() noexcept {
  if (run_ != nullptr) run_->stop.request_stop();
}

// --- timers ------------------------------------------------------------------------------------------------------

void loop::start_timer(timer& pending) { timers_->push(pending); }

void loop::cancel_timer(timer& pending) noexcept { timers_->remove(pending); }

void loop::expire_timers() {
  const std::int64_t now = now_ns();
  while (!timers_->empty() && timers_->earliest_ns() <= now) {
    timers_->pop().on_expiry();
    ++counters_.timers_expired;
  }
}

// --- submitting --------------------------------------------------------------------------------------------------

void loop::enter_kernel(bool may_sleep) {
  if (ring_->overflowed()) ++counters_.overflows;
  int answer = 0;
  if (may_sleep) {
    ++counters_.waits;
    answer = submit_and_wait();
  } else if (io_uring_sq_ready(ring_->get()) > 0 || ring_->task_work_pending() || ring_->overflowed()) {
    answer = submit_and_get_events();
  }
  require_transient(answer);
}

// Sleeps until something completes or the earliest timer is due.
int loop::submit_and_wait() {
  __kernel_timespec timeout{};
  __kernel_timespec* until = nullptr;
  if (!timers_->empty()) {
    const std::int64_t remaining_ns = std::max<std::int64_t>(timers_->earliest_ns() - now_ns(), 0);
    timeout.tv_sec = remaining_ns / 1'000'000'000;
    timeout.tv_nsec = remaining_ns % 1'000'000'000;
    until = &timeout;
  }
  about_to_submit();
  io_uring_cqe* first = nullptr;
  return io_uring_submit_and_wait_timeout(ring_->get(), &first, 1, until, nullptr);
}

int loop::submit_and_get_events() {
  about_to_submit();
  return io_uring_submit_and_get_events(ring_->get());
}

// Before every enter: what it hands over is counted, and shown to the seam.
void loop::about_to_submit() {
  ++counters_.enters;
  counters_.submissions += ring_->unsubmitted();
  counters_.in_flight_peak = std::max<std::uint64_t>(counters_.in_flight_peak, in_flight());
  urgent_ = 0;
  if (seam_ != nullptr) ring_->for_each_unsubmitted([this](io_uring_sqe& entry) { seam_->submitting(entry); });
}

// Requests in the kernel or on their way there, the bell's reading aside. Nothing is counted for it on an operation's
// way: begun and completed are the ring's own counts.
unsigned loop::in_flight() const noexcept { return ring_->begun_less_completed() + extra_ - (bell_armed_ ? 1 : 0); }

// Those that have a coroutine that waits.
unsigned loop::awaited() const noexcept { return seam_ == nullptr ? in_flight() - unattended_ : awaited_by_seam_; }

// An entry of the submission queue; enters the kernel before the turn's own time if the queue is full. Called from
// within coroutines, so nobody is resumed here.
io_uring_sqe* loop::free_submission() {
  io_uring_sqe* entry = ring_->take_entry();
  while (entry == nullptr) [[unlikely]] {
    ++counters_.queue_full;
    const int answer = submit_and_get_events();
    require_transient(answer);
    if (answer == -EBUSY || answer == -EAGAIN) queue_completed();
    entry = ring_->take_entry();
  }
  return entry;
}

// The way of every operation, so nothing is on it that could be elsewhere: its instructions are what a coroutine costs
// over a loop written by hand (bench/peers/nop).
io_uring_sqe* loop::next_submission(operation& owner, stop_source* stop) {
  const bool stopped = stop != nullptr && stop->stop_requested();
  if (seam_ == nullptr && !stopped) [[likely]] {
    if (io_uring_sqe* const entry = ring_->take_entry()) [[likely]] {
      if (stop != nullptr) owner.join(*stop);
      entry->user_data = data_of(owner);
      return entry;
    }
  }
  return hindered_submission(owner, stop);
}

// A stop was requested, or the queue is full, or a test looks on.
io_uring_sqe* loop::hindered_submission(operation& owner, stop_source* stop) {
  if (seam_ != nullptr) seam_->requesting();
  if (stop != nullptr && stop->stop_requested()) {
    owner.outcome_ = {-ECANCELED, 0};
    make_ready(owner);
    return nullptr;
  }
  if (stop != nullptr) owner.listen(stop);
  io_uring_sqe* const entry = free_submission();
  entry->user_data = data_of(owner);
  if (seam_ != nullptr) ++awaited_by_seam_;
  return entry;
}

// Hands over what has gathered when it is a batch.
io_uring_sqe* loop::next_urgent_submission(operation& owner, stop_source* stop) {
  if (urgent_ >= submission_batch_) {
    about_to_submit();
    io_uring_submit(ring_->get());  // whatever it could not take stays in the queue
  }
  ++urgent_;
  return next_submission(owner, stop);
}

io_uring_sqe* detail::begin_operation(operation& asked, stop_source* stop) {
  return loop::current().next_submission(asked, stop);
}

io_uring_sqe* detail::begin_urgent_operation(operation& asked, stop_source* stop) {
  return loop::current().next_urgent_submission(asked, stop);
}

void operation::on_stop() noexcept { loop::current().cancel(*this); }

io_uring_sqe* loop::next_submission(multishot& owner) {
  io_uring_sqe* const entry = free_submission();
  io_uring_sqe_set_data64(entry, data_of(owner));
  ++unattended_;
  return entry;
}

void loop::cancel(operation& pending) noexcept { cancel(data_of(pending)); }
void loop::cancel(multishot& pending) noexcept { cancel(data_of(pending)); }

// The entries of a ring are issued in order, so a request that comes to live at the same address later is safe from
// this one. What the cancellation itself answers is of no interest: the request's own completion says what happened.
void loop::cancel(std::uint64_t user_data) noexcept {
  io_uring_sqe* const entry = free_submission();
  io_uring_prep_cancel64(entry, user_data, 0);
  io_uring_sqe_set_data64(entry, cancel_data);
  ++unattended_;
  ++counters_.cancels;
}

// --- completing --------------------------------------------------------------------------------------------------

// Coroutines go on where their completions are taken, one after the other: what a completion has brought into the cache
// is used while it is there. (Queued first and resumed afterwards, a NOP cost 4 % more.)
void loop::resume_completed() {
  if (seam_ == nullptr) [[likely]] {
    take_completions([](operation& done) { done.waiter.resume(); });
  } else {
    take_completions_from_seam([this](operation& done) {
      done.waiter.resume();
      seam_->suspended();
    });
  }
}

// The same while a coroutine is running.
void loop::queue_completed() {
  const auto queue = [this](operation& done) { ready_.push(done); };
  if (seam_ == nullptr) {
    take_completions(queue);
  } else {
    take_completions_from_seam(queue);
  }
}

template <class GoOn>
void loop::take_completions(GoOn go_on) {
  counters_.completions +=
      ring_->take_completions([&](std::uint64_t user_data, std::int32_t answer, std::uint32_t flags) {
        accept(user_data, answer, flags, go_on);
      });
}

template <class GoOn>
void loop::take_completions_from_seam(GoOn go_on) {
  const auto show = [this] {
    counters_.completions +=
        ring_->take_completions([this](std::uint64_t user_data, std::int32_t answer, std::uint32_t flags) {
          seam_->completed({user_data, answer, flags});
        });
  };
  show();
  while (seam_->expects_more()) {
    io_uring_cqe* first = nullptr;
    require_transient(io_uring_wait_cqe(ring_->get(), &first));
    show();
  }
  const auto counted = [&](operation& done) {
    --awaited_by_seam_;
    go_on(done);
  };
  while (const std::optional<completion> next = seam_->released()) {
    accept(next->user_data, next->answer, next->flags, counted);
  }
}

// One completion. Calls go_on(operation) if one is complete by it.
//
// A zero-copy send completes twice: with its outcome, and when the kernel is done with the buffer (F_NOTIF). Its
// coroutine goes on after the second.
template <class GoOn>
void loop::accept(std::uint64_t user_data, std::int32_t answer, std::uint32_t flags, const GoOn& go_on) {
  if ((user_data & no_operation_mask) != 0) [[unlikely]]
    return accept_unattended(user_data, answer, flags);
  operation& done = *reinterpret_cast<operation*>(user_data);
  if ((flags & IORING_CQE_F_NOTIF) == 0) [[likely]]
    done.outcome_ = {answer, flags};
  if ((flags & IORING_CQE_F_MORE) != 0) [[unlikely]] {
    ++extra_;
    return;
  }
  done.stop_listening();
  go_on(done);
}

// Resumes nobody, submits nothing.
void loop::accept_unattended(std::uint64_t user_data, std::int32_t answer, std::uint32_t flags) noexcept {
  if (user_data == bell_data) return bell_rang(answer);
  const bool last = (flags & IORING_CQE_F_MORE) == 0;
  if (last) {
    --unattended_;
  } else {
    ++extra_;
  }
  if (user_data == cancel_data) return;
  multishot* const owner = reinterpret_cast<multishot*>(user_data & ~multishot_mark);
  owner->complete(answer, flags, last);
}

void loop::defer(multishot& until_drained) noexcept {
  until_drained.next_deferred_ = std::exchange(deferred_, &until_drained);
}

void loop::call_deferred() {
  while (deferred_ != nullptr) {
    multishot& next = *std::exchange(deferred_, deferred_->next_deferred_);
    next.drained();
  }
}

// --- other threads -----------------------------------------------------------------------------------------------

// An eventfd must be read to be heard.
void loop::arm_bell() {
  if (bell_armed_ || posted_->eventfd() < 0) return;
  io_uring_sqe* const entry = free_submission();
  io_uring_prep_read(entry, posted_->eventfd(), &bell_reading_, sizeof bell_reading_, 0);
  io_uring_sqe_set_data64(entry, bell_data);
  bell_armed_ = true;
}

void loop::bell_rang(std::int32_t answer) noexcept {
  std::uint64_t rings = 1;
  if (posted_->eventfd() < 0) {
    ++extra_;
  } else {
    // What has not been read for a signal or for want of memory is read by the next request.
    const bool not_yet = answer == -EINTR || answer == -EAGAIN || answer == -ENOMEM || answer == -ECANCELED;
    WAITWORK_CHECK(answer == static_cast<int>(sizeof bell_reading_) || not_yet,
                   "reading the bell's eventfd gives eight bytes");
    bell_armed_ = false;
    rings = answer < 0 ? 0 : bell_reading_;
  }
  posted_->received(rings);
  counters_.wakes_received += rings;
}

void loop::take_posted(bool announced_sleep) {
  counters_.posts_taken += ready_.push_all(posted_->take(announced_sleep));
}

void loop::post(ready_node& node) noexcept {
  WAITWORK_CHECK(posted_->post(node), "a coroutine is posted back to a loop that still runs for it");
}

waitwork::remote loop::remote() const noexcept { return waitwork::remote(posted_); }

loop* loop::running_with(const remote_queue& queue) noexcept {
  return running_loop != nullptr && running_loop->posted_.get() == &queue ? running_loop : nullptr;
}

scope* loop::spawned() noexcept { return run_ == nullptr || run_->closing ? nullptr : &run_->spawned; }

}  // namespace waitwork
