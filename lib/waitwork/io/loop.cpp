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

// What a completion belongs to, in its user_data. An object's address ends in three zero bits; a multishot's gets the
// lowest one set. bell_data and cancel_data are no addresses.
constexpr std::uint64_t multishot_mark = 1;
constexpr std::uint64_t cancel_data = 4;

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
      timers_(std::make_unique<timer_heap>()),
      posted_(std::make_shared<remote_queue>(*ring_)),
      submission_batch_(options.submission_batch),
      seam_(options.seam) {}

loop::~loop() {
  WAITWORK_CHECK(run_ == nullptr, "a loop is not destroyed from inside its own run()");
  WAITWORK_CHECK(awaited_ == 0 && unattended_ == 0, "no request is in flight when its loop ends");
  WAITWORK_CHECK(timers_->empty(), "no coroutine sleeps when its loop ends");
  // Nobody else may ring any more: complete the pending read ourselves, so that the kernel is done with bell_reading_.
  if (bell_armed_ && !posted_->is_owed_rings()) posted_->ring_for_ourselves();
  seam_ = nullptr;
  while (bell_armed_ || posted_->is_owed_rings()) {
    arm_bell();  // if an eventfd it is
    enter_kernel(true);
    drain_completions();
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
  WAITWORK_CHECK(awaited_ == 0, "every operation was awaited before run() returned");
  for (ready_node* late = posted_->close(); late != nullptr;) {
    ready_node* const next = late->next;
    ready_.push(*late);
    late = next;
  }
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
  if (ready_.empty() && io_uring_cq_ready(ring_->get()) == 0) arm_bell();
  // Arming may have drained completions to get an entry, so what is ready is looked at again.
  const bool announced = may_sleep() && posted_->announce_sleep();
  enter_kernel(announced);
  drain_completions();
  call_deferred();
  if (!timers_->empty()) expire_timers();
  take_posted(announced);
}

bool loop::may_sleep() {
  if (!ready_.empty() || io_uring_cq_ready(ring_->get()) != 0) return false;
  if (!bell_armed_ && posted_->eventfd() >= 0) return false;
  if (seam_ == nullptr) return true;
  return seam_->may_sleep(timers_->empty() ? std::nullopt : std::optional(timers_->earliest_ns()));
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
  counters_.in_flight_peak = std::max(counters_.in_flight_peak, awaited_ + unattended_);
  urgent_ = 0;
  if (seam_ != nullptr) ring_->for_each_unsubmitted([this](io_uring_sqe& entry) { seam_->submitting(entry); });
}

// A free entry of the submission queue. Enters the kernel before the turn's own time if a batch is full or the queue
// is; called from within coroutines, so completions are at most noted here.
io_uring_sqe* loop::free_submission() {
  if (urgent_ >= submission_batch_) [[unlikely]] {
    about_to_submit();
    io_uring_submit(ring_->get());  // whatever it could not take stays in the queue
  }
  io_uring_sqe* entry = io_uring_get_sqe(ring_->get());
  while (entry == nullptr) [[unlikely]] {
    ++counters_.queue_full;
    const int answer = submit_and_get_events();
    require_transient(answer);
    if (answer == -EBUSY || answer == -EAGAIN) drain_completions();
    entry = io_uring_get_sqe(ring_->get());
  }
  return entry;
}

io_uring_sqe* loop::next_submission(operation& owner, stop_source* stop, bool urgent) {
  if (seam_ != nullptr) [[unlikely]] seam_->requesting();
  if (stop != nullptr) {
    if (stop->stop_requested()) [[unlikely]] {
      owner.answer_ = -ECANCELED;
      make_ready(owner);
      return nullptr;
    }
    owner.listen(stop);
  }
  io_uring_sqe* const entry = free_submission();
  io_uring_sqe_set_data64(entry, data_of(owner));
  ++awaited_;
  urgent_ += urgent;
  return entry;
}

io_uring_sqe* detail::begin_operation(operation& asked, stop_source* stop, bool urgent) {
  return loop::current().next_submission(asked, stop, urgent);
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

void loop::drain_completions() {
  walk_completions();
  if (seam_ == nullptr) [[likely]] return;
  while (seam_->expects_more()) {
    io_uring_cqe* first = nullptr;
    require_transient(io_uring_wait_cqe(ring_->get(), &first));
    walk_completions();
  }
  while (const std::optional<completion> next = seam_->released()) {
    accept_completion(next->user_data, next->answer, next->flags);
  }
}

void loop::walk_completions() {
  io_uring_cqe* completed = nullptr;
  unsigned head = 0;
  unsigned count = 0;
  io_uring_for_each_cqe(ring_->get(), head, completed) {
    ++count;
    if (seam_ == nullptr) [[likely]] {
      accept_completion(completed->user_data, completed->res, completed->flags);
    } else {
      seam_->completed({completed->user_data, completed->res, completed->flags});
    }
  }
  io_uring_cq_advance(ring_->get(), count);
  counters_.completions += count;
}

// Notes one completion. Submits nothing and resumes nobody: the ring is being walked.
void loop::accept_completion(std::uint64_t user_data, std::int32_t answer, std::uint32_t flags) noexcept {
  if (user_data == bell_data) [[unlikely]] {
    bell_rang(answer);
  } else if (user_data == cancel_data) [[unlikely]] {
    --unattended_;
  } else if ((user_data & multishot_mark) != 0) {
    const bool last = (flags & IORING_CQE_F_MORE) == 0;
    if (last) --unattended_;
    reinterpret_cast<multishot*>(user_data & ~multishot_mark)->complete(answer, flags, last);
  } else {
    complete(*reinterpret_cast<operation*>(user_data), answer, flags);
  }
}

// A zero-copy send completes twice: with its outcome, and when the kernel is done with the buffer (F_NOTIF). Its
// coroutine goes on after the second.
void loop::complete(operation& done, std::int32_t answer, std::uint32_t flags) noexcept {
  if ((flags & IORING_CQE_F_NOTIF) == 0) {
    done.answer_ = answer;
    done.answer_flags_ = flags;
  }
  if ((flags & IORING_CQE_F_MORE) != 0) return;
  done.stop_listening();
  --awaited_;
  ready_.push(done);
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
  if (posted_->eventfd() >= 0) {
    WAITWORK_CHECK(answer == static_cast<int>(sizeof bell_reading_) || answer == -EINTR || answer == -EAGAIN,
                   "reading the bell's eventfd gives eight bytes");
    bell_armed_ = false;
    rings = answer < 0 ? 0 : bell_reading_;
  }
  posted_->received(rings);
  counters_.wakes_received += rings;
}

void loop::take_posted(bool announced_sleep) {
  for (ready_node* oldest = posted_->take(announced_sleep); oldest != nullptr;) {
    ready_node* const next = oldest->next;
    ready_.push(*oldest);
    ++counters_.posts_taken;
    oldest = next;
  }
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
